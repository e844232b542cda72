/** The models that will answer when a client names them: what the model list of the server shows (spec 02 §2.5). */
import { Effect, Option } from "effect"
import type { CachedModel, ModelLocation } from "../domain/CachedModel.js"
import type { CacheIo } from "../domain/Errors.js"
import type { HealthReport } from "../domain/HealthReport.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"

export interface ServedModel {
  readonly name: string
  /** Tokens. */
  readonly contextLength: number
  /** Modification time of the snapshot, milliseconds since 1970. */
  readonly lastModified: number
}

/** Embedding models are whole and compatible, but can't chat: listing them would offer what fails. */
const answers = (model: CachedModel, report: HealthReport): boolean =>
  model.framework === "MLX" && report.healthy && report.runtimeCompatible && model.modelType !== "embedding"

const served = Effect.fnUntraced(function* (
  location: ModelLocation
): Effect.fn.Return<Option.Option<ServedModel>, never, Cache | Health> {
  const cache = yield* Cache
  const health = yield* Health
  const model = yield* cache.describe(location)
  const report = yield* health.check(model)
  const { name, contextLength, lastModified } = model
  return answers(model, report) ? Option.some({ name, contextLength, lastModified }) : Option.none()
})

/** Every model that answers, by name. */
export const servedModels: Effect.Effect<ReadonlyArray<ServedModel>, CacheIo, Cache | Health> = Effect.gen(
  function* () {
    const cache = yield* Cache
    const locations = yield* cache.list
    return (yield* Effect.forEach(locations, served)).flatMap(Option.toArray)
  }
).pipe(Effect.withSpan("ServedModels.servedModels"))

/** The one model of exactly this name, if it answers. Describes no other. */
export const servedModel = Effect.fn("ServedModels.servedModel")(function* (
  name: string
): Effect.fn.Return<Option.Option<ServedModel>, CacheIo, Cache | Health> {
  const cache = yield* Cache
  const location = (yield* cache.list).find((candidate) => candidate.name === name)
  return location === undefined ? Option.none() : yield* served(location)
})
