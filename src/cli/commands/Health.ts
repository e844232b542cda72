/** `health [model]` (spec 01 §1.7, §6). */
import { Effect } from "effect"
import { HealthData } from "../../domain/ModelObject.js"
import { health as checkHealth } from "../../operations/Health.js"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, optional } from "../Parameter.js"
import { healthText } from "../views/Health.js"

export const health = command(
  "health",
  {
    about: "Check model health",
    parameters: { model: optional("model", "Model name to check (default: all)"), json }
  },
  (values) =>
    Effect.gen(function* () {
      const output = yield* Output
      yield* output.result(HealthData, yield* checkHealth(values.model), healthText)
    })
)
