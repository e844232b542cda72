/** `health`: are the files of one model, or of all, whole? Compatibility is `list`'s and `show`'s business. */
import { Effect } from "effect"
import { byCodePoint, type ModelLocation } from "../domain/CachedModel.js"
import type { AmbiguousModel, CacheIo } from "../domain/Errors.js"
import { firstNames } from "../domain/Excerpt.js"
import type { HealthData, HealthEntry } from "../domain/ModelObject.js"
import { directoryName, ModelRef, repoName } from "../domain/ModelRef.js"
import type { VerifyProgress, VerifyReport } from "../domain/Verification.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"
import { Maintenance } from "../services/Maintenance.js"

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

const entryOf = (location: ModelLocation): Effect.Effect<HealthEntry, never, Cache | Health> =>
  Effect.gen(function* () {
    const cache = yield* Cache
    const service = yield* Health
    const report = yield* Effect.flatMap(cache.describe(location), service.check)
    return {
      // As it is listed, also when it was asked for as `org/a--b`.
      name: repoName(directoryName(location.name)),
      status: report.healthy ? "healthy" : "unhealthy",
      reason: report.integrityReason
    }
  })

const summed = (entries: ReadonlyArray<HealthEntry>): HealthData => {
  const healthy = entries.filter(({ status }) => status === "healthy")
  const unhealthy = entries.filter(({ status }) => status === "unhealthy")
  return {
    healthy,
    unhealthy,
    summary: { total: entries.length, healthy_count: healthy.length, unhealthy_count: unhealthy.length }
  }
}

/** Null and the empty text mean all models. A name that matches nothing is a success without entries (spec 01 §3.4). */
export const health = Effect.fn("Health.health")(function* (
  text: string | null
): Effect.fn.Return<HealthData, AmbiguousModel | CacheIo, Cache | Health> {
  return summed(yield* Effect.forEach(yield* chosen(text), entryOf))
})

const afterwards = (entry: HealthEntry, { damaged, sound, unchecked }: VerifyReport): HealthEntry => {
  if (damaged.length > 0) {
    const problems = damaged.map(({ path, problem }) => `${path}: ${problem}`)
    return { ...entry, status: "unhealthy", reason: `Damaged files: ${firstNames(problems, "; ")}` }
  }
  if (entry.status === "unhealthy") return entry
  const rest = unchecked === 0 ? [] : [`${unchecked} with nothing to hold against`]
  const verified = sound === 0 ? "content not verified" : `content verified: ${sound} sound`
  return { ...entry, reason: `${entry.reason}; ${[verified, ...rest].join(", ")}` }
}

/** The same, and every blob is held against the hash in its name. `report` hears of one model's progress at a time. */
export const verifiedHealth = Effect.fn("Health.verifiedHealth")(function* (
  text: string | null,
  report: (name: string, progress: VerifyProgress) => Effect.Effect<void>
): Effect.fn.Return<HealthData, AmbiguousModel | CacheIo, Cache | Health | Maintenance> {
  const { verify } = yield* Maintenance
  const entries = yield* Effect.forEach(yield* chosen(text), (location) =>
    Effect.zipWith(
      entryOf(location),
      verify(location, (progress) => report(location.name, progress)),
      afterwards
    )
  )
  return summed(entries)
})
