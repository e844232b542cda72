/** `health`: are the files of one model, or of all, whole? Compatibility is `list`'s and `show`'s business. */
import { Effect } from "effect"
import { byCodePoint, type ModelLocation } from "../domain/CachedModel.js"
import type { AmbiguousModel, CacheIo } from "../domain/Errors.js"
import type { HealthData } from "../domain/ModelObject.js"
import { directoryName, ModelRef } from "../domain/ModelRef.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"

/** In the order of the directories, which differs from that of the names (spec 01 §6.1). */
const byDirectory = (left: ModelLocation, right: ModelLocation): number =>
  byCodePoint(directoryName(left.name), directoryName(right.name))

const chosen = (text: string | null) =>
  Effect.gen(function* () {
    const cache = yield* Cache
    if (text === null || text === "") return (yield* cache.list).toSorted(byDirectory)
    return yield* cache.resolve(ModelRef.parse(text)).pipe(
      Effect.map((location) => [location]),
      Effect.catchTag("ModelNotFound", () => Effect.succeed([]))
    )
  })

/** Null and the empty text mean all models. A name that matches nothing is a success without entries (spec 01 §3.4). */
export const health = Effect.fn("Health.health")(function* (
  text: string | null
): Effect.fn.Return<HealthData, AmbiguousModel | CacheIo, Cache | Health> {
  const cache = yield* Cache
  const service = yield* Health
  const entries = yield* Effect.forEach(yield* chosen(text), (location) =>
    Effect.map(Effect.flatMap(cache.describe(location), service.check), (report) => ({
      name: location.name,
      status: report.healthy ? ("healthy" as const) : ("unhealthy" as const),
      reason: report.integrityReason
    }))
  )
  const healthy = entries.filter(({ status }) => status === "healthy")
  const unhealthy = entries.filter(({ status }) => status === "unhealthy")
  return {
    healthy,
    unhealthy,
    summary: { total: entries.length, healthy_count: healthy.length, unhealthy_count: unhealthy.length }
  }
})
