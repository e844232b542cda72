/** `outdated [pattern]`: which cached models are behind their branch on the Hub. */
import { Effect } from "effect"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, optional } from "../Parameter.js"
import { remoteLayer } from "./Pull.js"

export const outdated = command(
  "outdated",
  {
    about: "Show cached models that are behind the Hub",
    parameters: { model: optional("pattern", "Only models whose name contains this"), json }
  },
  ({ model }) =>
    Effect.gen(function* () {
      const output = yield* Output
      // Loaded when they are wanted: the other commands start without them.
      const operation = yield* Effect.promise(() => import("../../operations/Outdated.js"))
      const { OutdatedData } = yield* Effect.promise(() => import("../../domain/Outdated.js"))
      const { outdatedText } = yield* Effect.promise(() => import("../views/Pull.js"))
      const data = yield* Effect.provide(operation.outdated(model), yield* remoteLayer(false))
      yield* output.result(OutdatedData, data, outdatedText)
    })
)
