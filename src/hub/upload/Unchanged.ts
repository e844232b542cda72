/** Whether a file on the disk is still the one that was listed, compared and hashed. */
import { statSync } from "node:fs"
import { join } from "node:path"
import type { LocalFile } from "../../domain/Push.js"

export const isUnchanged = (root: string, { modified, path, size }: LocalFile): boolean => {
  const stats = statSync(join(root, path), { throwIfNoEntry: false })
  return stats?.size === size && stats.mtimeMs === modified
}

/** One clause for a file that isn't. */
export const changed = ({ path }: LocalFile): string => `${path}: it was changed while it was pushed, or cannot be read`
