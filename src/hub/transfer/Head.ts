/** The first bytes of a file, for a look at what a repo is before it is fetched. */
import { Effect } from "effect"
import type { RepoRevision } from "../../services/Hub.js"
import type { HubClient } from "../Client.js"
import { MAX_REDIRECTS, nextUrl, resolveUrl } from "./Fetch.js"
import { fetchBytes, headerOf, type Outcome } from "./Request.js"

interface Looking {
  readonly client: typeof HubClient.Service
  readonly revision: RepoRevision
  readonly silenceMs: number
}

/** Null when the file can't be had: then there is nothing to look at. One try. */
export const headOf = (
  { client, revision, silenceMs }: Looking,
  path: string,
  limitBytes: number
): Effect.Effect<Uint8Array | null> =>
  Effect.gen(function* () {
    if (revision.files.every((file) => file.path !== path)) return null
    const parts: Array<Uint8Array> = []
    let url: URL | null = resolveUrl({ client, revision }, path)
    for (let hops = 0; url !== null && hops <= MAX_REDIRECTS; hops++) {
      const outcome: Outcome = yield* fetchBytes(client.bulk, {
        url,
        headers: { ...client.headers(url), range: `bytes=0-${limitBytes - 1}` },
        silenceMs,
        rate: null,
        receive: ({ status }) =>
          status === 200 || status === 206 ? { _tag: "Take", position: 0, limit: limitBytes } : { _tag: "Leave" },
        write: (_, buffers) => {
          for (const buffer of buffers) parts.push(Buffer.from(buffer))
        }
      })
      // A server without ranges sends more than the limit, which ends the answer: the beginning is here.
      if (parts.length > 0) return Buffer.concat(parts)
      url = outcome._tag === "Answered" ? nextUrl(headerOf(outcome.head, "location"), url) : null
    }
    return null
  })
