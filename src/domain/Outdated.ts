/** What `outdated` and `update` answer. */
import { Schema } from "effect"
import { PullData } from "./Pull.js"

/** One branch or tag of a cached model, beside what the Hub says of it. `unknown`: the Hub could not be asked, see `reason`. */
export const OutdatedModel = Schema.Struct({
  name: Schema.String,
  ref: Schema.String,
  cached_commit: Schema.String,
  hub_commit: Schema.NullOr(Schema.String),
  status: Schema.Literal("current", "outdated", "unknown"),
  reason: Schema.NullOr(Schema.String)
})
export type OutdatedModel = typeof OutdatedModel.Type

export const OutdatedData = Schema.Struct({
  models: Schema.Array(OutdatedModel),
  count: Schema.Int,
  outdated_count: Schema.Int
})
export type OutdatedData = typeof OutdatedData.Type

/** The outcomes of several models, in the order they were asked for. `error` is null for those that succeeded. */
export const PullsData = Schema.Struct({
  model: Schema.Null,
  download_status: Schema.Literal("success", "failed"),
  message: Schema.String,
  expanded_name: Schema.Null,
  models: Schema.Array(
    Schema.Struct({
      ...PullData.fields,
      error: Schema.NullOr(Schema.Struct({ type: Schema.String, message: Schema.String }))
    })
  )
})
export type PullsData = typeof PullsData.Type
