/** `update [model]`: pulls what is behind its branch. */
import { Effect, Stream } from "effect"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, optional } from "../Parameter.js"
import { remoteLayer, transferParameters } from "./Pull.js"

const { events, maxRate } = transferParameters

export const update = command(
  "update",
  {
    about: "Bring cached models up to date",
    parameters: {
      model: optional("model", "Only models whose name contains this (default: all)"),
      maxRate,
      events,
      json
    }
  },
  ({ events: ndjson, maxRate: rate, model }) =>
    Effect.gen(function* () {
      const output = yield* Output
      // Loaded when they are wanted: the other commands start without them.
      const operation = yield* Effect.promise(() => import("../../operations/Update.js"))
      const { followAll } = yield* Effect.promise(() => import("../Pulling.js"))
      const layer = yield* remoteLayer(false)
      const { state, updates } = yield* Effect.provide(operation.updates(model, rate), layer)
      const silent = state.models.filter(({ status }) => status === "unknown")
      yield* Effect.forEach(silent, ({ name, reason }) => output.note(`${name}: ${reason ?? "unknown"}`))
      const list = updates.map(({ events: pulled, name }) => ({
        name,
        events: Stream.provideSomeLayer(pulled, layer)
      }))
      if (list.length === 0 && !output.json) return yield* output.piece("Nothing to update\n")
      yield* followAll("update", list, ndjson)
    })
)
