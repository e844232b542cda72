/** Reading a request's JSON body, compressed or not, within the limit (spec 02 R2.6, spec 03 §0.1(6)). */
import { gunzip } from "node:zlib"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { Effect, Stream } from "effect"
import { InvalidRequest, RequestTooLarge } from "../domain/Errors.js"
import { Serving } from "./Serving.js"
import { decodeJson, type JsonBody } from "./wire/Json.js"

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

const IDENTITY = "identity"
const GZIP: ReadonlyArray<string> = ["gzip", "x-gzip"]

const corrupt = new InvalidRequest({ param: null, problem: "the body is not valid gzip" })

/** The limit is on what comes out, and unpacking stops there: a few kilobytes can hold gigabytes. */
const gunzipped = (packed: Uint8Array): Effect.Effect<Uint8Array, InvalidRequest | RequestTooLarge> =>
  Effect.async<Uint8Array, InvalidRequest | RequestTooLarge>((resume) => {
    gunzip(packed, { maxOutputLength: MAX_BODY_BYTES }, (error: NodeJS.ErrnoException | null, result) => {
      if (error === null) resume(Effect.succeed(result))
      else resume(Effect.fail(error.code === "ERR_BUFFER_TOO_LARGE" ? tooLarge : corrupt))
    })
  }).pipe(Effect.uninterruptible) // Node can't stop it, so its memory must stay accounted for.

/**
 * The body. Of packed ones one at a time is held unpacked: what a client sends then no longer bounds the memory
 * that many of its requests take together.
 */
export const jsonBody: Effect.Effect<
  JsonBody,
  InvalidRequest | RequestTooLarge,
  HttpServerRequest.HttpServerRequest | Serving
> = Effect.gen(function* () {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const { unpacking } = yield* Serving
  const encoding = (headers["content-encoding"] ?? IDENTITY).trim().toLowerCase()
  if (encoding === IDENTITY) return yield* Effect.flatMap(bytes, decodeJson)
  if (!GZIP.includes(encoding)) {
    return yield* new InvalidRequest({ param: null, problem: "Content-Encoding must be gzip or identity" })
  }
  const packed = yield* bytes
  return yield* gunzipped(packed).pipe(Effect.flatMap(decodeJson), unpacking.withPermits(1))
})
