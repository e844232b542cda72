/** `outdated [pattern]`: which cached models are behind their branch on the Hub. */
import { Effect } from "effect"
import { OutdatedData } from "../../domain/Outdated.js"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, optional } from "../Parameter.js"
import { outdatedText } from "../views/Pull.js"
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
      // Loaded when it is wanted: the other commands start without it.
      const operation = yield* Effect.promise(() => import("../../operations/Outdated.js"))
      const data = yield* Effect.provide(operation.outdated(model), yield* remoteLayer(false))
      yield* output.result(OutdatedData, data, outdatedText)
    })
)
