/** Which files the Hub wants as Git LFS objects, which inside the commit, and which not at all: its `preupload` call. */
import { closeSync, constants, openSync, readSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { type HubError, UploadFailed } from "../../domain/Errors.js"
import type { Upload } from "../../services/Publisher.js"
import { HubClient } from "../Client.js"
import { repoPath } from "../Hub.js"
import type { Target } from "./LargeFiles.js"

const Answer = Schema.Struct({
  files: Schema.Array(
    Schema.Struct({
      path: Schema.String,
      uploadMode: Schema.Literal("lfs", "regular"),
      shouldIgnore: Schema.optional(Schema.Boolean)
    })
  )
})
type Mode = (typeof Answer.Type)["files"][number]

const decode = Schema.decodeUnknown(Answer)

const FILES_PER_CALL = 256
/** The Hub looks at the beginning of a file to tell text from bytes. */
const SAMPLE_BYTES = 512
/** An inlined file travels in the commit itself; the Hub allows 10 MB. */
export const MAX_INLINE_BYTES = 64 * 2 ** 20

const sample = (file: string): string => {
  // A pipe that took the file's place would hold everything up.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const buffer = Buffer.alloc(SAMPLE_BYTES)
    return buffer.subarray(0, readSync(descriptor, buffer, 0, SAMPLE_BYTES, 0)).toString("base64")
  } finally {
    closeSync(descriptor)
  }
}

export interface Sorted {
  readonly large: ReadonlyArray<Upload>
  readonly inline: ReadonlyArray<Upload>
}

/** Sorts the files as the Hub says; those that its own rules ignore are in neither list. */
export const sorted = (
  target: Target,
  files: ReadonlyArray<Upload>
): Effect.Effect<Sorted, HubError | UploadFailed, HubClient> =>
  Effect.gen(function* () {
    const client = yield* HubClient
    const { branch, repo, root } = target
    const failed = (problem: string) => new UploadFailed({ repo, problem })
    const own = files.find(({ path }) => path === ".gitattributes")
    // Rules that come with this very commit count already.
    const gitAttributes =
      own === undefined
        ? {}
        : yield* Effect.tryPromise({
            try: async () => ({ gitAttributes: await readFile(join(root, own.path), "utf8") }),
            catch: () => failed(".gitattributes: it cannot be read")
          })
    const modes = new Map<string, Mode>()
    for (let from = 0; from < files.length; from += FILES_PER_CALL) {
      const samples = yield* Effect.forEach(files.slice(from, from + FILES_PER_CALL), ({ path, size }) =>
        Effect.try({
          try: () => ({ path, size, sample: sample(join(root, path)) }),
          catch: () => failed(`${path}: it cannot be read`)
        })
      )
      const { value } = yield* client.json(
        {
          url: `/api/models/${repoPath(repo)}/preupload/${encodeURIComponent(branch)}`,
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ files: samples, ...gitAttributes }),
          access: "write"
        },
        { operation: `the upload to ${repo}`, repo, revision: branch }
      )
      const answer = yield* Effect.mapError(decode(value), () => failed("the Hub's answer makes no sense"))
      for (const mode of answer.files) modes.set(mode.path, mode)
    }
    const unknown = files.find(({ path }) => !modes.has(path))
    if (unknown !== undefined) return yield* failed(`${unknown.path}: the Hub does not say how it wants the file`)
    const wanted = files.filter(({ path }) => modes.get(path)?.shouldIgnore !== true)
    // An empty file has no content to store.
    const isLarge = ({ path, size }: Upload) => size > 0 && modes.get(path)?.uploadMode === "lfs"
    const inline = wanted.filter((file) => !isLarge(file))
    const big = inline.find(({ size }) => size > MAX_INLINE_BYTES)
    if (big !== undefined)
      return yield* failed(`${big.path}: too large for a commit, and the Hub does not take it as LFS`)
    return { large: wanted.filter(isLarge), inline }
  })
