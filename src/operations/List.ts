/** `list`: every cached model with its verdict. */
import { Effect } from "effect"
import type { CacheIo } from "../domain/Errors.js"
import { type ListData, modelObject } from "../domain/ModelObject.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"

/** `pattern` is a case-insensitive substring of the full name; blank or null means all (spec 01 §4.1). */
export const list = Effect.fn("List.list")(function* (
  pattern: string | null
): Effect.fn.Return<ListData, CacheIo, Cache | Health> {
  const cache = yield* Cache
  const health = yield* Health
  const wanted = (pattern ?? "").trim().toLowerCase()
  const locations = yield* cache.list
  const models = yield* Effect.forEach(
    locations.filter((location) => location.name.toLowerCase().includes(wanted)),
    (location) =>
      Effect.flatMap(cache.describe(location), (model) =>
        Effect.map(health.check(model), (report) => modelObject(model, report))
      )
  )
  return { models, count: models.length }
})
