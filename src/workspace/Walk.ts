/** All files of a directory that is the user's own: nothing may be left out without a word, so what can't be listed fails. */
import { type Dirent, statSync } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { Either } from "effect"
import { byCodePoint } from "../domain/CachedModel.js"
import type { LocalFile } from "../domain/Push.js"

/** True for a directory and a link to one; false for what can't be looked at. */
export const isDirectory = (path: string): boolean =>
  Either.getOrElse(
    Either.try(() => statSync(path).isDirectory()),
    () => false
  )

/** Null for what is no file: links to nothing and to directories, pipes, sockets. */
const fileAt = async (root: string, path: string): Promise<LocalFile | null> => {
  const stats = await stat(join(root, path)).catch(() => null)
  return stats?.isFile() ? { path, size: stats.size, modified: stats.mtimeMs } : null
}

const isCandidate = (entry: Dirent): boolean => entry.isFile() || entry.isSymbolicLink()

/** Sorted by path. Rejects when a directory below `root` can't be listed. */
export const walk = async (root: string): Promise<ReadonlyArray<LocalFile>> => {
  const files: Array<LocalFile> = []
  const pending = [""]
  for (let prefix = pending.pop(); prefix !== undefined; prefix = pending.pop()) {
    for (const entry of await readdir(join(root, prefix), { withFileTypes: true })) {
      const path = prefix + entry.name
      if (entry.isDirectory()) pending.push(`${path}/`)
      const file = isCandidate(entry) ? await fileAt(root, path) : null
      if (file !== null) files.push(file)
    }
  }
  return files.sort((left, right) => byCodePoint(left.path, right.path))
}
