/** The HTTP server: one layer of routes, and the effect that serves it until it is interrupted. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import { Context, Duration, Effect, Layer } from "effect"
import type { BindFailed, ResolveError, RunnerError } from "../domain/Errors.js"
import { load } from "../operations/Run.js"
import type { Cache } from "../services/Cache.js"
import type { Health } from "../services/Health.js"
import type { Runner } from "../services/Runner.js"
import { Settings } from "../services/Settings.js"
import { isLoopback } from "./Cors.js"
import { edge } from "./Edge.js"
import * as Listener from "./Listener.js"
import { observe } from "./Observe.js"
import * as Chat from "./routes/Chat.js"
import * as HealthRoute from "./routes/Health.js"
import * as Models from "./routes/Models.js"
import { Serving, type ServingValues } from "./Serving.js"
import { makeShutdown } from "./Shutdown.js"

export interface ServeOptions {
  readonly host: string
  /** 0 takes a free port; `onListening` tells which. */
  readonly port: number
  /** Loaded before the port is bound. */
  readonly model: string | null
  /** Completion limit, at least 1, for requests that set none; null leaves it to the model's context. */
  readonly maxTokens: number | null
  /** Runs once requests are answered. */
  readonly onListening?: (address: { readonly host: string; readonly port: number }) => Effect.Effect<void>
}

/** Time that answers get to end and to be sent once the server stops. */
const GRACE = Duration.seconds(5)

/** All routes on the HttpServer of the context; each request's failure is rendered by `edge`. */
export const routes: Layer.Layer<never, never, HttpServer.HttpServer | Cache | Health | Runner | Serving> =
  HttpLayerRouter.serve(Layer.mergeAll(HealthRoute.layer, Models.layer, Chat.layer).pipe(Layer.provide(edge)), {
    disableListenLog: true,
    disableLogger: true,
    middleware: observe
  })

const announce = (options: ServeOptions, port: number) =>
  Effect.gen(function* () {
    const host = options.host.includes(":") ? `[${options.host}]` : options.host
    const limit = options.maxTokens === null ? "model-aware dynamic limits" : String(options.maxTokens)
    yield* Effect.logInfo(`serving on http://${host}:${port}/v1; token limit: ${limit}; stop with Ctrl-C`)
    if (!isLoopback(options.host)) {
      yield* Effect.logWarning("other machines can reach this server, and it asks nobody for a key: protect it")
    }
    yield* options.onListening?.({ host: options.host, port }) ?? Effect.void
  })

/**
 * Serves until interrupted; then running answers end with `server_shutdown`, and after at most 5 s every connection is
 * closed. A signal's meaning is its sender's business: whoever runs this turns it into an interruption.
 */
export const serve = (
  options: ServeOptions
): Effect.Effect<never, BindFailed | ResolveError | RunnerError, Cache | Health | Runner | Settings> =>
  Effect.gen(function* () {
    const { home } = yield* Settings
    const preloaded = options.model === null ? null : (yield* load(options.model)).name
    const shutdown = yield* makeShutdown
    const unpacking = yield* Effect.makeSemaphore(1)
    const { host, maxTokens } = options
    const serving: ServingValues = { host, maxTokens, preloaded, home, shutdown, unpacking }
    const listener = yield* Listener.makeListener
    const context = yield* routes.pipe(
      Layer.provide(Layer.succeed(Serving, serving)),
      Layer.provideMerge(Listener.layer(listener, options)),
      Layer.build,
      Effect.mapError(Listener.bindFailed(options))
    )
    yield* Listener.ignoreUpgrades(listener)
    // Added last, so run first: the routes must still answer while the server stops.
    yield* Effect.addFinalizer(() => Listener.stop(listener, shutdown, GRACE))
    const { address } = Context.get(context, HttpServer.HttpServer)
    yield* announce(options, address._tag === "TcpAddress" ? address.port : options.port)
    return yield* Effect.never
  }).pipe(Effect.scoped, Effect.annotateLogs("logger", "server"))
