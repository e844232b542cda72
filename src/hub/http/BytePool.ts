/** GET requests to one origin over a few connections that are used again: what undici's Agent takes in place of its own Pool. */
import { type buildConnector, Dispatcher, errors } from "undici"
import { CLOSED, ConnectionFailure, UNSENDABLE } from "../Failures.js"
import { type Connection, makeConnection, type Request, type RequestHandler } from "./Connection.js"

/** What undici's Agent gives to those who make its pools, as far as it is used here. */
export interface PoolOptions {
  readonly connect: buildConnector.connector
  /** At most so many connections at once. */
  readonly connections: number
  /** Longest silence, where a request names none. */
  readonly bodyTimeout: number
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const PATH = /^[\x21-\x7e]+$/

/** The head of a GET request. Throws a ConnectionFailure for what would be more than its line. */
const headOf = (host: string, { headers, method, path }: Dispatcher.DispatchOptions): string => {
  const all = { host, connection: "keep-alive", ...(headers as Readonly<Record<string, string>> | null | undefined) }
  const lines = Object.entries(all).map(([name, value]) => {
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) throw new ConnectionFailure(UNSENDABLE)
    return `${name}: ${value}\r\n`
  })
  if (method !== "GET" || !PATH.test(path)) throw new ConnectionFailure(UNSENDABLE)
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`
}

/** Only for handlers that use up all data at once (LargeReads), and requests without a body. */
export const makeBytePool = (origin: URL, { bodyTimeout, connect, connections }: PoolOptions): Dispatcher => {
  const waiting: Array<Request> = []
  const free: Array<Connection> = []
  const open = new Set<Connection>()
  let opening = 0
  let end: Error | null = null

  const forget = (connection: Connection, isBroken: boolean) => {
    open.delete(connection)
    const index = free.indexOf(connection)
    if (index >= 0) free.splice(index, 1)
    // What broke one may have cut off all of them: the next try is to begin with a new one.
    if (isBroken) for (const other of free.splice(0)) other.fail(new ConnectionFailure(CLOSED))
    serve()
  }

  const connected = (...[error, socket]: buildConnector.CallbackArgs) => {
    opening--
    if (error !== null) waiting.shift()?.handler.onError(end ?? error)
    else if (end !== null) socket.destroy()
    else {
      const connection: Connection = makeConnection(socket, {
        freed: () => {
          free.push(connection)
          serve()
        },
        closed: (isBroken) => forget(connection, isBroken)
      })
      open.add(connection)
      free.push(connection)
    }
    serve()
  }

  const serve = () => {
    while (waiting.length > 0) {
      const connection = free.pop()
      if (connection === undefined) break
      if (!connection.isFresh()) connection.fail(new ConnectionFailure(CLOSED))
      else {
        const request = waiting.shift()
        if (request !== undefined) connection.send(request)
      }
    }
    while (opening < waiting.length && opening + open.size < connections) {
      opening++
      const { host, hostname, port, protocol } = origin
      try {
        connect({ host, hostname: hostname.replace(/^\[|\]$/g, ""), port, protocol }, connected)
      } catch (error) {
        queueMicrotask(() => connected(error instanceof Error ? error : new ConnectionFailure(CLOSED), null))
      }
    }
    // So the Agent forgets an origin that it is done with.
    if (opening + open.size + waiting.length === 0)
      pool.emit("disconnect", origin, [pool], new errors.SocketError(CLOSED))
  }

  /** Ends a request that waits or is under way. */
  const abort = (request: Request, reason: Error) => {
    const index = waiting.indexOf(request)
    if (index < 0) return [...open].find((connection) => connection.carries(request))?.fail(reason)
    waiting.splice(index, 1)
    request.handler.onError(reason)
  }

  const dispatch = (options: Dispatcher.DispatchOptions, given: Dispatcher.DispatchHandler): boolean => {
    const handler = given as unknown as RequestHandler
    try {
      if (end !== null) throw end
      const request = { text: headOf(origin.host, options), handler, silenceMs: options.bodyTimeout ?? bodyTimeout }
      waiting.push(request)
      handler.onConnect((reason) => abort(request, reason ?? new ConnectionFailure(CLOSED)))
      serve()
    } catch (error) {
      handler.onError(error instanceof Error ? error : new ConnectionFailure(CLOSED))
    }
    return true
  }

  const destroy = async (error?: unknown) => {
    end = error instanceof Error ? error : new ConnectionFailure(CLOSED)
    for (const { handler } of waiting.splice(0)) handler.onError(end)
    for (const connection of [...open]) connection.fail(end)
  }

  const pool: Dispatcher = Object.assign(new Dispatcher(), { dispatch, destroy, close: async () => {} })
  return pool
}
