/**
 * A file on its way into the cache: its bytes, and which of them are there. Every step is written when it is taken, first the
 * bytes and then the note about them, so a process that is killed loses no more than one piece. A file of one chunk needs no
 * notes: it grows from its start, and its length says how far it came.
 *
 * Synchronous, because a piece goes to the page cache in a tenth of a millisecond; the way through Node's threads costs more
 * than the work.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
  writevSync
} from "node:fs"
import { join } from "node:path"
import { Either } from "effect"
import type { RepoFile } from "../../services/Hub.js"
import type { Leftovers } from "./Incomplete.js"

const PART_SUFFIX = ".mlxk-part"
const NOTES_SUFFIX = ".mlxk-chunks"

/** A note is a number of bytes, padded; the first one is the size of a chunk. */
const NOTE_BYTES = 16
/** Of a file of 8 TB. */
const MAX_NOTES_BYTES = 16 * 2 ** 20
const note = (bytes: number): string => `${String(bytes).padStart(NOTE_BYTES - 1, "0")}\n`

/** A stretch of the file: `start` to `end` (exclusive), of which the first `done` bytes are there. */
export interface Chunk {
  readonly index: number
  readonly start: number
  readonly end: number
  done: number
}

/** Where parts lie, and how they are divided. */
export interface PartPlace {
  readonly blobs: string
  readonly leftovers: Leftovers
  /** What one request fetches. */
  readonly chunkBytes: number
}

export interface Part {
  /** Absolute. */
  readonly path: string
  readonly chunks: ReadonlyArray<Chunk>
  /** Bytes that are there. */
  readonly doneBytes: () => number
  /** How far the file is complete from its start. */
  readonly frontier: () => number
  /**
   * Bytes of the file from `position` on, which continue what is there; what is there already is not written again. Answers
   * how many were new.
   */
  readonly put: (position: number, buffers: ReadonlyArray<Uint8Array>) => number
  /** Nothing of it counts any more. */
  readonly reset: () => void
  readonly close: () => void
  /** Gives the file its name, after its hash was found right. */
  readonly finish: (blob: string) => void
}

const chunksOf = (size: number, chunkBytes: number): ReadonlyArray<Chunk> =>
  Array.from({ length: Math.max(1, Math.ceil(size / chunkBytes)) }, (_, index) => ({
    index,
    start: index * chunkBytes,
    end: Math.min(size, (index + 1) * chunkBytes),
    done: 0
  }))

/** The length of a regular file; null when there is none. */
const lengthOf = (path: string): number | null => {
  const stats = Either.getOrNull(Either.try(() => lstatSync(path, { throwIfNoEntry: false })))
  return stats?.isFile() === true ? stats.size : null
}

/** How a file was divided, and how many bytes of each chunk are there. */
interface Notes {
  readonly chunkBytes: number
  readonly done: ReadonlyArray<number>
}

/** What an earlier transfer noted, which may have made other chunks; null when it doesn't fit the file. */
const readNotes = (path: string, size: number): Notes | null => {
  const length = lengthOf(path)
  if (length === null || length > MAX_NOTES_BYTES) return null
  const text = Either.getOrElse(
    Either.try(() => readFileSync(path, "latin1")),
    () => ""
  )
  const [chunkBytes = 0, ...done] = text.trimEnd().split("\n").map(Number)
  const isWhole = chunkBytes >= 1 && chunkBytes < size && length === NOTE_BYTES * (Math.ceil(size / chunkBytes) + 1)
  const fits =
    isWhole &&
    chunksOf(size, chunkBytes).every(({ end, index, start }) => {
      const bytes = done[index] ?? Number.NaN
      return bytes >= 0 && bytes <= end - start
    })
  return fits ? { chunkBytes, done } : null
}

const chunkLength = (chunk: Chunk | undefined): number => (chunk === undefined ? 0 : chunk.end - chunk.start)

/** Opens a file of ours for writing, never through a link or into a pipe that somebody put in its place. */
const openOwn = (path: string): number => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) rmSync(path, { force: true })
  return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666)
}

/** In one write, and cut to length after it: a process that is killed leaves the old notes or the new ones. */
const writeNotes = (path: string, chunks: ReadonlyArray<Chunk>, chunkBytes: number): number => {
  const descriptor = openOwn(path)
  ftruncateSync(
    descriptor,
    writeSync(descriptor, note(chunkBytes) + chunks.map(({ done }) => note(done)).join(""), 0, "latin1")
  )
  return descriptor
}

/** Bytes that certainly are there: no note is believed beyond the end of the file. */
const believe = (chunks: ReadonlyArray<Chunk>, notes: ReadonlyArray<number>, length: number) => {
  for (const chunk of chunks) {
    chunk.done = Math.max(0, Math.min(notes[chunk.index] ?? 0, length - chunk.start))
  }
}

/** The first `length` bytes, spread over the chunks. */
const prefix = (chunks: ReadonlyArray<Chunk>, length: number): ReadonlyArray<number> =>
  chunks.map((chunk) => Math.max(0, Math.min(length - chunk.start, chunkLength(chunk))))

