/** Deleting as data: what a plan holds, and the JSON of `rm`, `gc` and `du` (spec 01 §9). Pure. */
import { Schema } from "effect"

const count = Schema.Int.pipe(Schema.nonNegative())

/**
 * One thing to delete. A `snapshot` disappears as a whole; `partial` is what an interrupted download left, `shared` a payload of
 * the shared store or its list of users, `leftover` what belongs to nothing any more, `repo` what is left of a repo's directory.
 */
export const PlanItem = Schema.Struct({
  kind: Schema.Literal("ref", "snapshot", "blob", "partial", "shared", "leftover", "repo", "locks"),
  /** Relative to the hub cache, with `/`. */
  path: Schema.String,
  /** Size of what lies there itself; a link has none. */
  size_bytes: count
})
export type PlanItem = typeof PlanItem.Type

/** In the order of execution: whenever it is cut off, what is left is a valid cache. */
export interface Plan {
  readonly items: ReadonlyArray<PlanItem>
  /** What the disk gets back: a file with a hard link elsewhere counts nothing. */
  readonly freedBytes: number
}

/** The deletion of one model, or of one revision of it. */
export interface RemovalPlan extends Plan {
  readonly scope: "model" | "revision"
}

/** Who or what stands against a deletion. */
export interface Claims {
  /** Processes that run the model. */
  readonly users: ReadonlyArray<number>
  /** Lock files, relative to the hub cache, sorted. The Hub's libraries leave theirs behind (spec 01 §2.5). */
  readonly locks: ReadonlyArray<string>
  /** Entries of the lock directory. */
  readonly entries: number
}

export const RemoveAction = Schema.Literal("requires_confirmation", "delete_model", "delete_hash", "deleted")

/** `rm` (spec 01 §9.3). `dry_run`, `plan` and `freed_bytes` are additions of ours. */
export const RemoveData = Schema.Struct({
  model: Schema.String,
  action: RemoveAction,
  message: Schema.String,
  requires_confirmation: Schema.Boolean,
  matches: Schema.Array(Schema.String),
  lock_files_cleaned: count,
  commit_hash: Schema.optionalWith(Schema.String, { exact: true }),
  dry_run: Schema.Boolean,
  freed_bytes: count,
  plan: Schema.Array(PlanItem)
})
export type RemoveData = typeof RemoveData.Type

/** `gc`. */
export const CollectData = Schema.Struct({
  dry_run: Schema.Boolean,
  freed_bytes: count,
  plan: Schema.Array(PlanItem),
  message: Schema.String
})
export type CollectData = typeof CollectData.Type

const sizes = {
  /** Every file of every revision, as if each had its own copy. */
  logical_bytes: count,
  /** Files of snapshots and the blobs they use, each once; what `scan_cache_dir` of Python's library counts. */
  on_disk_bytes: count,
  /** Blobs that no snapshot uses, and interrupted downloads. */
  unused_bytes: count
}

export const RepoUsage = Schema.Struct({
  name: Schema.String,
  type: Schema.Literal("model", "dataset", "space"),
  revisions: count,
  ...sizes,
  /** What deleting it really gives back, in the shared store by a `gc` afterwards. */
  exclusive_bytes: count
})
export type RepoUsage = typeof RepoUsage.Type

/** `du`. In the total everything counts once, and so do payloads of the shared store that nobody uses. */
export const UsageData = Schema.Struct({ repos: Schema.Array(RepoUsage), total: Schema.Struct(sizes) })
export type UsageData = typeof UsageData.Type
