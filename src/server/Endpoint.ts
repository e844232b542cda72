/** A path with its methods. Declares it with and without `/v1`, since users paste base URLs either way (spec 02 R2.4). */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Effect } from "effect"
import { type KnifeError, MethodNotAllowed, ServerShutdown } from "../domain/Errors.js"
import type { Cache } from "../services/Cache.js"
import type { Health } from "../services/Health.js"
import type { Runner } from "../services/Runner.js"
import { type CurrentRequest, note } from "./CurrentRequest.js"
import { Serving } from "./Serving.js"

export type Handler = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  KnifeError,
  HttpLayerRouter.Provided | CurrentRequest | Serving | Cache | Health | Runner
>

export interface Endpoint {
  /** Without `/v1`; the access line shows it. */
  readonly path: HttpLayerRouter.PathInput
  readonly methods: { readonly GET?: Handler; readonly POST?: Handler }
  /** Whether it still answers while the server stops. */
  readonly duringShutdown?: boolean
}

const handlerOf = (methods: Endpoint["methods"], method: string): Handler => {
  const handler = method === "POST" ? methods.POST : method === "GET" || method === "HEAD" ? methods.GET : undefined
  if (handler !== undefined) return handler
  const allowed = [
    ...(methods.GET === undefined ? [] : ["GET", "HEAD"]),
    ...(methods.POST === undefined ? [] : ["POST"])
  ]
  return Effect.fail(new MethodNotAllowed({ method, allowed }))
}

/** The router would answer a wrong method like an unknown path; so each path takes all methods and decides itself. */
export const endpoint = ({ duringShutdown = false, methods, path }: Endpoint) =>
  HttpLayerRouter.use((router) => {
    const handle = Effect.gen(function* () {
      const { method } = yield* HttpServerRequest.HttpServerRequest
      const { shutdown } = yield* Serving
      yield* note({ route: path })
      if (!duringShutdown && (yield* shutdown.hasBegun)) return yield* new ServerShutdown()
      return yield* handlerOf(methods, method)
    })
    return Effect.zipRight(router.add("*", path, handle), router.add("*", `/v1${path}`, handle))
  })
