/**
 * Clients that have sent their end of the connection's end. One that only shut its sending side waits for its answer
 * (spec 03 §0.1(6)); one that is gone looks the same until something is sent to it.
 */
import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { KEEPALIVE } from "./Sse.js"

const FIRST_PROBE_MS = 100
const LONGEST_PAUSE_MS = 16_000

/**
 * Sends what every client skips: between two events of a stream a comment, before the head an interim answer, which HTTP/1.0
 * doesn't have. The system of a client that is gone refuses the first such bytes, and the next ones fail here.
 */
const probe = (response: ServerResponse) => {
  if (response.writableEnded) return
  // Nothing but an event stream is unfinished after its head: other bodies are written with it.
  if (response.headersSent) response.write(KEEPALIVE)
  else if (response.req.httpVersion === "1.1") response.writeContinue()
}

/** `current` is the answer that is the socket's turn to send. */
export const watchHalfClosed = (socket: Socket, current: () => ServerResponse | undefined): void => {
  let timer: NodeJS.Timeout | undefined
  const probeLater = (pause: number) => {
    timer = setTimeout(() => {
      const response = current()
      if (response !== undefined) probe(response)
      probeLater(Math.min(2 * pause, LONGEST_PAUSE_MS))
    }, pause).unref()
  }
  socket.once("close", () => clearTimeout(timer))
  socket.once("end", () => {
    if (current() !== undefined) probeLater(FIRST_PROBE_MS)
  })
}
