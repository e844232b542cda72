/** What `clone` says on the way and answers (spec 01 §11.3). Pure. */
import { Schema } from "effect"
import type { TransferEvent } from "./Pull.js"

export const CloneStatus = Schema.Literal(
  "unknown",
  "preparing",
  "resuming",
  "pulling",
  "health_checking",
  "cloning",
  "success",
  "error",
  "filesystem_error",
  "pull_failed",
  "cancelled"
)
export type CloneStatus = typeof CloneStatus.Type

export const CloneData = Schema.Struct({
  /** The repo, without a revision. */
  model: Schema.String,
  clone_status: CloneStatus,
  message: Schema.String,
  /** Absolute. */
  target_dir: Schema.String,
  health_check: Schema.Boolean,
  health: Schema.optionalWith(Schema.Literal("healthy", "unhealthy"), { exact: true }),
  health_reason: Schema.optionalWith(Schema.String, { exact: true })
})
export type CloneData = typeof CloneData.Type

/** How a file came into the target: a copy on write, the download itself, or a copy of it. */
export type CopyMethod = "reflink" | "link" | "copy"

export type CloneEvent =
  | TransferEvent
  /** The target is free. */
  | { readonly _tag: "Target"; readonly directory: string }
  /** Where the download goes until the clone is whole; `resumed` when an earlier clone left something there. */
  | { readonly _tag: "Staged"; readonly directory: string; readonly resumed: boolean }
  | { readonly _tag: "Warning"; readonly model: string; readonly message: string }
  | { readonly _tag: "Checking" }
  | { readonly _tag: "Copying" }
  | { readonly _tag: "Finished"; readonly data: CloneData }
