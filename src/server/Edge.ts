/** Before and after every route: who may come in at all, and how failures go out. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Cause, Effect } from "effect"
import { HostRefused, type KnifeError } from "../domain/Errors.js"
import { isPreflight, isServedHost, preflightHeaders } from "./Cors.js"
import type { CurrentRequest } from "./CurrentRequest.js"
import { failureOf, failureResponse } from "./Failures.js"
import { Serving } from "./Serving.js"

const guarded = <E, R>(route: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
  Effect.gen(function* () {
    const { headers, method } = yield* HttpServerRequest.HttpServerRequest
    const { host } = yield* Serving
    const named = headers["host"]
    if (!isServedHost(named, host)) return yield* new HostRefused({ host: named ?? "" })
    if (isPreflight(method, headers)) return HttpServerResponse.text("OK", { headers: preflightHeaders(headers) })
    return yield* route
  })

/** An interrupted route has nobody to answer: its cause goes on. Everything else becomes a response. */
const answered = (
  cause: Cause.Cause<unknown>
): Effect.Effect<HttpServerResponse.HttpServerResponse, HttpLayerRouter.unhandled, CurrentRequest | Serving> =>
  Cause.isInterruptedOnly(cause)
    ? Effect.failCause(Cause.stripFailures(cause))
    : Effect.map(failureOf(cause), failureResponse)

/** Lets a route fail with any error of the table. */
export const edge = HttpLayerRouter.middleware<{ handles: KnifeError }>()(
  (route) => Effect.catchAllCause(guarded(route), answered),
  { global: true }
)
