/** What `push` compares, says on the way and answers (spec 01 §10). Pure. */
import { Schema } from "effect"
import { byCodePoint } from "./CachedModel.js"

/** A file of a directory to upload. `modified` in milliseconds since 1970. */
export interface LocalFile {
  /** Relative, with `/`. */
  readonly path: string
  readonly size: number
  readonly modified: number
}

/** A directory against a branch. Lists are sorted by path. */
export interface Comparison {
  readonly added: ReadonlyArray<LocalFile>
  /** On the branch too, with other content. */
  readonly changed: ReadonlyArray<LocalFile>
  /** Equal by hash. */
  readonly unchanged: ReadonlyArray<LocalFile>
  /** Only on the branch. A push leaves them there. */
  readonly remoteOnly: ReadonlyArray<string>
}

/** The Hub keeps this file itself; a directory without it lacks nothing. */
const KEPT_BY_HUB = ".gitattributes"

/**
 * Sorts the files of a directory by what the branch has. `equal` tells for each path that both have whether the content is the
 * same.
 */
export const comparison = (
  local: ReadonlyArray<LocalFile>,
  remote: ReadonlyArray<string>,
  equal: ReadonlyMap<string, boolean>
): Comparison => {
  const here = new Set(local.map(({ path }) => path))
  return {
    added: local.filter(({ path }) => !equal.has(path)),
    changed: local.filter(({ path }) => equal.get(path) === false),
    unchanged: local.filter(({ path }) => equal.get(path) === true),
    remoteOnly: remote.filter((path) => !here.has(path) && path !== KEPT_BY_HUB).toSorted(byCodePoint)
  }
}

/** What happens on the way; `sent` counts from the file's first byte and falls back when a part is sent again. */
export type PushEvent =
  /** Files of the directory, before any is left out. */
  | { readonly _tag: "Counted"; readonly files: number }
  | { readonly _tag: "RepoCreated" }
  | { readonly _tag: "Hashing"; readonly path: string; readonly size: number }
  | { readonly _tag: "Uploading"; readonly files: number; readonly bytes: number }
  | { readonly _tag: "Sent"; readonly path: string; readonly sent: number; readonly size: number }
  /** The Hub has the content: sent just now, or by an earlier push. */
  | { readonly _tag: "Stored"; readonly path: string; readonly size: number; readonly alreadyThere: boolean }
  | { readonly _tag: "Committing"; readonly files: number }
  | { readonly _tag: "Finished"; readonly data: PushData }

const count = Schema.Int.pipe(Schema.nonNegative())
const Changes = Schema.Struct({ added: count, modified: Schema.NullOr(count), deleted: count })
const exact = { exact: true } as const

const Anomaly = Schema.Struct({
  severity: Schema.Literal("error", "warn"),
  code: Schema.String,
  message: Schema.String,
  path: Schema.optionalWith(Schema.String, exact),
  missing: Schema.optionalWith(Schema.Array(Schema.String), exact)
})
export type Anomaly = typeof Anomaly.Type

/** spec 01 §10.4. */
export const WorkspaceHealth = Schema.Struct({
  files_count: count,
  total_bytes: count,
  config: Schema.Struct({ exists: Schema.Boolean, valid_json: Schema.Boolean, path: Schema.NullOr(Schema.String) }),
  weights: Schema.Struct({
    count,
    formats: Schema.Array(Schema.String),
    index: Schema.Struct({
      has_index: Schema.Boolean,
      missing: Schema.Array(Schema.String),
      parse_error: Schema.optionalWith(Schema.Boolean, exact)
    }),
    pattern_complete: Schema.NullOr(Schema.Boolean)
  }),
  anomalies: Schema.Array(Anomaly),
  healthy: Schema.Boolean
})
export type WorkspaceHealth = typeof WorkspaceHealth.Type

/** spec 01 §10.3–10.6; `modified_files` is an addition of ours. */
export const PushData = Schema.Struct({
  repo_id: Schema.String,
  branch: Schema.String,
  commit_sha: Schema.NullOr(Schema.String),
  commit_url: Schema.NullOr(Schema.String),
  repo_url: Schema.String,
  uploaded_files_count: Schema.NullOr(count),
  local_files_count: Schema.NullOr(count),
  no_changes: Schema.NullOr(Schema.Boolean),
  created_repo: Schema.Boolean,
  message: Schema.NullOr(Schema.String),
  experimental: Schema.Boolean,
  disclaimer: Schema.String,
  change_summary: Schema.optionalWith(Changes, exact),
  dry_run: Schema.optionalWith(Schema.Boolean, exact),
  dry_run_summary: Schema.optionalWith(Changes, exact),
  would_create_repo: Schema.optionalWith(Schema.Boolean, exact),
  would_create_branch: Schema.optionalWith(Schema.Boolean, exact),
  added_files: Schema.optionalWith(Schema.Array(Schema.String), exact),
  modified_files: Schema.optionalWith(Schema.Array(Schema.String), exact),
  deleted_files: Schema.optionalWith(Schema.Array(Schema.String), exact),
  workspace_health: Schema.optionalWith(WorkspaceHealth, exact)
})
export type PushData = typeof PushData.Type
