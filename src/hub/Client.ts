/**
 * Requests to the Hub: token, proxy, retries, bounded answers, typed failures. `@huggingface/hub` runs on top of them
 * (Library.ts): alone its calls lose `X-Error-Code` and take only tokens that begin with `hf_`.
 */
import type { Readable } from "node:stream"
import { Context, Effect, Either, Layer, Redacted, type Scope } from "effect"
import type { Dispatcher } from "undici"
import type { HubError } from "../domain/Errors.js"
import { HubOffline, type HubUnavailable, type HubUnusable } from "../domain/Errors.js"
import { Settings } from "../services/Settings.js"
import { answerJson, bytesWithin, nextPage, retryAfterMs } from "./Answers.js"
import { makeDispatcher, type Purpose } from "./Dispatcher.js"
import {
  callFailure,
  connectionProblem,
  DOWNGRADE,
  isHopeless,
  NO_ADDRESS,
  PASSWORD,
  refusalError,
  refusalText,
  type Subject,
  shownText,
  TOO_MANY_REDIRECTS
} from "./Failures.js"
import { type FailedTry, patiently } from "./Retry.js"

export interface HubRequest {
  /** Absolute, or a path below the endpoint that begins with `/`. */
  readonly url: string
  readonly method?: "GET" | "HEAD" | "POST" | "PUT"
  readonly headers?: Readonly<Record<string, string>>
  /** A stream is opened anew for every try; its length stands in the headers, or it is sent in chunks. */
  readonly body?: string | Uint8Array | (() => Readable)
  /** `write` sends the token that may change repos. */
  readonly access?: "read" | "write"
}

export interface HubResponse {
  readonly status: number
  /** Where it came from, after redirects. */
  readonly url: string
  /** One header, null when absent; the first of several. */
  readonly header: (name: string) => string | null
  /** Ends with the scope; what nobody reads is thrown away with its connection. */
  readonly body: Readable
}

type SendError = HubUnavailable | HubUnusable | HubOffline

export class HubClient extends Context.Tag("mlxk/hub/Client")<
  HubClient,
  {
    /** HF_ENDPOINT, without a slash at its end. */
    readonly endpoint: string
    /** For the bytes of files, which have requests of their own (transfer/Request). Asks nobody about `offline`. */
    readonly bulk: Dispatcher
    /** What every request for reading carries: our name, and the token for the Hub's own origin. */
    readonly headers: (url: URL) => Readonly<Record<string, string>>
    /**
     * One request, one answer: no redirect is followed and no status judged. The token goes to the Hub's own origin and to no
     * other host. The body streams. Nothing is sent when offline, nor from an https Hub to plain http.
     */
    readonly send: (request: HubRequest, operation: string) => Effect.Effect<HubResponse, SendError, Scope.Scope>
    /**
     * An API call: follows redirects, judges the status, repeats what may succeed later. The value is bounded JSON of any shape.
     * `once` is for calls that must not happen twice: they are repeated only when the Hub says that it did nothing.
     */
    readonly json: (request: HubRequest, subject: Subject, repeat?: "once") => Effect.Effect<JsonAnswer, HubError>
    /** A text that an answer carries, fit to be shown: one short line without secrets. */
    readonly shown: (text: string) => string
  }
>() {}

/** `next` is the URL of the next page of a list, null on the last one. */
export interface JsonAnswer {
  readonly value: unknown
  readonly next: string | null
}

const USER_AGENT = "mlx-knife"
const MAX_REDIRECTS = 5
/** A listing of 100,000 files takes about 30 MB. */
const MAX_JSON_BYTES = 256 * 2 ** 20
/** A listing takes seconds; one that comes in drips takes no more than this. */
const LONGEST_ANSWER = "5 minutes"
/** As much of a failure's body as may say why. */
const MAX_FAILURE_BYTES = 64 * 1024

/** Answers after which the very same request may succeed. */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504])
/** Of those, the ones that say that nothing was done. */
const NOTHING_DONE = new Set([429, 503])

/** True for a status after which the very same request may succeed. */
export const isTransient = (status: number): boolean => TRANSIENT.has(status)

const addressOf = (text: string): URL | null => {
  const url = URL.canParse(text) ? new URL(text) : null
  return url !== null && /^https?:$/.test(url.protocol) ? url : null
}

/** Why nothing can be asked there; null when it can. A query would take every path into itself. */
const endpointProblem = (endpoint: string): string | null => {
  const url = addressOf(endpoint)
  if (url === null || url.search + url.hash !== "") return NO_ADDRESS
  return url.username + url.password === "" ? null : PASSWORD
}

