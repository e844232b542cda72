/** Reading a request's JSON body within the limit (spec 02 R2.6). */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { Effect, Stream } from "effect"
import { InvalidRequest, RequestTooLarge } from "../domain/Errors.js"
import { decodeJson } from "./wire/Json.js"

/** Two images of 20 MB in base64 fit. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024

const tooLarge = new RequestTooLarge({ limitBytes: MAX_BODY_BYTES })

/**
 * All bytes of the body. What exceeds the limit is read and dropped, never kept: closing the connection in the middle of an
 * upload would keep most clients from seeing why.
 */
const bytes = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return yield* tooLarge
  const parts: Array<Uint8Array> = []
  let size = 0
  yield* Stream.runForEach(request.stream, (part) =>
    Effect.sync(() => {
      size += part.length
      if (size > MAX_BODY_BYTES) parts.length = 0
      else parts.push(part)
    })
  ).pipe(Effect.mapError(() => new InvalidRequest({ param: null, problem: "the body ended too early" })))
  return size > MAX_BODY_BYTES ? yield* tooLarge : Buffer.concat(parts)
})

/** The body as plain data. */
export const jsonBody: Effect.Effect<unknown, InvalidRequest | RequestTooLarge, HttpServerRequest.HttpServerRequest> =
  Effect.gen(function* () {
    const { headers } = yield* HttpServerRequest.HttpServerRequest
    const encoding = headers["content-encoding"] ?? "identity"
    if (encoding.toLowerCase() !== "identity") {
      const problem = `Content-Encoding ${encoding} is not supported; send the body uncompressed`
      return yield* new InvalidRequest({ param: null, problem })
    }
    return yield* Effect.flatMap(bytes, decodeJson)
  })
