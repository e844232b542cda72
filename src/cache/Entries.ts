/**
 * Everything that lies below a directory, as it lies there: for sizes and for deleting, where links must not be followed.
 * Synchronous, like Files.ts, and as careful with strangers.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats
} from "node:fs"
import { join } from "node:path"
import { byCodePoint } from "../domain/CachedModel.js"
import { systemCode } from "../domain/FileProblems.js"

/** A file, link or directory below the root. */
export interface Entry {
  /** Relative to the root, with `/`. */
  readonly path: string
  readonly kind: "file" | "link" | "directory" | "other"
  /** Bytes of a file; 0 for everything else. */
  readonly size: number
  /** Together the same for all hard links of a file. */
  readonly device: number
  readonly inode: number
  /** Hard links of a file, here and elsewhere. */
  readonly links: number
  /** Milliseconds since 1970. */
  readonly modified: number
  /** What a link points to, as written. */
  readonly target: string | null
}

export interface Entries {
  /** Parents before their contents, otherwise by name. */
  readonly all: ReadonlyArray<Entry>
  /** Directories that can't be listed: what they hold is unknown. Empty for a root that doesn't exist. */
  readonly unreadable: ReadonlyArray<string>
}

/** One text for a file, whatever it is called. */
export const idOf = ({ device, inode }: Entry): string => `${device}:${inode}`

const quietly = <A>(operation: () => A, otherwise: (code: string) => A): A => {
  try {
    return operation()
  } catch (error) {
    return otherwise(systemCode(error))
  }
}

/** False for what can't be looked at. */
export const isLink = (path: string): boolean =>
  quietly(
    () => lstatSync(path).isSymbolicLink(),
    () => false
  )

const linkTarget = (path: string): string | null =>
  quietly<string | null>(
    () => readlinkSync(path),
    () => null
  )

const kindOf = (stats: Stats): Entry["kind"] => {
  if (stats.isFile()) return "file"
  if (stats.isSymbolicLink()) return "link"
  return stats.isDirectory() ? "directory" : "other"
}

/** One literal: an object made by spreading another takes the engine three times the memory. */
const entryOf = (root: string, path: string, stats: Stats): Entry => {
  const kind = kindOf(stats)
  return {
    path,
    kind,
    size: kind === "file" ? stats.size : 0,
    device: stats.dev,
    inode: stats.ino,
    links: stats.nlink,
    modified: stats.mtimeMs,
    target: kind === "link" ? linkTarget(join(root, path)) : null
  }
}

/** Null for what is gone since its directory was listed. */
const entryAt = (root: string, path: string): Entry | null =>
  quietly<Entry | null>(
    () => entryOf(root, path, lstatSync(join(root, path))),
    () => null
  )

/**
 * All entries below `root`, which may itself be a link. `depth` bounds how far down directories are listed; right below the root only
 * the names that `isWanted` are looked at.
 */
export const entriesBelow = (
  root: string,
  depth = Number.POSITIVE_INFINITY,
  isWanted: (name: string) => boolean = () => true
): Entries => {
  const all: Array<Entry> = []
  const unreadable: Array<string> = []
  const pending = [{ prefix: "", level: 1 }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { level, prefix } = next
    const names = quietly(
      () => readdirSync(join(root, prefix)).sort(byCodePoint),
      (code): ReadonlyArray<string> => {
        if (code !== "ENOENT") unreadable.push(prefix)
        return []
      }
    )
    for (const name of level === 1 ? names.filter(isWanted) : names) {
      const entry = entryAt(root, prefix + name)
      if (entry === null) continue
      all.push(entry)
      if (entry.kind === "directory" && level < depth) pending.push({ prefix: `${entry.path}/`, level: level + 1 })
    }
  }
  return { all, unreadable }
}

/** The start of a small text file; null when it can't be read, is longer, or is no regular file. */
export const smallText = (path: string, limitBytes: number): string | null =>
  quietly<string | null>(
    () => {
      const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
      try {
        const stats = fstatSync(descriptor)
        if (!stats.isFile() || stats.size > limitBytes) return null
        const buffer = Buffer.alloc(stats.size)
        return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, buffer.length, 0))
      } finally {
        closeSync(descriptor)
      }
    },
    () => null
  )
