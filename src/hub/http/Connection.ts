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

/** A silence is counted in parts: what passes while this process stands still (a slow disk, a sleeping machine) is one of them. */
const SILENT_PARTS = 4

export interface Owner {
  /** Another request may follow. */
  readonly freed: () => void
  /** None can any more; once. `isBroken`: it failed under a request. */
  readonly closed: (isBroken: boolean) => void
}

export const makeConnection = (socket: Socket, { closed, freed }: Owner): Connection => {
  let request: Request | null = null
  let hasHead = false
  let isPaused = false
  let isOpen = true
  /** Of a silent answer, or of the wait for a request. */
  let timer: NodeJS.Timeout | undefined
  let silentParts = 0
  /** The end of an answer that came during a pause: a pause lasts, or small answers would know no rate. */
  let heldEnd: number | null = null
  let freshUntil = 0

  /** The request is over. */
  const take = (): Request | null => {
    const taken = request
    request = null
    heldEnd = null
    clearTimeout(timer)
    return taken
  }
  const close = (isBroken = false) => {
    if (!isOpen) return
    isOpen = false
    clearTimeout(timer)
    socket.destroy()
    closed(isBroken)
  }
  const fail = (error: Error) => {
    const failed = take()
    close()
    failed?.handler.onError(error)
  }
  const breakOff = (error: Error) => {
    const failed = take()
    close(failed !== null)
    failed?.handler.onError(error)
  }
  const staysSilent = () => {
    if (!isPaused && ++silentParts > SILENT_PARTS) breakOff(new ConnectionFailure(hasHead ? STALLED : NO_ANSWER))
  }
  const pauseUnless = (goesOn: boolean) => {
    if (goesOn || request === null) return
    isPaused = true
    socket.pause()
  }
  /** Keeps no program alive, and ends before the server may end it. */
  const rest = (waitsMs: number) => {
    freshUntil = performance.now() + waitsMs
    timer = setTimeout(() => close(), waitsMs).unref()
    socket.unref()
  }
  /** The answer is there and its handler hears of it. */
  const complete = (waitsMs: number) => {
    const completed = take()
    if (waitsMs === 0) close()
    else {
      rest(waitsMs)
      freed()
    }
    completed?.handler.onComplete([])
  }
  const resume = () => {
    isPaused = false
    silentParts = 0
    socket.resume()
    // After the socket was read again: the server may have ended the connection meanwhile, or the last bytes came, and a pause.
    setImmediate(() => {
      if (heldEnd !== null && !isPaused) complete(heldEnd)
    })
  }

  const parser = makeResponseParser({
    head: ({ headers, status }) => {
      const current = request
      if (current === null) return
      hasHead = true
      silentParts = 0
      pauseUnless(current.handler.onHeaders(status, headers, () => request === current && resume(), ""))
    },
    body: (bytes) => {
      if (request === null) return
      silentParts = 0
      pauseUnless(request.handler.onData(bytes))
    },
    end: (waitsMs) => {
      if (request === null) return
      if (isPaused) heldEnd = waitsMs
      else complete(waitsMs)
    }
  })

  /** Nobody asked for what comes between two requests, or ends it. */
  const guarded = (step: () => void) => {
    if (request === null) return close()
    if (heldEnd !== null) {
      heldEnd = 0
      return
    }
    try {
      step()
    } catch (error) {
      breakOff(error instanceof Error ? error : new ConnectionFailure(CLOSED))
    }
  }
  socket
    .on("data", (bytes: Buffer) => guarded(() => parser.feed(bytes)))
    .on("end", () => guarded(parser.finish))
    .on("close", () => guarded(parser.finish))
    .on("error", (error) => guarded(() => breakOff(error)))
    .resume()
  rest(USUAL_WAIT_MS)

  return {
    send: (next) => {
      request = next
      hasHead = false
      silentParts = 0
      socket.ref()
      clearTimeout(timer)
      timer = setInterval(staysSilent, next.silenceMs / SILENT_PARTS)
      socket.write(next.text, "latin1")
    },
    fail,
    carries: (other) => request === other,
    isFresh: () => isOpen && performance.now() < freshUntil
  }
}
