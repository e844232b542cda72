/** One connection, for one GET request after another. */
import type { Socket } from "node:net"
import { CLOSED, ConnectionFailure, NO_ANSWER, STALLED } from "../Failures.js"
import { makeResponseParser, USUAL_WAIT_MS } from "./ResponseParser.js"

/** Who hears of a request; undici's handler as its dispatchers call it. False pauses until `resume` is called. */
export interface RequestHandler {
  readonly onConnect: (abort: (reason?: Error) => void) => void
  readonly onHeaders: (status: number, headers: ReadonlyArray<string>, resume: () => void, text: string) => boolean
  /** The bytes are valid until it returns. */
  readonly onData: (bytes: Buffer) => boolean
  readonly onComplete: (trailers: ReadonlyArray<string>) => void
  readonly onError: (error: Error) => void
}

export interface Request {
  /** Its head as it is sent. */
  readonly text: string
  readonly handler: RequestHandler
  /** Longest wait for the answer's head, and longest silence within its body. */
  readonly silenceMs: number
}

export interface Connection {
  /** Only while it is free. */
  readonly send: (request: Request) => void
  /** Ends the connection, and the request on it, which hears of it. */
  readonly fail: (error: Error) => void
  readonly carries: (request: Request) => boolean
  /** False when the server may be about to end it. */
  readonly isFresh: () => boolean
}

/** `freed` is called when another request may follow, `closed` once, when none can any more. */
export const makeConnection = (socket: Socket, freed: () => void, closed: () => void): Connection => {
  let request: Request | null = null
  let hasHead = false
  let isPaused = false
  let isOpen = true
  let silence: NodeJS.Timeout | undefined
  let freshUntil = performance.now() + USUAL_WAIT_MS

  /** The request is over. */
  const take = (): Request | null => {
    const taken = request
    request = null
    clearTimeout(silence)
    return taken
  }
  const close = () => {
    if (!isOpen) return
    isOpen = false
    socket.destroy()
    closed()
  }
  const fail = (error: Error) => {
    const failed = take()
    close()
    failed?.handler.onError(error)
  }
  const fallsSilent = () => {
    if (isPaused) silence?.refresh()
    else fail(new ConnectionFailure(hasHead ? STALLED : NO_ANSWER))
  }
  const pauseUnless = (goesOn: boolean) => {
    if (goesOn || request === null) return
    isPaused = true
    socket.pause()
  }
  const resume = () => {
    isPaused = false
    silence?.refresh()
    socket.resume()
  }

  const parser = makeResponseParser({
    head: ({ headers, status }) => {
      const current = request
      if (current === null) return
      hasHead = true
      silence?.refresh()
      pauseUnless(current.handler.onHeaders(status, headers, () => request === current && resume(), ""))
    },
    body: (bytes) => {
      if (request === null) return
      silence?.refresh()
      pauseUnless(request.handler.onData(bytes))
    },
    end: (waitsMs) => {
      const ended = take()
      if (ended === null) return
      freshUntil = performance.now() + waitsMs
      if (isPaused) resume()
      if (waitsMs === 0) close()
      else {
        socket.unref()
        freed()
      }
      ended.handler.onComplete([])
    }
  })

  /** Nobody asked for what comes between two requests. */
  const guarded = (step: () => void) => {
    if (request === null) return close()
    try {
      step()
    } catch (error) {
      fail(error instanceof Error ? error : new ConnectionFailure(CLOSED))
    }
  }
  socket
    .on("data", (bytes: Buffer) => guarded(() => parser.feed(bytes)))
    .on("end", () => guarded(parser.finish))
    .on("close", () => guarded(parser.finish))
    .on("error", fail)
    .resume()

  return {
    send: (next) => {
      request = next
      hasHead = false
      socket.ref()
      silence = setTimeout(fallsSilent, next.silenceMs)
      socket.write(next.text, "latin1")
    },
    fail,
    carries: (other) => request === other,
    isFresh: () => isOpen && performance.now() < freshUntil
  }
}
