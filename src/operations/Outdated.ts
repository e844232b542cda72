/** `outdated`: which cached models are behind their branch. Asks for commits, downloads nothing. */
import { Effect } from "effect"
import type { ModelLocation } from "../domain/CachedModel.js"
import type { CacheIo, HubOffline } from "../domain/Errors.js"
import type { OutdatedData, OutdatedModel } from "../domain/Outdated.js"
import { Cache } from "../services/Cache.js"
import { Hub } from "../services/Hub.js"
import { type CachedRef, Transfer } from "../services/Transfer.js"

/** Questions at a time. */
const CONCURRENCY = 8

/** A snapshot that no ref leads to came from the default branch, as far as anybody knows. */
const refsOf = (location: ModelLocation) =>
  Effect.map(
    Effect.flatMap(Transfer, (transfer) => transfer.refs(location.name)),
    (refs): ReadonlyArray<CachedRef> => {
      if (refs.length > 0 || location.commit === null) return refs
      return [{ ref: "main", commit: location.commit }]
    }
  )

const compared = (name: string, { commit, ref }: CachedRef) =>
  Effect.flatMap(Hub, (hub) => hub.commit(name, ref)).pipe(
    Effect.map(
      (hubCommit): OutdatedModel => ({
        name,
        ref,
        cached_commit: commit,
        hub_commit: hubCommit,
        status: hubCommit === commit ? "current" : "outdated",
        reason: null
      })
    ),
    Effect.catchAll((error) =>
      error._tag === "HubOffline"
        ? Effect.fail(error)
        : Effect.succeed<OutdatedModel>({
            name,
            ref,
            cached_commit: commit,
            hub_commit: null,
            status: "unknown",
            reason: error.message
          })
    )
  )

/** `pattern` narrows by name, in any case; null means all. A model that the Hub doesn't answer for is a row with a reason. */
export const outdated = Effect.fn("Outdated.outdated")(function* (
  pattern: string | null
): Effect.fn.Return<OutdatedData, CacheIo | HubOffline, Cache | Hub | Transfer> {
  const cache = yield* Cache
  const wanted = (pattern ?? "").trim().toLowerCase()
  const locations = (yield* cache.list).filter(({ name }) => name.toLowerCase().includes(wanted))
  const pairs = yield* Effect.forEach(locations, (location) =>
    Effect.map(refsOf(location), (refs) => refs.map((ref) => ({ name: location.name, ref })))
  )
  const models = yield* Effect.forEach(pairs.flat(), ({ name, ref }) => compared(name, ref), {
    concurrency: CONCURRENCY
  })
  return { models, count: models.length, outdated_count: models.filter(({ status }) => status === "outdated").length }
})
