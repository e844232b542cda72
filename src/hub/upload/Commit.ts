/** The commit: one call with a line of JSON per file, streamed, so that its size needs no memory. */
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { Effect, Schema } from "effect"
import { type HubError, UploadFailed } from "../../domain/Errors.js"
import type { Publication, Upload } from "../../services/Publisher.js"
import { HubClient } from "../Client.js"
import { repoPath } from "../Hub.js"
import type { LargeFile } from "./LargeFiles.js"
import { isUnchanged } from "./Unchanged.js"

const line = (key: string, value: unknown): string => `${JSON.stringify({ key, value })}\n`

async function* lines(
  { message, parent, root }: Publication,
  large: ReadonlyArray<LargeFile>,
  inline: ReadonlyArray<Upload>
): AsyncGenerator<Buffer> {
  const header = { summary: message, description: "", ...(parent === null ? {} : { parentCommit: parent }) }
  yield Buffer.from(line("header", header))
  for (const { path, sha256, size } of large) {
    yield Buffer.from(line("lfsFile", { path, algo: "sha256", oid: sha256, size }))
  }
  for (const file of inline) {
    const { path } = file
    // Ends the request; what it fails with is said by whoever looks at the files again.
    if (!isUnchanged(root, file)) throw new Error()
    const content = await readFile(join(root, path), "base64")
    if (!isUnchanged(root, file)) throw new Error()
    yield Buffer.from(line("file", { path, content, encoding: "base64" }))
  }
}

const Hash = Schema.NullOr(Schema.String.pipe(Schema.pattern(/^[0-9a-f]{7,64}$/)))
/** Older Hubs name the same things differently. */
const Answer = Schema.Struct({
  commitOid: Schema.optional(Hash),
  commitUrl: Schema.optional(Schema.NullOr(Schema.String)),
  oid: Schema.optional(Hash),
  url: Schema.optional(Schema.NullOr(Schema.String))
})
const decode = Schema.decodeUnknown(Answer)

/** An address to show; null for what is none, or isn't fit to be shown. */
const pageOf = (text: string | null, shown: (text: string) => string): string | null =>
  text !== null && /^https?:/.test(text) && URL.canParse(text) && shown(text) === text ? text : null

/** The commit's hash and page; both null when the Hub made none. */
export const commit = (
  publication: Publication,
  large: ReadonlyArray<LargeFile>,
  inline: ReadonlyArray<Upload>
): Effect.Effect<{ readonly commit: string | null; readonly url: string | null }, HubError | UploadFailed, HubClient> =>
  Effect.gen(function* () {
    const client = yield* HubClient
    const { branch, repo } = publication
    const { value } = yield* client.json(
      {
        url: `/api/models/${repoPath(repo)}/commit/${encodeURIComponent(branch)}`,
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: () => Readable.from(lines(publication, large, inline), { objectMode: false }),
        access: "write"
      },
      { operation: `the commit to ${repo}`, repo, revision: branch },
      "once"
    )
    const answer = yield* Effect.mapError(
      decode(value),
      () => new UploadFailed({ repo, problem: "the Hub's answer to the commit makes no sense" })
    )
    return {
      commit: answer.commitOid ?? answer.oid ?? null,
      url: pageOf(answer.commitUrl ?? answer.url ?? null, client.shown)
    }
  })
