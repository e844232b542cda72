/** `GET /health`: whether the server takes requests. Touches no model, so it answers during any generation. */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Effect } from "effect"
import { endpoint } from "../Endpoint.js"
import { Serving } from "../Serving.js"

const SERVICE = "mlx-knife-server"

const health = Effect.gen(function* () {
  const { shutdown } = yield* Serving
  return (yield* shutdown.hasBegun)
    ? HttpServerResponse.unsafeJson({ status: "shutting_down", service: SERVICE }, { status: 503 })
    : HttpServerResponse.unsafeJson({ status: "healthy", service: SERVICE })
})

export const layer = endpoint({ path: "/health", methods: { GET: health }, duringShutdown: true })