const make = Effect.gen(function* () {
  const { hub, hubToken, pushToken } = yield* Settings
  const { request: undiciRequest } = yield* Effect.promise(() => import("undici"))
  const connections = (purpose: Purpose) =>
    Effect.acquireRelease(
      Effect.sync(() => makeDispatcher(hub, purpose)),
      (open) => Effect.promise(() => open.destroy())
    )
  const dispatcher = yield* connections("calls")
  const bulk = yield* connections("bulk")
  const origin = addressOf(hub.endpoint)?.origin
  const unusable = endpointProblem(hub.endpoint)
  const secure = origin?.startsWith("https:") === true

  const authorization = (url: URL, access: "read" | "write"): Readonly<Record<string, string>> => {
    const token = access === "write" ? pushToken : hubToken
    return token !== null && url.origin === origin ? { authorization: `Bearer ${Redacted.value(token)}` } : {}
  }

  const send = (request: HubRequest, operation: string) =>
    Effect.gen(function* () {
      const failure = (problem: string) => callFailure(operation, problem)
      if (hub.offline) return yield* new HubOffline({ operation })
      if (unusable !== null) return yield* failure(unusable)
      const url = addressOf(request.url.startsWith("/") ? hub.endpoint + request.url : request.url)
      if (url === null) return yield* failure(NO_ADDRESS)
      if (url.username + url.password !== "") return yield* failure(PASSWORD)
      // Redirects and upload plans come from the network: they must not take files or answers out of TLS.
      if (secure && url.protocol !== "https:") return yield* failure(DOWNGRADE)
      const abort = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort())
      )
      const answer = yield* Effect.tryPromise({
        try: () =>
          undiciRequest(url, {
            dispatcher,
            method: request.method ?? "GET",
            headers: { "user-agent": USER_AGENT, ...request.headers, ...authorization(url, request.access ?? "read") },
            body: typeof request.body === "function" ? request.body() : (request.body ?? null),
            signal: abort.signal
          }),
        catch: (error) => failure(connectionProblem(error))
      })
      // Ending the scope before the end of the body is no error of anybody.
      answer.body.on("error", () => {})
      return {
        status: answer.statusCode,
        url: url.href,
        header: (name: string) => [answer.headers[name.toLowerCase()]].flat()[0] ?? null,
        body: answer.body
      }
    })

  /** Follows redirects; a method with a body only where the answer says that it stays the same (RFC 9110 §15.4). */
  const follow = (
    request: HubRequest,
    operation: string,
    left = MAX_REDIRECTS
  ): Effect.Effect<HubResponse, SendError, Scope.Scope> =>
    Effect.flatMap(send(request, operation), (response) => {
      const location = response.header("location")
      const keepsMethod = response.status === 307 || response.status === 308
      const moves = keepsMethod || ((request.method ?? "GET") === "GET" && [301, 302, 303].includes(response.status))
      if (!moves || location === null) return Effect.succeed(response)
      if (left === 0 || !URL.canParse(location, response.url)) {
        return Effect.fail(callFailure(operation, TOO_MANY_REDIRECTS))
      }
      return follow({ ...request, url: new URL(location, response.url).href }, operation, left - 1)
    })

  const tokens = [hubToken, pushToken].flatMap((token) => (token === null ? [] : [Redacted.value(token)]))
  const shown = (text: string) => shownText(text, tokens)

  const refused = (response: HubResponse, request: HubRequest, subject: Subject) =>
    Effect.promise(async () => {
      const { header, status } = response
      const body = await bytesWithin(response.body, MAX_FAILURE_BYTES).catch(() => Either.left(""))
      const value = Either.getOrElse(Either.flatMap(body, answerJson), () => null)
      const token = request.access === "write" ? pushToken : hubToken
      return refusalError(subject, {
        status,
        code: header("x-error-code"),
        text: shown(refusalText(header("x-error-message"), value)),
        withToken: token !== null
      })
    })

  const json = (request: HubRequest, subject: Subject, repeat?: "once") => {
    const failure = (problem: string) => callFailure(subject.operation, problem)
    /** Whether it reached the Hub is unknown, so a call that must not happen twice is not repeated. */
    const lost = (error: HubError) => ({
      error,
      again: error._tag === "HubUnavailable" && !isHopeless(error.problem) && repeat !== "once",
      waitMs: null
    })
    const once: Effect.Effect<JsonAnswer, FailedTry<HubError>> = Effect.gen(function* () {
      const response = yield* Effect.mapError(follow(request, subject.operation), lost)
      const { header, status } = response
      if (status < 200 || status > 299) {
        return yield* Effect.fail({
          error: yield* refused(response, request, subject),
          again: (repeat === "once" ? NOTHING_DONE : TRANSIENT).has(status),
          waitMs: retryAfterMs(header("retry-after"), Date.now())
        })
      }
      const bytes = yield* Effect.tryPromise({
        try: () => bytesWithin(response.body, MAX_JSON_BYTES),
        catch: (error) => lost(failure(connectionProblem(error)))
      }).pipe(
        Effect.timeoutFail({
          duration: LONGEST_ANSWER,
          onTimeout: () => ({ error: failure("the answer does not come to an end"), again: false, waitMs: null })
        })
      )
      const value = Either.flatMap(bytes, answerJson)
      if (Either.isLeft(value)) return yield* Effect.fail({ error: failure(value.left), again: false, waitMs: null })
      return { value: value.right, next: nextPage(header("link")) }
    }).pipe(Effect.scoped)
    return patiently(once)
  }

  return HubClient.of({
    endpoint: hub.endpoint,
    bulk,
    headers: (url) => ({ "user-agent": USER_AGENT, ...authorization(url, "read") }),
    send,
    json,
    shown
  })
})

/** Loads undici when built; closes its connections with the scope. */
export const layer: Layer.Layer<HubClient, never, Settings> = Layer.scoped(HubClient, make)
