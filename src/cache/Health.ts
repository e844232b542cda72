/** The live Health. A description already holds all that the rules look at, so no check reads the disk again. */
import { Effect, Layer } from "effect"
import { healthReport, runtimeProblem } from "../checkpoint/Runtime.js"
import { Health } from "../services/Health.js"

export const layer: Layer.Layer<Health> = Layer.succeed(Health, {
  check: (model) => Effect.sync(() => healthReport(model)),
  runtimeProblem: (model) => Effect.sync(() => runtimeProblem(model))
})
