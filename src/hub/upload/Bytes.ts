/** Sending a piece of a file: streamed from the disk, repeated while that may help. */
import { createReadStream } from "node:fs"
import { join } from "node:path"
import { Readable } from "node:stream"
import { Effect } from "effect"
import { type HubOffline, HubUnavailable, type HubUnusable } from "../../domain/Errors.js"
import type { LocalFile } from "../../domain/Push.js"
import { retryAfterMs } from "../Answers.js"
import { HubClient, isTransient } from "../Client.js"
import { type FailedTry, patiently } from "../Retry.js"
import { isUnchanged } from "./Unchanged.js"

/** A piece of a file and where it goes; `end` is exclusive. */
export interface Piece {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly root: string
  readonly file: LocalFile
  readonly start: number
  readonly end: number
}

/** The signed address is too old or unknown by now; a new plan has new ones. */
export interface AddressExpired {
  readonly _tag: "AddressExpired"
  readonly status: number
}

export type PieceError = HubUnavailable | HubUnusable | HubOffline | AddressExpired

/** Large enough to keep the disk ahead of the network, small enough that four at once are nothing. */
const READ_BYTES = 256 * 1024

const EXPIRED = new Set([400, 401, 403, 404, 410])

/** The bytes, told of as they are read. */
const counted = ({ end, file, root, start }: Piece, onBytes: (bytes: number) => void): Readable =>
  Readable.from(
    (async function* () {
      const path = join(root, file.path)
      const stream = createReadStream(path, { start, end: end - 1, highWaterMark: READ_BYTES })
      for await (const chunk of stream) {
        onBytes(chunk.length)
        yield chunk
      }
    })(),
    { objectMode: false }
  )

/** Answers the ETag, null when the storage sends none. `onSent` is told the bytes of the current try so far. */
export const sendPiece = (
  piece: Piece,
  operation: string,
  onSent: (bytes: number) => void
): Effect.Effect<string | null, PieceError, HubClient> =>
  Effect.gen(function* () {
    const client = yield* HubClient
    const length = piece.end - piece.start
    /** Other bytes than those that were hashed help nobody. */
    const failedTry = (error: PieceError, again: boolean, waitMs: number | null): FailedTry<PieceError> => ({
      error,
      again: again && isUnchanged(piece.root, piece.file),
      waitMs
    })
    const once = Effect.gen(function* () {
      let sent = 0
      onSent(0)
      const body = () =>
        counted(piece, (bytes) => {
          sent += bytes
          onSent(sent)
        })
      const { header, status } = yield* client
        .send(
          {
            url: piece.url,
            method: "PUT",
            headers: { ...piece.headers, "content-length": String(length) },
            body: length === 0 ? new Uint8Array() : body,
            access: "write"
          },
          operation
        )
        .pipe(Effect.mapError((error) => failedTry(error, error._tag === "HubUnavailable", null)))
      if (status >= 200 && status <= 299) return header("etag")
      const error: PieceError = EXPIRED.has(status)
        ? { _tag: "AddressExpired", status }
        : new HubUnavailable({ operation, problem: `HTTP ${status}` })
      const waitMs = retryAfterMs(header("retry-after"), Date.now())
      return yield* Effect.fail(failedTry(error, isTransient(status), waitMs))
    }).pipe(Effect.scoped)
    return yield* patiently(once)
  })
