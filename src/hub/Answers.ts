/** Reading what the Hub answers: bounded, whatever its headers promise. */
import type { Readable } from "node:stream"
import { Either } from "effect"
import { parseJson } from "../domain/Json.js"
import { fileText } from "../domain/JsonText.js"

const JSON_LIMITS = { maxDepth: 64, maxValues: 16_000_000 }

/** The bytes of a body; Left: more than the limit, and the connection is ended. Throws what the connection throws. */
export const bytesWithin = async (body: Readable, limit: number): Promise<Either.Either<Buffer, string>> => {
  const parts: Array<Buffer> = []
  let size = 0
  for await (const part of body) {
    const bytes = Buffer.from(part)
    size += bytes.length
    if (size > limit) return Either.left(`the answer is larger than ${limit} bytes`)
    parts.push(bytes)
  }
  return Either.right(Buffer.concat(parts, size))
}

/** The JSON of an answer; an empty one is null. Left: one clause. */
export const answerJson = (bytes: Buffer): Either.Either<unknown, string> =>
  bytes.length === 0
    ? Either.right(null)
    : Either.flatMap(fileText(bytes), (text) => parseJson(text, JSON_LIMITS)).pipe(
        Either.mapLeft((problem) => `the answer is ${problem}`)
      )

/** `Retry-After` is seconds or an HTTP date; null when it is neither (RFC 9110 §10.2.3). `now` in milliseconds since 1970. */
export const retryAfterMs = (header: string | null, now: number): number | null => {
  if (header === null) return null
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) ? Math.max(0, ms) : null
}

/** The target of `rel="next"` (RFC 8288), null on the last page. */
export const nextPage = (link: string | null): string | null =>
  /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? "")?.[1] ?? null
