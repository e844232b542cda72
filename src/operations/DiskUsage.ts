/** `du`: what the repos of the cache take on the disk. */
import { Effect } from "effect"
import type { CacheIo } from "../domain/Errors.js"
import type { UsageData } from "../domain/Reclaim.js"
import { Maintenance } from "../services/Maintenance.js"

/** The repo that takes most comes first. `pattern` is a case-insensitive substring of the name; the total is always of all. */
export const diskUsage = Effect.fn("DiskUsage.diskUsage")(function* (
  pattern: string | null
): Effect.fn.Return<UsageData, CacheIo, Maintenance> {
  const maintenance = yield* Maintenance
  const { repos, total } = yield* maintenance.usage
  const wanted = (pattern ?? "").trim().toLowerCase()
  return {
    repos: repos
      .filter(({ name }) => name.toLowerCase().includes(wanted))
      .toSorted((left, right) => right.on_disk_bytes - left.on_disk_bytes),
    total
  }
})
