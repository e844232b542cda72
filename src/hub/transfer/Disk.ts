/** The volume below the cache. */
import { existsSync, statfsSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Either } from "effect"

/** The directory itself, or the nearest one above it that exists. */
const existing = (path: string): string => (existsSync(path) || dirname(path) === path ? path : existing(dirname(path)))

/** Bytes that this user may still write; infinite where the system doesn't tell. */
export const freeBytes = (path: string): number =>
  Either.match(
    Either.try(() => statfsSync(existing(path))),
    { onLeft: () => Number.POSITIVE_INFINITY, onRight: ({ bavail, bsize }) => bavail * bsize }
  )

/** True when the volume takes `README` and `readme` for the same name; `directory` exists and has letters in its name. */
export const ignoresCase = (directory: string): boolean => {
  const name = basename(directory)
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase()
  return other !== name && existsSync(join(dirname(directory), other))
}