const writeAll = (descriptor: number, buffers: ReadonlyArray<Uint8Array>, position: number): number => {
  const total = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
  let written = writevSync(descriptor, [...buffers], position)
  if (written < total) {
    const rest = Buffer.concat(buffers)
    while (written < total) written += writeSync(descriptor, rest, written, total - written, position + written)
  }
  return total
}

/** The buffers without their first `count` bytes. */
const without = (buffers: ReadonlyArray<Uint8Array>, count: number): ReadonlyArray<Uint8Array> => {
  if (count === 0) return buffers
  let left = count
  return buffers.flatMap((buffer) => {
    const cut = Math.min(left, buffer.byteLength)
    left -= cut
    return cut === buffer.byteLength ? [] : [buffer.subarray(cut)]
  })
}

/** Bytes of a file that an earlier transfer left, ours or that of Python's library; nothing is opened for writing. */
export const presentBytes = ({ blobs, chunkBytes, leftovers }: PartPlace, file: RepoFile): number => {
  const path = join(blobs, file.etag + PART_SUFFIX)
  const length = lengthOf(path)
  if (length === null) return Math.min(leftovers(file.etag)?.length ?? 0, file.size)
  const notes = readNotes(join(blobs, file.etag + NOTES_SUFFIX), file.size)
  const chunks = chunksOf(file.size, notes?.chunkBytes ?? chunkBytes)
  if (chunks.length === 1) return length > file.size ? 0 : length
  believe(chunks, notes?.done ?? [], length)
  return chunks.reduce((sum, { done }) => sum + done, 0)
}

/** Takes over what Python's library left of a file, if anything: its bytes lie in order from the start. */
const adopt = ({ blobs, chunkBytes, leftovers }: PartPlace, file: RepoFile): boolean => {
  const found = leftovers(file.etag)
  if (found === null || found.length > file.size) return false
  const chunks = chunksOf(file.size, chunkBytes)
  if (chunks.length > 1) {
    believe(chunks, prefix(chunks, found.length), found.length)
    closeSync(writeNotes(join(blobs, file.etag + NOTES_SUFFIX), chunks, chunkBytes))
  }
  renameSync(found.path, join(blobs, file.etag + PART_SUFFIX))
  return true
}

/** Opens the part of a file, with what is there of it. Throws the system's errors. */
export const open = (place: PartPlace, file: RepoFile): Part => {
  const { blobs } = place
  const path = join(blobs, file.etag + PART_SUFFIX)
  const notesPath = join(blobs, file.etag + NOTES_SUFFIX)
  const isBegun = lengthOf(path) !== null || adopt(place, file)
  const noted = isBegun ? readNotes(notesPath, file.size) : null
  const chunkBytes = noted?.chunkBytes ?? place.chunkBytes
  const chunks = chunksOf(file.size, chunkBytes)
  const descriptor = openOwn(path)
  const { size: length } = fstatSync(descriptor)
  const known = chunks.length === 1 ? prefix(chunks, length > file.size ? 0 : length) : (noted?.done ?? [])
  believe(chunks, known, length)
  if (length > file.size) ftruncateSync(descriptor, chunks.length === 1 ? 0 : file.size)
  let front = 0
  let notes = chunks.length === 1 ? null : writeNotes(notesPath, chunks, chunkBytes)

  const chunkAt = (position: number) => chunks[Math.min(chunks.length - 1, Math.floor(position / chunkBytes))]

  const putInto = (chunk: Chunk, position: number, buffers: ReadonlyArray<Uint8Array>): number => {
    const next = chunk.start + chunk.done
    const fresh = without(buffers, Math.max(0, next - position))
    if (fresh.length === 0 || position > next) return 0
    const count = writeAll(descriptor, fresh, next)
    chunk.done += count
    if (notes !== null) writeSync(notes, note(chunk.done), NOTE_BYTES * (chunk.index + 1), "latin1")
    return count
  }

  const close = () => {
    closeSync(descriptor)
    if (notes !== null) closeSync(notes)
    notes = null
  }

  return {
    path,
    chunks,
    doneBytes: () => chunks.reduce((sum, { done }) => sum + done, 0),
    frontier: () => {
      while (front < chunks.length - 1 && chunks[front]?.done === chunkLength(chunks[front])) front++
      const first = chunks[front]
      return first === undefined ? 0 : first.start + first.done
    },
    put: (position, buffers) => {
      const chunk = chunkAt(position)
      if (chunk === undefined) return 0
      const total = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
      if (position + total <= chunk.end) return putInto(chunk, position, buffers)
      // A piece that reaches into the next chunk comes only where the server knows no ranges.
      const whole = Buffer.concat(buffers)
      return chunks
        .filter(({ end, start }) => start < position + total && end > position)
        .reduce((sum, target) => {
          const from = Math.max(target.start, position)
          return sum + putInto(target, from, [whole.subarray(from - position, target.end - position)])
        }, 0)
    },
    reset: () => {
      for (const chunk of chunks) chunk.done = 0
      front = 0
      if (notes !== null) closeSync(notes)
      notes = chunks.length === 1 ? null : writeNotes(notesPath, chunks, chunkBytes)
      ftruncateSync(descriptor, 0)
    },
    close,
    finish: (blob) => {
      close()
      renameSync(path, blob)
      if (chunks.length > 1) rmSync(notesPath, { force: true })
    }
  }
}
