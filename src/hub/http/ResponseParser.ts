/**
 * What a connection brings -> answers to GET requests, after RFC 9112 (HTTP/1.1). Strict: what two programs could understand
 * differently is refused. Own, because undici's parser is WebAssembly, which copies every byte and is compiled anew by every
 * process, and that of `node:http` can't be had alone: a tenth of a pull's time (docs/decisions/0007).
 */
import { CLOSED, ConnectionFailure, NO_HTTP, TOO_MANY_HEADERS } from "../Failures.js"

/** Of a head, and of what follows the last chunk. */
const MAX_HEAD_BYTES = 16 * 1024
/** Of a chunk's size with its extensions. */
const MAX_SIZE_LINE_BYTES = 1024

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/
const LENGTH = /^\d{1,15}$/
const CHUNK_SIZE = /^([\dA-Fa-f]{1,12})(?:;|$)/

const NO_BYTES: Buffer = Buffer.alloc(0)

export interface ResponseHead {
  readonly status: number
  /** Names, in their own case, and values by turns. */
  readonly headers: ReadonlyArray<string>
}

export interface ResponseEvents {
  readonly head: (head: ResponseHead) => void
  /** Valid until it returns. */
  readonly body: (bytes: Buffer) => void
  /** How long the connection waits for another request; 0 when it takes none. */
  readonly end: (waitsMs: number) => void
}

export interface ResponseParser {
  /** The next bytes. Throws a ConnectionFailure for what is no answer. */
  readonly feed: (bytes: Buffer) => void
  /** No more will come. Throws when that cuts an answer off. */
  readonly finish: () => void
}

/** How a body ends: by its length, with an empty chunk, or with the connection. */
type Framing = "none" | "length" | "chunked" | "close"
type State = Exclude<Framing, "none"> | "head" | "chunk" | "chunkEnd" | "trailer"

const malformed = () => new ConnectionFailure(NO_HTTP)

/** What the head says about the rest. */
interface Message {
  readonly head: ResponseHead
  readonly framing: Framing
  readonly length: number
  readonly waitsMs: number
}

/** A server closes a connection that is silent for so long when it says nothing about it. */
export const USUAL_WAIT_MS = 4000
/** What the way takes: a request must not meet the end of the wait. */
const WAIT_MARGIN_MS = 2000

const waits = (version: string | undefined, connection: string, keepAlive: string): number => {
  if (version !== "1" || /(^|,)[\t ]*close[\t ]*(,|$)/i.test(connection)) return 0
  const seconds = /(?:^|[,\t ])timeout=(\d{1,6})/i.exec(keepAlive)?.[1]
  return seconds === undefined ? USUAL_WAIT_MS : Math.max(0, Number(seconds) * 1000 - WAIT_MARGIN_MS)
}

/** RFC 9112 §4 to §6. */
const read = (text: string): Message => {
  const [first = "", ...lines] = text.split("\r\n")
  const [, version, code] = STATUS_LINE.exec(first) ?? []
  if (code === undefined || CONTROL.test(first)) throw malformed()
  const status = Number(code)
  const headers: Array<string> = []
  let length: string | null = null
  let coding: string | null = null
  let connection = ""
  let keepAlive = ""
  for (const line of lines) {
    const colon = line.indexOf(":")
    const name = line.slice(0, Math.max(0, colon))
    if (!FIELD_NAME.test(name) || CONTROL.test(line)) throw malformed()
    const value = line.slice(colon + 1).trim()
    headers.push(name, value)
    switch (name.toLowerCase()) {
      case "content-length":
        if (length !== null || !LENGTH.test(value)) throw malformed()
        length = value
        break
      case "transfer-encoding":
        if (coding !== null || value.toLowerCase() !== "chunked") throw malformed()
        coding = value
        break
      case "connection":
        connection += `,${value}`
        break
      case "keep-alive":
        keepAlive = value
        break
    }
  }
  if (coding !== null && (length !== null || version !== "1")) throw malformed()
  const isEmpty = status < 200 || status === 204 || status === 304 || Number(length ?? 1) === 0
  const framing = isEmpty ? "none" : coding !== null ? "chunked" : length !== null ? "length" : "close"
  return {
    head: { status, headers },
    framing,
    length: Number(length ?? 0),
    waitsMs: framing === "close" ? 0 : waits(version, connection, keepAlive)
  }
}

