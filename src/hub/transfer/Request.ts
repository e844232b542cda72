/** One request for bytes: the head is judged before the body, the body goes straight to where it belongs. */
import { Effect } from "effect"
import type { Dispatcher } from "undici"
import { connectionProblem } from "../Failures.js"
import type { RateLimit } from "./RateLimit.js"

/** Headers by lower-case name. */
export type Headers = Readonly<Record<string, string | string[] | undefined>>

export interface Head {
  readonly status: number
  readonly headers: Headers
}

/** The first value of a header; null when absent. */
export const headerOf = ({ headers }: Pick<Head, "headers">, name: string): string | null =>
  [headers[name]].flat()[0] ?? null

/** What becomes of a body, decided by the head: its bytes are taken from a position on, or it is left unread. */
export type Reception =
  | { readonly _tag: "Take"; readonly position: number; readonly limit: number }
  | { readonly _tag: "Leave" }

export interface ByteRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Longest silence before the head and between two pieces. */
  readonly silenceMs: number
  readonly rate: RateLimit | null
  readonly receive: (head: Head) => Reception
  /** Bytes of the file from `position` on, to be used up at once. May throw; then the request ends with `WriteFailed`. */
  readonly write: (position: number, buffers: ReadonlyArray<Uint8Array>) => void
}

/**
 * How a request ended. `Answered`: the body came as its length said, or was left; `received` bytes were taken. `Broken`: the
 * connection failed before or on the way. `WriteFailed`: our own side could not take the bytes.
 */
export type Outcome =
  | { readonly _tag: "Answered"; readonly head: Head; readonly received: number }
  | { readonly _tag: "Broken"; readonly problem: string; readonly received: number }
  | { readonly _tag: "WriteFailed"; readonly error: unknown }

/**
 * Bytes that are worth a call to the system. What came in one turn of the event loop is written at its end at the latest: a
 * process that is killed loses no more.
 */
const GATHER_BYTES = 256 * 1024

/** A piece up to this size is worth a copy, so that it is written with others. */
const COPIED_BYTES = 64 * 1024

/** A body that nobody wants is read up to this size, because a connection that is cut off costs more to make again. */
const LEFT_BYTES = 16 * 1024

/** And for so long. */
const LEFT_MS = 1000

/** Over this time a connection must bring this much, or it counts as stalled: some proxies keep dead ones alive with drips. */
const TRICKLE_WINDOW_MS = 30_000
const TRICKLE_BYTES = 32 * 1024

class LeftUnread extends Error {}
class WriteProblem extends Error {}

/** Runs a request to its end; interruption ends the connection. */
export const fetchBytes = (dispatcher: Dispatcher, request: ByteRequest): Effect.Effect<Outcome> =>
  Effect.async((resume) => Effect.sync(startRequest(dispatcher, request, (outcome) => resume(Effect.succeed(outcome)))))

/** Begins a request, calls `ended` at its end, and answers how to end it before: then `ended` is not called. */
export const startRequest = (
  dispatcher: Dispatcher,
  request: ByteRequest,
  ended: (outcome: Outcome) => void
): (() => void) => {
  let head: Head = { status: 0, headers: {} }
  let controller: Dispatcher.DispatchController | null = null
  let buffers: Array<Uint8Array> = []
  let gathered = 0
  let position = 0
  let left = 0
  let received = 0
  let windowStart = performance.now()
  let windowBytes = 0
  let stopped = false
  let unwanted: number | null = null
  /** Of a pause, or of the wait for the end of a body that nobody wants. */
  let timer: NodeJS.Timeout | null = null
  let turn: NodeJS.Immediate | null = null

  const end = (outcome: Outcome) => {
    stopped = true
    if (timer !== null) clearTimeout(timer)
    ended(outcome)
  }
  const stop = (reason: Error, outcome: Outcome) => {
    if (stopped) return
    end(outcome)
    controller?.abort(reason)
  }
  const flush = () => {
    if (turn !== null) clearImmediate(turn)
    turn = null
    if (gathered === 0) return
    const taken = buffers
    buffers = []
    const from = position
    position += gathered
    received += gathered
    gathered = 0
    try {
      request.write(from, taken)
    } catch (error) {
      stop(new WriteProblem(), { _tag: "WriteFailed", error })
    }
  }
  const isTrickle = (bytes: number): boolean => {
    windowBytes += bytes
    const now = performance.now()
    if (now - windowStart < TRICKLE_WINDOW_MS) return false
    const trickles = windowBytes < TRICKLE_BYTES && request.rate === null
    windowStart = now
    windowBytes = 0
    return trickles
  }
  const hold = (milliseconds: number, active: Dispatcher.DispatchController) => {
    active.pause()
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(() => active.resume(), milliseconds)
  }

  const options: Dispatcher.DispatchOptions = {
    origin: request.url.origin,
    path: request.url.pathname + request.url.search,
    method: "GET",
    headers: { ...request.headers, "accept-encoding": "identity" },
    headersTimeout: request.silenceMs,
    bodyTimeout: request.silenceMs
  }
  dispatcher.dispatch(options, {
    onRequestStart: (active) => {
      controller = active
      if (stopped) active.abort(new LeftUnread())
    },
    onResponseStart: (active, status, headers) => {
      if (status < 200) return
      head = { status, headers }
      const reception = request.receive(head)
      if (reception._tag === "Leave") {
        unwanted = 0
        timer = setTimeout(() => stop(new LeftUnread(), { _tag: "Answered", head, received }), LEFT_MS)
        return
      }
      controller = active
      position = reception.position
      left = reception.limit
    },
    onResponseData: (active, piece) => {
      if (stopped) return
      if (unwanted !== null) {
        unwanted += piece.byteLength
        if (unwanted > LEFT_BYTES) stop(new LeftUnread(), { _tag: "Answered", head, received })
        return
      }
      const bytes = piece.byteLength > left ? piece.subarray(0, left) : piece
      left -= bytes.byteLength
      // What isn't copied is written at once: it is valid until we return.
      const isLarge = bytes.byteLength > COPIED_BYTES
      buffers.push(isLarge ? bytes : Buffer.from(bytes))
      gathered += bytes.byteLength
      if (isLarge || gathered >= GATHER_BYTES || left === 0) flush()
      else turn ??= setImmediate(flush)
      if (stopped) return
      if (bytes.byteLength < piece.byteLength) {
        stop(new LeftUnread(), { _tag: "Broken", problem: "the answer is longer than the file", received })
      } else if (isTrickle(bytes.byteLength)) {
        flush()
        stop(new LeftUnread(), { _tag: "Broken", problem: "the answer stalled", received })
      } else if (request.rate !== null) {
        const wait = request.rate.take(bytes.byteLength)
        if (wait > 0) hold(wait, active)
      }
    },
    onResponseEnd: () => {
      if (stopped) return
      flush()
      if (!stopped) end({ _tag: "Answered", head, received })
    },
    onResponseError: (_, error) => {
      if (stopped) return
      if (unwanted !== null) return end({ _tag: "Answered", head, received })
      flush()
      if (!stopped) end({ _tag: "Broken", problem: connectionProblem(error), received })
    }
  })
  return () => {
    if (stopped) return
    stopped = true
    if (timer !== null) clearTimeout(timer)
    if (turn !== null) clearImmediate(turn)
    // What came is kept: the next run goes on behind it.
    if (gathered > 0) keep(() => request.write(position, buffers))
    controller?.abort(new LeftUnread())
  }
}

const keep = (write: () => void) => {
  try {
    write()
  } catch {
    // The next run fetches it again.
  }
}
