/** From a failed request to what the log and the client get. The only place of the server that judges causes. */
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Cause, Effect, Option } from "effect"
import { type KnifeError, RouteNotFound } from "../domain/Errors.js"
import { errorRow, INTERNAL, isKnifeError } from "../domain/ErrorTable.js"
import { CurrentRequest } from "./CurrentRequest.js"
import { Serving } from "./Serving.js"
import { type ErrorEnvelope, errorEnvelope } from "./wire/Envelope.js"

/** A failure with the envelope that describes it. */
export interface Failure {
  readonly error: unknown
  readonly envelope: ErrorEnvelope
}

const pathOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? url

/** The failure of our vocabulary; anything else, defects too, is unknown and becomes the INTERNAL row. */
const known = (cause: Cause.Cause<unknown>): unknown => {
  const error = Option.getOrUndefined(Cause.failureOption(cause))
  return error instanceof HttpServerError.RouteNotFound ? new RouteNotFound({ path: pathOf(error.request.url) }) : error
}

/** Logs the cause as loud as it deserves and renders it. The cause's own text goes to the log only. */
export const failureOf = (cause: Cause.Cause<unknown>): Effect.Effect<Failure, never, CurrentRequest | Serving> =>
  Effect.gen(function* () {
    const { id } = yield* CurrentRequest
    const { home } = yield* Serving
    const error = known(cause)
    const envelope = errorEnvelope(error, { requestId: id, home })
    const log = errorRow(error).status === INTERNAL.status ? Effect.logError : Effect.logDebug
    const { message, type } = envelope.error
    // Repeats are dropped by this key. All bugs have one message, so what tells them apart is the exception's.
    const error_key = `${type}: ${isKnifeError(error) ? message : String(Cause.squash(cause))}`
    const detail = { error_type: type, detail: message, error_key }
    yield* Effect.annotateLogs(log("request failed", cause), detail)
    return { error, envelope }
  })

const RETRY_AFTER_SECONDS = 1
const WORTH_WAITING: ReadonlyArray<number> = [502, 503, 504]

const allowOf = (error: unknown): Readonly<Record<string, string>> => {
  const wrong: KnifeError | null = isKnifeError(error) ? error : null
  return wrong?._tag === "MethodNotAllowed" ? { allow: wrong.allowed.join(", ") } : {}
}

/** SDKs retry every 5xx unless told otherwise (spec 02 R2.11). */
export const failureResponse = ({ envelope, error }: Failure): HttpServerResponse.HttpServerResponse => {
  const { status } = errorRow(error)
  return HttpServerResponse.unsafeJson(envelope, {
    status,
    headers: {
      "x-should-retry": String(envelope.error.retryable),
      ...(WORTH_WAITING.includes(status) ? { "retry-after": String(RETRY_AFTER_SECONDS) } : {}),
      ...allowOf(error)
    }
  })
}
