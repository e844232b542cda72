/** `gc`: deletes what nothing in the cache uses any more. */
import { Effect } from "effect"
import type { CacheIo, DeletionDenied, DeletionFailed } from "../domain/Errors.js"
import type { CollectData } from "../domain/Reclaim.js"
import { Maintenance } from "../services/Maintenance.js"

/** Without `execute` it only says what would be deleted. Models that run, and what changed within the hour, are left alone. */
export const collect = Effect.fn("Collect.collect")(function* (options: {
  readonly execute: boolean
}): Effect.fn.Return<CollectData, CacheIo | DeletionDenied | DeletionFailed, Maintenance> {
  const maintenance = yield* Maintenance
  const { freedBytes, items } = yield* options.execute ? maintenance.sweep : maintenance.garbage
  const things = items.length === 1 ? "1 thing" : `${items.length} things`
  const message = options.execute ? `Deleted ${things}` : `Would delete ${things}; run again with --delete`
  return { dry_run: !options.execute, freed_bytes: freedBytes, plan: items, message }
})