export const makeResponseParser = (events: ResponseEvents): ResponseParser => {
  let state: State = "head"
  let bytes: Buffer = NO_BYTES
  let at = 0
  /** The beginning of a line or head whose end has not come. */
  let held = NO_BYTES
  /** Of the body, or of its chunk. */
  let left = 0
  let trailerBytes = 0
  let waitsMs = 0

  /** The text up to its end, and passes over both; null when the end has not come. */
  const upTo = (end: string, limit: number, excess: string): string | null => {
    const here = bytes.subarray(at, at + limit + end.length)
    const joined = held.length === 0 ? here : Buffer.concat([held, here])
    const length = joined.indexOf(end, 0, "latin1")
    if (length > limit || (length < 0 && joined.length >= limit + end.length)) throw new ConnectionFailure(excess)
    if (length < 0) {
      held = Buffer.from(joined)
      at = bytes.length
      return null
    }
    at += length + end.length - held.length
    held = NO_BYTES
    return joined.toString("latin1", 0, length)
  }

  /** What follows an answer that nobody asked for makes its connection useless. */
  const ended = () => {
    const isClean = at === bytes.length
    at = bytes.length
    state = "head"
    events.end(isClean ? waitsMs : 0)
  }

  /** Passes on what belongs to the body or its chunk; true when nothing is left of it. */
  const isTaken = (): boolean => {
    const piece = bytes.subarray(at, at + Math.min(left, bytes.length - at))
    at += piece.length
    left -= piece.length
    events.body(piece)
    return left === 0
  }

  const steps: Readonly<Record<State, () => void>> = {
    head: () => {
      const text = upTo("\r\n\r\n", MAX_HEAD_BYTES, TOO_MANY_HEADERS)
      if (text === null) return
      const message = read(text)
      if (message.head.status === 101) throw malformed()
      if (message.head.status < 200) return
      waitsMs = message.waitsMs
      left = message.length
      trailerBytes = 0
      events.head(message.head)
      if (message.framing === "none") ended()
      else state = message.framing
    },
    length: () => {
      if (isTaken()) ended()
    },
    close: () => {
      left = Number.POSITIVE_INFINITY
      isTaken()
    },
    chunked: () => {
      const line = upTo("\r\n", MAX_SIZE_LINE_BYTES, NO_HTTP)
      if (line === null) return
      const size = CHUNK_SIZE.exec(line)?.[1]
      if (size === undefined || CONTROL.test(line)) throw malformed()
      left = Number.parseInt(size, 16)
      state = left === 0 ? "trailer" : "chunk"
    },
    chunk: () => {
      if (isTaken()) state = "chunkEnd"
    },
    chunkEnd: () => {
      if (upTo("\r\n", 0, NO_HTTP) !== null) state = "chunked"
    },
    trailer: () => {
      const line = upTo("\r\n", MAX_HEAD_BYTES - trailerBytes, TOO_MANY_HEADERS)
      if (line === null) return
      trailerBytes = Math.min(MAX_HEAD_BYTES, trailerBytes + line.length + 2)
      if (line === "") ended()
    }
  }

  return {
    feed: (arrived) => {
      bytes = arrived
      at = 0
      while (at < bytes.length) steps[state]()
      bytes = NO_BYTES
    },
    finish: () => {
      if (state !== "close") throw new ConnectionFailure(CLOSED)
      events.end(0)
    }
  }
}
