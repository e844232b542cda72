/** The listening socket: Node's own server object, so that its end is ours to arrange. */
import { createServer, type Server } from "node:http"
import type * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Duration, Effect, type Layer } from "effect"
import { BindFailed } from "../domain/Errors.js"
import { systemCode } from "../domain/FileProblems.js"
import { answerRefusals } from "./Refusals.js"
import type { Shutdown } from "./Shutdown.js"
import { type Sockets, watchSockets } from "./Sockets.js"

const KEEP_ALIVE_MS = 5_000
const HEADERS_TIMEOUT_MS = 30_000
const BODY_TIMEOUT_MS = 120_000

export interface Listener {
  readonly server: Server
  readonly sockets: Sockets
}

/** A switch of Node's own that its types leave out: answer clients that have shut their sending side. */
interface HalfOpenServer extends Server {
  httpAllowHalfOpen?: boolean
}

/** Does not listen yet. */
export const makeListener: Effect.Effect<Listener> = Effect.gen(function* () {
  const server: HalfOpenServer = createServer({
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: BODY_TIMEOUT_MS,
    // `isServedHost` judges the header, and its absence is no attack.
    requireHostHeader: false
  })
  server.httpAllowHalfOpen = true
  const sockets = watchSockets(server)
  yield* answerRefusals(server, sockets)
  return { server, sockets }
})

/**
 * Makes offers to upgrade the protocol go unheard, as HTTP wants it from who can't: the request is answered like any other.
 * The platform listens for WebSockets, and then Node hands over no body. To be called once the routes are there.
 */
export const ignoreUpgrades = ({ server }: Listener): Effect.Effect<void> =>
  Effect.sync(() => {
    server.removeAllListeners("upgrade")
  })

/** Listens while the layer lives. */
export const layer = (
  { server }: Listener,
  address: { readonly host: string; readonly port: number }
): Layer.Layer<HttpServer.HttpServer, HttpServerError.ServeError> => NodeHttpServer.layerServer(() => server, address)

/** Why the address can't be listened on: the system's code, such as EADDRINUSE. */
export const bindFailed =
  (address: { readonly host: string; readonly port: number }) =>
  ({ cause }: HttpServerError.ServeError): BindFailed => {
    return new BindFailed({ ...address, problem: systemCode(cause) })
  }

/** Returns when all connections are closed. */
const closed = ({ server, sockets }: Listener): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    sockets.release()
  })

/**
 * Ends the server: refuses new requests, ends running answers, waits until they are sent, closes. After `grace` whatever is
 * still open is cut. New connections are taken until the last answer is sent, so that they hear why they are refused.
 */
export const stop = (listener: Listener, shutdown: Shutdown, grace: Duration.Duration): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* shutdown.begin
    const inTime = yield* shutdown.idle.pipe(
      Effect.zipRight(closed(listener)),
      Effect.interruptible,
      Effect.timeoutTo({ duration: grace, onSuccess: () => true, onTimeout: () => false })
    )
    if (inTime) return
    yield* Effect.logWarning(`connections still open after ${Duration.format(grace)} are cut`)
    yield* Effect.sync(() => {
      if (listener.server.listening) listener.server.close()
      listener.server.closeAllConnections()
    })
  })
