/** `GET /v1/models` and `GET /v1/models/{id}`. They read the cache and ask no runner. */
import * as HttpLayerRouter from "@effect/platform/HttpLayerRouter"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Effect, Layer, Option } from "effect"
import { ModelNotFound } from "../../domain/Errors.js"
import { servedModel, servedModels } from "../../operations/ServedModels.js"
import { endpoint } from "../Endpoint.js"
import { Serving } from "../Serving.js"
import { modelEntry, modelList } from "../wire/Models.js"

const all = Effect.gen(function* () {
  const { preloaded } = yield* Serving
  return HttpServerResponse.unsafeJson(modelList(yield* servedModels, preloaded))
})

/** The router has decoded the id, so that `org/name` and `org%2Fname` are the same. */
const one = Effect.gen(function* () {
  const { params } = yield* HttpLayerRouter.RouteContext
  const id = params["*"] ?? ""
  const model = yield* servedModel(id)
  if (Option.isNone(model)) return yield* new ModelNotFound({ query: id })
  return HttpServerResponse.unsafeJson(modelEntry(model.value))
})

export const layer = Layer.merge(
  endpoint({ path: "/models", methods: { GET: all } }),
  endpoint({ path: "/models/*", methods: { GET: one } })
)
