/** Whether a file on the disk is still the one that was listed, compared and hashed. */
import { statSync } from "node:fs"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { Either } from "effect"
import type { LocalFile } from "../../domain/Push.js"

export const isUnchanged = (root: string, { modified, path, size }: LocalFile): boolean => {
  const stats = Either.getOrNull(Either.try(() => statSync(join(root, path))))
  return stats?.size === size && stats.mtimeMs === modified
}

/** Files that are looked at without a turn for the connections. */
const AT_ONCE = 1000

/**
 * The first file that isn't; null when all are. Ends with a turn of the event loop: a connection that the Hub closed meanwhile is
 * known to be before it is used for a commit, which is not repeated.
 */
export const firstChanged = async <A extends LocalFile>(root: string, files: ReadonlyArray<A>): Promise<A | null> => {
  for (let from = 0; from < files.length; from += AT_ONCE) {
    const other = files.slice(from, from + AT_ONCE).find((file) => !isUnchanged(root, file))
    if (other !== undefined) return other
    await setImmediate()
  }
  return null
}

/** One clause for a file that isn't. */
export const changed = ({ path }: LocalFile): string => `${path}: it was changed while it was pushed, or cannot be read`
