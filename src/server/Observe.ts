/**
 * Around every request, sending included: request id in the headers and in each log line, CORS headers, the access line, and
 * the count of running requests. Router middleware would miss the streamed body (its log lines and its end).
 */
import * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Cause, Clock, Effect, FiberRef, Option, Ref } from "effect"
import { corsHeaders } from "./Cors.js"
import { CurrentRequest, type CurrentRequestValues, type Facts, noteIn, requestId } from "./CurrentRequest.js"
import { Serving } from "./Serving.js"

const UNMATCHED = "unmatched"

/** Headers of every response; an answer that starts during shutdown also asks the client not to come back here. */
const decorate =
  (current: CurrentRequestValues, stopping: Effect.Effect<boolean>): HttpApp.PreResponseHandler =>
  (request, response) =>
    Effect.gen(function* () {
      yield* noteIn(current, { status: response.status })
      const close = (yield* stopping) ? { connection: "close" } : {}
      return HttpServerResponse.setHeaders(response, {
        ...corsHeaders(request.headers["origin"]),
        ...close,
        "x-request-id": current.id
      })
    })

const accessLine = (request: HttpServerRequest.HttpServerRequest, current: CurrentRequestValues) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const known = yield* Ref.get(current.facts)
    // The exit doesn't tell: the platform turns the interruption by a client that left into a response nobody reads.
    const left = !Cause.isEmpty(yield* FiberRef.get(FiberRef.interruptedCause))
    const line: Facts = {
      method: request.method,
      route: UNMATCHED,
      ...known,
      ...(left ? { aborted: true } : {}),
      duration_ms: now - current.startedAt,
      client: Option.getOrNull(request.remoteAddress)
    }
    yield* Effect.annotateLogs(Effect.logInfo("request"), line)
  })

export const observe = <E, R>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  E,
  Exclude<R, CurrentRequest> | HttpServerRequest.HttpServerRequest | Serving
> =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { shutdown } = yield* Serving
    const id = yield* requestId(request.headers["x-request-id"])
    const startedAt = yield* Clock.currentTimeMillis
    const facts = yield* Ref.make<Facts>({})
    const current: CurrentRequestValues = { id, startedAt, facts }
    const handled = Effect.provideService(app, CurrentRequest, current)
    const decorated = HttpApp.withPreResponseHandler(handled, decorate(current, shutdown.hasBegun))
    const logged = Effect.ensuring(decorated, accessLine(request, current))
    return yield* shutdown.track(Effect.annotateLogs(logged, { request_id: id, logger: "server" }))
  })
