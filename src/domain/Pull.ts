/** What a pull reports while it runs and when it ends: one schema for the terminal, the NDJSON of `--events` and the library. */
import { Schema } from "effect"

/** Version of the event schema; docs/events.md. It grows when a field changes its meaning or goes. */
export const EVENTS_VERSION = 1

const Bytes = Schema.Number

/** A file on its way. Sizes in bytes. */
export const ActiveFile = Schema.Struct({ path: Schema.String, doneBytes: Bytes, totalBytes: Bytes })
export type ActiveFile = typeof ActiveFile.Type

/** What the bytes' way to the cache reports. */
export const TransferEvent = Schema.Union(
  /** Another process pulls the same model; this one goes on when that has ended. */
  Schema.TaggedStruct("Waiting", { model: Schema.String, pid: Schema.Int, host: Schema.String }),
  /** Comes once, before the first byte. `missingBytes` is what remains to be fetched, `resumedBytes` what an earlier pull left. */
  Schema.TaggedStruct("Planned", {
    model: Schema.String,
    commit: Schema.String,
    files: Schema.Int,
    totalBytes: Bytes,
    missingFiles: Schema.Int,
    missingBytes: Bytes,
    resumedBytes: Bytes
  }),
  /** A few times a second. `doneBytes` grows up to `totalBytes`, except when damaged bytes are thrown away. */
  Schema.TaggedStruct("Progress", {
    model: Schema.String,
    doneBytes: Bytes,
    totalBytes: Bytes,
    bytesPerSecond: Schema.Number,
    active: Schema.Array(ActiveFile)
  }),
  /** A request failed and is repeated after `delayMs`. */
  Schema.TaggedStruct("Retrying", {
    model: Schema.String,
    path: Schema.String,
    problem: Schema.String,
    delayMs: Schema.Number
  }),
  /** The file is whole: its hash is that of the Hub. */
  Schema.TaggedStruct("FileFinished", { model: Schema.String, path: Schema.String, bytes: Bytes })
)
export type TransferEvent = typeof TransferEvent.Type

/** spec 01 §8.5. */
export const DownloadStatus = Schema.Literal(
  "unknown",
  "checking_access",
  "downloading",
  "success",
  "already_exists",
  "planned",
  "corrupted",
  "access_denied",
  "failed",
  "error"
)
export type DownloadStatus = typeof DownloadStatus.Type

/** `--dry-run`: what a pull would fetch, sizes in bytes. */
export const PlanData = Schema.Struct({
  commit: Schema.String,
  total_bytes: Bytes,
  missing_bytes: Bytes,
  /** Null where the system does not tell. */
  free_bytes: Schema.NullOr(Bytes),
  files: Schema.Array(Schema.Struct({ path: Schema.String, size_bytes: Bytes, missing_bytes: Bytes }))
})
export type PlanData = typeof PlanData.Type

/** The outcome of one model (spec 01 §8.1, §13.4). `plan` comes with `--dry-run` only. */
export const PullData = Schema.Struct({
  model: Schema.NullOr(Schema.String),
  download_status: DownloadStatus,
  message: Schema.String,
  expanded_name: Schema.NullOr(Schema.String),
  commit_hash: Schema.optionalWith(Schema.String, { exact: true }),
  preflight_warning: Schema.optionalWith(Schema.String, { exact: true }),
  plan: Schema.optionalWith(PlanData, { exact: true })
})
export type PullData = typeof PullData.Type

export const PullEvent = Schema.Union(
  /** The name is understood: `model` is the repo, `expandedName` the same where less was typed, else null. */
  Schema.TaggedStruct("Resolved", { model: Schema.String, expandedName: Schema.NullOr(Schema.String) }),
  /** Something the user should know before the bytes come. */
  Schema.TaggedStruct("Warning", { model: Schema.String, message: Schema.String }),
  ...TransferEvent.members,
  /** Comes last, unless the pull fails. */
  Schema.TaggedStruct("Finished", { data: PullData })
)
export type PullEvent = typeof PullEvent.Type
