/**
 * Reading a directory of strangers: no file is opened that isn't a regular one, none is read beyond its limit, and nothing
 * throws. Synchronous, because a listing makes thousands of tiny calls, which cost five times as much as promises.
 */
import { closeSync, constants, type Dirent, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs"
import { join } from "node:path"
import { Effect, Either } from "effect"
import { byCodePoint, type SnapshotFile } from "../domain/CachedModel.js"
import { NOT_A_FILE, systemCode, tooLarge } from "../domain/FileProblems.js"
import type { JsonFile } from "../domain/JsonFile.js"
import { jsonFile } from "../domain/JsonText.js"

/** How long files may be read in a row: well below what anyone notices in a stream. */
const SLICE_MILLIS = 8
let lastTurn = 0

/**
 * Reading blocks the thread: many models in a row would hold up the answers that a server streams meanwhile. Effect's own
 * yield stays inside Node's microtasks. A turn costs as much as reading a small model, so it is taken only when it is time.
 */
export const eventLoopTurn: Effect.Effect<void> = Effect.suspend(() =>
  performance.now() - lastTurn < SLICE_MILLIS
    ? Effect.void
    : Effect.async<void>((resume) => {
        setImmediate(() => {
          lastTurn = performance.now()
          resume(Effect.void)
        })
      })
)

/** Runs a file operation; Left is the system's error code, such as ENOENT. */
const attempt = <A>(operation: () => A): Either.Either<A, string> => Either.try({ try: operation, catch: systemCode })

/** The entries of a directory, unordered. */
export const entriesOf = (directory: string): Either.Either<ReadonlyArray<Dirent>, string> =>
  attempt(() => readdirSync(directory, { withFileTypes: true }))

/** True for a directory and for a link to one. */
export const isDirectory = (parent: string, entry: Dirent): boolean =>
  entry.isDirectory() ||
  (entry.isSymbolicLink() &&
    Either.getOrElse(
      attempt(() => statSync(join(parent, entry.name)).isDirectory()),
      () => false
    ))

/** Milliseconds since 1970; 0 when it can't be read. */
export const modifiedAt = (path: string): number =>
  Either.getOrElse(
    attempt(() => statSync(path).mtimeMs),
    () => 0
  )

/** Size of a regular file after following links; null for a link to nothing; undefined for what is no file. */
const sizeOf = (path: string): number | null | undefined =>
  Either.match(
    attempt(() => statSync(path)),
    {
      onLeft: () => null,
      onRight: (stats) => (stats.isFile() ? stats.size : undefined)
    }
  )

/** By path component: `sub/x` comes before `sub-a` (spec 01 §0.1(6)). */
const byComponents = (left: SnapshotFile, right: SnapshotFile): number =>
  byCodePoint(left.path.replaceAll("/", "\0"), right.path.replaceAll("/", "\0"))

/** A checkpoint has hundreds of files at most; a "model" that is a link to a whole disk must not be walked to its end. */
const MAX_FILES = 100_000

/** What a directory holds: the files below it, and the names of everything right in it. */
export interface Listing {
  readonly files: ReadonlyArray<SnapshotFile>
  /** Null when the directory can't be listed; its files may still be readable by name. */
  readonly names: ReadonlySet<string> | null
}

/**
 * The files below a directory, sorted, up to MAX_FILES. Links to directories are not entered (they may form a loop), what may not be listed
 * below the root is left out. Left: the root itself can't be listed.
 */
export const filesBelow = (root: string): Either.Either<Listing, string> => {
  const files: Array<SnapshotFile> = []
  const visit = (prefix: string, entry: Dirent, pending: Array<string>) => {
    const path = prefix + entry.name
    if (entry.isDirectory()) pending.push(`${path}/`)
    const size = entry.isFile() || entry.isSymbolicLink() ? sizeOf(`${root}/${path}`) : undefined
    if (size !== undefined) files.push({ path, size })
  }
  return Either.map(entriesOf(root), (top) => {
    const pending: Array<string> = []
    for (const entry of top) visit("", entry, pending)
    for (let prefix = pending.pop(); prefix !== undefined && files.length < MAX_FILES; prefix = pending.pop()) {
      const entries = Either.getOrElse(entriesOf(`${root}/${prefix}`), () => [])
      for (const entry of entries) visit(prefix, entry, pending)
    }
    return { files: files.sort(byComponents), names: new Set(top.map(({ name }) => name)) }
  })
}

const readInto = (descriptor: number, buffer: Buffer): Buffer => {
  let filled = 0
  for (let count = -1; count !== 0 && filled < buffer.length; filled += count) {
    count = readSync(descriptor, buffer, filled, buffer.length - filled, null)
  }
  return buffer.subarray(0, filled)
}

const withFile = <A>(path: string, use: (descriptor: number) => A): A => {
  // Non-blocking, because opening a named pipe would wait for its writer.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** The content of a file, or why there is none; the cases of JsonFile, before parsing. */
type Content = Exclude<JsonFile, { readonly _tag: "Parsed" }> | { readonly _tag: "Bytes"; readonly bytes: Buffer }

const absent = (code: string): Content =>
  code === "ENOENT" || code === "ELOOP" || code === "ENOTDIR"
    ? { _tag: "Missing" }
    : { _tag: "Unreadable", problem: code }

const readWithin = (path: string, limitBytes: number, headOnly: boolean): Content =>
  Either.getOrElse(
    attempt(() =>
      withFile(path, (descriptor): Content => {
        const stats = fstatSync(descriptor)
        if (!stats.isFile()) return { _tag: "Invalid", problem: NOT_A_FILE }
        if (stats.size > limitBytes && !headOnly) return { _tag: "Unreadable", problem: tooLarge(limitBytes) }
        return { _tag: "Bytes", bytes: readInto(descriptor, Buffer.alloc(Math.min(stats.size, limitBytes))) }
      })
    ),
    absent
  )

/** Files of one directory, each read at most once. */
export interface Reader {
  /** The first bytes of a file; empty when it can't be read. */
  readonly head: (path: string, limitBytes: number) => Uint8Array
  /** A JSON file; refused by its size before it is read. `onlyWith` skips parsing when the bytes lack that text. */
  readonly json: (path: string, limitBytes: number, onlyWith?: string) => JsonFile
}

/**
 * A reader for `directory`; keeps what it read as long as it lives. A file right in it that isn't among `names` is not opened:
 * failing to open one costs more than reading it.
 */
export const readerOf = (directory: string, names: Listing["names"]): Reader => {
  const known = new Map<string, Content>()
  const read = (path: string, limitBytes: number, headOnly: boolean): Content => {
    if (names !== null && !path.includes("/") && !names.has(path)) return { _tag: "Missing" }
    const content = known.get(path) ?? readWithin(`${directory}/${path}`, limitBytes, headOnly)
    known.set(path, content)
    return content
  }
  return {
    head: (path, limitBytes) => {
      const content = read(path, limitBytes, true)
      return content._tag === "Bytes" ? content.bytes : new Uint8Array()
    },
    json: (path, limitBytes, onlyWith) => {
      const content = read(path, limitBytes, false)
      if (content._tag !== "Bytes") return content
      return onlyWith === undefined || content.bytes.includes(onlyWith) ? jsonFile(content.bytes) : { _tag: "Missing" }
    }
  }
}
