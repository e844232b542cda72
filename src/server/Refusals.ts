/**
 * Answers to what Node's HTTP parser refuses, in the same envelope as all others. Its own are bare status lines, with no
 * request id to find them by.
 */
import { type Server, STATUS_CODES } from "node:http"
import { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { Effect, Runtime } from "effect"
import { InvalidRequest } from "../domain/Errors.js"
import { requestId } from "./CurrentRequest.js"
import type { Sockets } from "./Sockets.js"
import { errorEnvelope } from "./wire/Envelope.js"

interface Refusal {
  readonly status: number
  readonly problem: string
}

const MALFORMED: Refusal = { status: 400, problem: "the request is not valid HTTP/1.1" }
const NO_TUNNEL: Refusal = { status: 405, problem: "CONNECT is not supported; this server is no proxy" }

/** By the code of Node's error. */
const refusals: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: 431, problem: "the request's line and headers are too long" },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, problem: "the body's chunk extensions are too long" },
  HPE_INVALID_EOF_STATE: { status: 400, problem: "the request ended too early" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, problem: "the request did not arrive in time" }
}

const rendered = ({ problem, status }: Refusal, id: string): string => {
  const error = new InvalidRequest({ param: null, problem })
  // The problems are fixed texts without paths, so there is no home directory to hide.
  const body = JSON.stringify(errorEnvelope(error, { requestId: id, home: "" }))
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Date: ${new Date().toUTCString()}`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-ID: ${id}`,
    "X-Should-Retry: false",
    "",
    body
  ].join("\r\n")
}

const clientOf = (socket: Duplex): string | null => (socket instanceof Socket ? (socket.remoteAddress ?? null) : null)

/** Sends the refusal, its access line first, and closes. */
const refuse = (socket: Duplex, refusal: Refusal): Effect.Effect<void> =>
  Effect.gen(function* () {
    const id = yield* requestId(undefined)
    const line = { method: null, route: "unmatched", status: refusal.status, client: clientOf(socket) }
    yield* Effect.logInfo("request").pipe(Effect.annotateLogs({ ...line, request_id: id, logger: "server" }))
    socket.end(rendered(refusal, id), () => socket.destroy())
  })

/** Answers what never becomes a request of the routes. */
export const answerRefusals = (server: Server, sockets: Sockets): Effect.Effect<void> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const run = Runtime.runFork(runtime)
    server.on("clientError", (error: Error & { readonly code?: string }, socket) => {
      const answering = socket instanceof Socket ? sockets.current(socket) : undefined
      // In the middle of an answer a second head would be taken for its text.
      if (!socket.writable || error.code === "ECONNRESET" || answering?.headersSent === true) socket.destroy()
      else run(refuse(socket, refusals[error.code ?? ""] ?? MALFORMED))
    })
    server.on("connect", (_, socket) => run(refuse(socket, NO_TUNNEL)))
    // An expectation nobody knows may be ignored (RFC 9110 §10.1.1); Node would refuse it.
    server.on("checkExpectation", (request, response) => server.emit("request", request, response))
  })
