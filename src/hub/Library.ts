/**
 * `@huggingface/hub` over our own requests: it knows the Hub's calls, `HubClient` adds what it lacks (endpoint, token of any
 * form, proxy, retries, limits, the meaning of `X-Error-Code`). The library is loaded by the first call.
 */
import { Effect, Runtime } from "effect"
import { type HubError, HubUnavailable } from "../domain/Errors.js"
import type { HubClient, HubRequest } from "./Client.js"
import type { Subject } from "./Failures.js"

type Library = typeof import("@huggingface/hub")

/** What every call of the library takes. */
interface LibraryOptions {
  readonly hubUrl: string
  readonly fetch: typeof fetch
  /** It insists on one that begins with `hf_`; the client puts the real one in its place, for the Hub's own origin only. */
  readonly accessToken: string
}

/** Carries a typed failure through the library, which hands on what `fetch` throws. */
class Refused extends Error {
  constructor(readonly failure: HubError) {
    super()
  }
}

const OURS = "hf_set_by_the_client"

/** The library's requests carry nothing but JSON texts. */
const requestOf = (
  input: string | URL | Request,
  init: RequestInit | undefined,
  access: HubRequest["access"]
): HubRequest => ({
  url: input instanceof Request ? input.url : String(input),
  ...(init?.method === "POST" ? { method: "POST" } : {}),
  ...(typeof init?.body === "string" ? { body: init.body, headers: { "content-type": "application/json" } } : {}),
  ...(access === undefined ? {} : { access })
})

/** Runs one call of the library; `access` is the token that it needs. */
export const withLibrary = <A>(
  client: typeof HubClient.Service,
  subject: Subject,
  access: HubRequest["access"],
  call: (library: Library, options: LibraryOptions) => Promise<A>
): Effect.Effect<A, HubError> =>
  Effect.gen(function* () {
    const run = Runtime.runPromiseExit(yield* Effect.runtime())
    return yield* Effect.tryPromise({
      try: async (signal) => {
        const request: typeof fetch = async (input, init) => {
          const answer = client.json(requestOf(input, init, access), subject).pipe(Effect.either)
          const exit = await run(answer, { signal })
          if (exit._tag === "Failure") throw exit.cause
          if (exit.value._tag === "Left") throw new Refused(exit.value.left)
          return Response.json(exit.value.right.value)
        }
        return call(await import("@huggingface/hub"), { hubUrl: client.endpoint, fetch: request, accessToken: OURS })
      },
      catch: (error) =>
        error instanceof Refused
          ? error.failure
          : new HubUnavailable({ operation: subject.operation, problem: "its answer makes no sense" })
    })
  })
