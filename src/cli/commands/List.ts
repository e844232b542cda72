/** `list [pattern]` (spec 01 §1.7, §4). */
import { Clock, Effect } from "effect"
import { ListData } from "../../domain/ModelObject.js"
import { list as listModels } from "../../operations/List.js"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, optional, toggle } from "../Parameter.js"
import { listText } from "../views/List.js"

export const list = command(
  "list",
  {
    about: "List all cached models",
    parameters: {
      pattern: optional("pattern", "Show only models whose name contains this text"),
      all: toggle("all", "Show every model, whatever its framework and type"),
      health: toggle("health", "Show whether each model is whole and can be run"),
      verbose: toggle("verbose", "Show full names and more columns"),
      json
    }
  },
  (values) =>
    Effect.gen(function* () {
      const output = yield* Output
      const now = yield* Clock.currentTimeMillis
      const data = yield* listModels(values.pattern)
      yield* output.result(ListData, data, () => listText(data, values, now))
    })
)
