/** `list`: every cached model with its verdict. */
import { Effect } from "effect"
import type { CacheIo } from "../domain/Errors.js"
import { type ListData, modelObject } from "../domain/ModelObject.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"

/** Marks a cache that tests made; its repo isn't a model a user keeps (spec 01 §2.2). */
const SENTINEL = "TEST-CACHE-SENTINEL"

/** `pattern` is a case-insensitive substring of the full name; blank or null means all (spec 01 §4.1). */
export const list = Effect.fn("List.list")(function* (
  pattern: string | null
): Effect.fn.Return<ListData, CacheIo, Cache | Health> {
  const cache = yield* Cache
  const health = yield* Health
  // Blanks count in a pattern that has more than them: " acme" matches no name, as in the original.
  const wanted = pattern === null || pattern.trim() === "" ? "" : pattern.toLowerCase()
  const locations = yield* cache.list
  const models = yield* Effect.forEach(
    locations.filter(({ name }) => !name.includes(SENTINEL) && name.toLowerCase().includes(wanted)),
    (location) =>
      Effect.flatMap(cache.describe(location), (model) =>
        Effect.map(health.check(model), (report) => modelObject(model, report))
      )
  )
  return { models, count: models.length }
})
