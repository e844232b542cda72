/** The JSON of `list`, `show` and `health`: what scripts read (spec 01 §4.2, §5.1, §6.1; JSON API 0.1.5). */
import { Schema } from "effect"
import { type CachedModel, Framework, ModelType } from "./CachedModel.js"
import type { HealthReport } from "./HealthReport.js"

const count = Schema.Int.pipe(Schema.nonNegative())

export const ModelObject = Schema.Struct({
  name: Schema.String,
  /** Commit of the snapshot, null when its directory isn't named by one. */
  hash: Schema.NullOr(Schema.String),
  size_bytes: count,
  /** UTC, `YYYY-MM-DDTHH:MM:SSZ`. */
  last_modified: Schema.String,
  framework: Framework,
  model_type: ModelType,
  capabilities: Schema.Array(Schema.String),
  health: Schema.Literal("healthy", "unhealthy"),
  runtime_compatible: Schema.Boolean,
  reason: Schema.NullOr(Schema.String),
  cached: Schema.Boolean
})
export type ModelObject = typeof ModelObject.Type

export const ListData = Schema.Struct({ models: Schema.Array(ModelObject), count })
export type ListData = typeof ListData.Type

export const FileObject = Schema.Struct({ name: Schema.String, size: Schema.String, type: Schema.String })

const Anything = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** `files` and `config` never appear together (spec 01 §5.1). */
export const ShowData = Schema.Struct({
  model: ModelObject,
  metadata: Schema.NullOr(Anything),
  files: Schema.optionalWith(Schema.Array(FileObject), { exact: true }),
  config: Schema.optionalWith(Schema.NullOr(Anything), { exact: true })
})
export type ShowData = typeof ShowData.Type

export const HealthEntry = Schema.Struct({
  name: Schema.String,
  status: Schema.Literal("healthy", "unhealthy"),
  reason: Schema.String
})
export type HealthEntry = typeof HealthEntry.Type

export const HealthData = Schema.Struct({
  healthy: Schema.Array(HealthEntry),
  unhealthy: Schema.Array(HealthEntry),
  summary: Schema.Struct({ total: count, healthy_count: count, unhealthy_count: count })
})
export type HealthData = typeof HealthData.Type

/** The years the format has places for. */
const FIRST = Date.parse("0000-01-01T00:00:00.000Z")
const LAST = Date.parse("9999-12-31T23:59:59.999Z")

/** A time outside them, which only a broken or hostile file system has, counts as unreadable: 1970 (spec 01 §4.2). */
const utc = (milliseconds: number) =>
  `${new Date(milliseconds >= FIRST && milliseconds <= LAST ? milliseconds : 0).toISOString().slice(0, 19)}Z`

/** A described model and its verdict as one row (spec 01 §4.2). */
export const modelObject = (model: CachedModel, report: HealthReport): ModelObject => ({
  name: model.name,
  hash: model.commit,
  size_bytes: model.sizeBytes,
  last_modified: utc(model.lastModified),
  framework: model.framework,
  model_type: model.modelType,
  capabilities: model.capabilities,
  health: report.healthy ? "healthy" : "unhealthy",
  runtime_compatible: report.runtimeCompatible,
  reason: report.reason,
  cached: true
})
