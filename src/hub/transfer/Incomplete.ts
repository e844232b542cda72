/** Half-finished files of Python's library: `blobs/<etag>.incomplete`, in newer versions `blobs/<etag>.<8 hex>.incomplete`. */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Either } from "effect"

const INCOMPLETE = /^([0-9a-f]{40}|[0-9a-f]{64})(\.[0-9a-f]{8})?\.incomplete$/

/** Where the system doesn't tell who holds a lock, a file that was written to this recently counts as held. */
const RECENT_MS = 5 * 60_000

const attempt = <A>(read: () => A): A | null => Either.getOrNull(Either.try(read))

/** Whether a process holds the lock (`flock`) that guards a file of Python's; null where the system doesn't tell. */
const held = (lock: string): boolean | null => {
  const table = attempt(() => readFileSync("/proc/locks", "latin1"))
  if (table === null) return null
  const inode = attempt(() => statSync(lock).ino)
  return inode !== null && table.split("\n").some((line) => new RegExp(`:${inode} `).test(line))
}

const names = (blobs: string): ReadonlyArray<string> =>
  (attempt(() => readdirSync(blobs)) ?? []).filter((name) => INCOMPLETE.test(name))

/** True when a repo has any. */
export const anyIncomplete = (blobs: string): boolean => names(blobs).length > 0

export interface Leftover {
  readonly path: string
  readonly length: number
}

/** The longest half-finished file of a blob that nobody works on; null when there is none. */
export type Leftovers = (etag: string) => Leftover | null

/** What Python's library left in a repo; the directory is read once. */
export const leftoversIn = (blobs: string, locks: string): Leftovers => {
  const all = names(blobs)
  return (etag) => {
    const candidates = all.filter((name) => name.startsWith(`${etag}.`))
    const guarded = candidates.length === 0 ? null : held(join(locks, `${etag}.lock`))
    const free = candidates.flatMap((name) => {
      const path = join(blobs, name)
      const stats = attempt(() => statSync(path))
      if (stats === null || !stats.isFile() || stats.size === 0) return []
      return (guarded ?? Date.now() - stats.mtimeMs < RECENT_MS) ? [] : [{ path, length: stats.size }]
    })
    return free.reduce<Leftover | null>(
      (best, next) => (best === null || next.length > best.length ? next : best),
      null
    )
  }
}
