/**
 * Hashes of files while they come in: a thread of its own reads behind the front of the download, from the page cache, so that
 * the last byte is hashed a moment after it came. It reads what lies on the disk, not what was received.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { Worker } from "node:worker_threads"
import { Effect, type Scope } from "effect"
import { CacheIo } from "../../domain/Errors.js"
import type { RepoFile } from "../../services/Hub.js"

/** A git blob is hashed with its header; an LFS file as it is. The etag's length tells which (services/Hub). */
const GIT_SHA1_DIGITS = 40

/** How a file's hash begins. */
export const recipe = ({ etag, size }: RepoFile): { readonly algorithm: "sha1" | "sha256"; readonly head: string } =>
  etag.length === GIT_SHA1_DIGITS ? { algorithm: "sha1", head: `blob ${size}\0` } : { algorithm: "sha256", head: "" }

/** The hash of a whole small file, read from the disk. */
export const hashOf = (file: RepoFile, path: string): string => {
  const { algorithm, head } = recipe(file)
  return createHash(algorithm).update(head).update(readFileSync(path)).digest("hex")
}

/**
 * The thread's program, as text: so it needs no file of its own beside every bundle. `advance` hashes a file up to a position
 * (its first message begins it), `digest` answers with the hash of the first `to` bytes or an error code.
 */
const PROGRAM = `
const { parentPort } = require("node:worker_threads")
const { createHash } = require("node:crypto")
const { closeSync, openSync, readSync } = require("node:fs")
const files = new Map()
const buffer = Buffer.allocUnsafe(256 * 1024)
const advance = (file, to) => {
  file.descriptor ??= openSync(file.path, "r")
  while (file.at < to) {
    const count = readSync(file.descriptor, buffer, 0, Math.min(buffer.length, to - file.at), file.at)
    if (count === 0) throw Object.assign(new Error(), { code: "the file ends early" })
    file.hash.update(buffer.subarray(0, count))
    file.at += count
  }
}
const forget = (id) => {
  const descriptor = files.get(id)?.descriptor
  files.delete(id)
  if (descriptor !== undefined) closeSync(descriptor)
}
parentPort.on("message", ({ type, id, path, algorithm, head, to }) => {
  const file = files.get(id) ?? { path, hash: createHash(algorithm).update(head), at: 0 }
  files.set(id, file)
  try {
    if (file.problem === undefined) advance(file, to)
  } catch (error) {
    file.problem = error.code ?? "unknown error"
  }
  if (type !== "digest") return
  parentPort.postMessage(file.problem === undefined ? { id, digest: file.hash.digest("hex") } : { id, problem: file.problem })
  forget(id)
})
`

/** The hash of one file in the making. */
export interface FileHash {
  /** The first `position` bytes are there and won't change. */
  readonly advance: (position: number) => void
  /** The hash of the whole file; once. */
  readonly digest: Effect.Effect<string, CacheIo>
}

export interface Hasher {
  readonly open: (path: string, file: RepoFile) => FileHash
}

interface Answer {
  readonly id: number
  readonly digest?: string
  readonly problem?: string
}

/** Bytes that are worth a message. */
const STEP_BYTES = 4 * 2 ** 20

/** The thread starts with the first file and ends with the scope. */
export const makeHasher: Effect.Effect<Hasher, never, Scope.Scope> = Effect.gen(function* () {
  let worker: Worker | null = null
  let last = 0
  const waiting = new Map<number, (answer: Answer) => void>()
  const failAll = () => {
    worker = null
    for (const [id, resolve] of waiting) resolve({ id, problem: "the hashing thread ended" })
    waiting.clear()
  }
  const started = (): Worker => {
    if (worker !== null) return worker
    worker = new Worker(PROGRAM, { eval: true, execArgv: [] })
    worker.on("message", (answer: Answer) => {
      waiting.get(answer.id)?.(answer)
      waiting.delete(answer.id)
    })
    worker.on("error", failAll)
    worker.on("exit", failAll)
    return worker
  }
  yield* Effect.addFinalizer(() => Effect.promise(async () => worker?.terminate()))

  return {
    open: (path, file) => {
      const id = ++last
      let sent = 0
      const send = (type: "advance" | "digest", to: number) =>
        started().postMessage({ type, id, path, ...recipe(file), to })
      return {
        advance: (position) => {
          if (position < sent + STEP_BYTES) return
          sent = position
          send("advance", position)
        },
        digest: Effect.async<string, CacheIo>((resume) => {
          waiting.set(id, ({ digest, problem }) =>
            resume(
              digest === undefined ? new CacheIo({ path, problem: problem ?? "unknown error" }) : Effect.succeed(digest)
            )
          )
          send("digest", file.size)
        })
      }
    }
  }
})
