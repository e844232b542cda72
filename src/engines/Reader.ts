/**
 * Reading the directory of a checkpoint that strangers wrote: nothing is opened that isn't a regular file, and nothing is
 * read beyond its limit. The engine process's only way to such files.
 */
import { constants } from "node:fs"
import { type FileHandle, lstat, open, readdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect, type Either } from "effect"
import { CheckpointInvalid } from "../domain/Errors.js"
import { NOT_A_FILE, systemCode, tooLarge } from "../domain/FileProblems.js"
import { fileText, jsonValue } from "../domain/JsonText.js"
import type { CheckpointSource } from "../inference/Engine.js"

/** Far above any real config.json or index. */
const MAX_JSON_BYTES = 16 * 2 ** 20

/** The error that names a file of the checkpoint. */
export const invalid = (source: CheckpointSource, file: string, problem: string) =>
  new CheckpointInvalid({ model: source.name, file, problem })

/** What is wrong with the content of `file`, as its error. */
export const checked = <A>(
  source: CheckpointSource,
  file: string,
  result: Either.Either<A, string>
): Effect.Effect<A, CheckpointInvalid> => Effect.mapError(result, (problem) => invalid(source, file, problem))

const MISSING = "missing"
const problemOf = (error: unknown): string => {
  const code = systemCode(error)
  return code === "ENOENT" ? MISSING : `cannot be read (${code})`
}

const io = <A>(source: CheckpointSource, file: string, run: () => Promise<A>): Effect.Effect<A, CheckpointInvalid> =>
  Effect.tryPromise({ try: run, catch: (error) => invalid(source, file, problemOf(error)) })

/** Damage, not absence: the store has lost the file's content. */
const brokenLink = (source: CheckpointSource, file: string) => (error: CheckpointInvalid) =>
  error.problem === MISSING
    ? Effect.zipRight(
        io(source, file, () => lstat(join(source.directory, file))),
        Effect.fail(invalid(source, file, "a link to nothing"))
      )
    : Effect.fail(error)

/** Opens a regular file for one use and gives its size in bytes. */
export const withFile = <A>(
  source: CheckpointSource,
  file: string,
  use: (handle: FileHandle, bytes: number) => Effect.Effect<A, CheckpointInvalid>
): Effect.Effect<A, CheckpointInvalid> =>
  Effect.acquireUseRelease(
    // Non-blocking, because opening a named pipe would wait for its writer.
    io(source, file, () => open(join(source.directory, file), constants.O_RDONLY | constants.O_NONBLOCK)).pipe(
      Effect.catchAll(brokenLink(source, file))
    ),
    (handle) =>
      Effect.flatMap(
        io(source, file, () => handle.stat()),
        (stats) => (stats.isFile() ? use(handle, stats.size) : Effect.fail(invalid(source, file, NOT_A_FILE)))
      ),
    (handle) => Effect.promise(() => handle.close())
  )

/** `length` bytes from `position`; fewer where the file ends. */
export const readBytes = (
  source: CheckpointSource,
  file: string,
  handle: FileHandle,
  position: number,
  length: number
): Effect.Effect<Uint8Array, CheckpointInvalid> =>
  Effect.gen(function* () {
    const buffer = new Uint8Array(length)
    let filled = 0
    while (filled < length) {
      const from = filled
      const { bytesRead } = yield* io(source, file, () => handle.read(buffer, from, length - from, position + from))
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return buffer.subarray(0, filled)
  })

/** A whole file, refused by its size before it is read. */
const readWithin = (source: CheckpointSource, file: string, limitBytes: number) =>
  withFile(source, file, (handle, bytes) =>
    bytes > limitBytes
      ? Effect.fail(invalid(source, file, tooLarge(limitBytes)))
      : readBytes(source, file, handle, 0, bytes)
  )

/** Null in place of a file that isn't there. */
export const optional = <A>(read: Effect.Effect<A, CheckpointInvalid>): Effect.Effect<A | null, CheckpointInvalid> =>
  Effect.catchAll(read, (error) => (error.problem === MISSING ? Effect.succeed(null) : Effect.fail(error)))

/** The text of a file of at most `limitBytes`. */
export const readText = (source: CheckpointSource, file: string, limitBytes: number) =>
  Effect.flatMap(readWithin(source, file, limitBytes), (bytes) => checked(source, file, fileText(bytes)))

/** The value of a JSON file. */
export const readJson = (source: CheckpointSource, file: string): Effect.Effect<unknown, CheckpointInvalid> =>
  Effect.flatMap(readWithin(source, file, MAX_JSON_BYTES), (bytes) => checked(source, file, jsonValue(bytes)))

/** The names in the directory; `file` stands for it in the error. */
export const names = (
  source: CheckpointSource,
  file: string
): Effect.Effect<ReadonlyArray<string>, CheckpointInvalid> => io(source, file, () => readdir(source.directory))
