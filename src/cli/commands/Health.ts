/** `health [model]` (spec 01 §1.7, §6). */
import { Clock, Effect, Ref } from "effect"
import { HealthData } from "../../domain/ModelObject.js"
import { MODEL_UNITS, sizeText } from "../../domain/Size.js"
import { visible } from "../../domain/Text.js"
import type { VerifyProgress } from "../../domain/Verification.js"
import { health as checkHealth, verifiedHealth } from "../../operations/Health.js"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, optional, toggle } from "../Parameter.js"
import { Stdio } from "../Stdio.js"
import { healthText } from "../views/Health.js"

/** Between two lines of progress, in milliseconds. */
const EVERY_MILLIS = 200

const progressLine = (name: string, { doneBytes, totalBytes }: VerifyProgress): string =>
  `\r\u001b[K${visible(name)}: ${sizeText(doneBytes, MODEL_UNITS)} of ${sizeText(totalBytes, MODEL_UNITS)}`

/** One line that changes, at a terminal only. */
const makeProgress = Effect.gen(function* () {
  const stdio = yield* Stdio
  const shown = yield* Ref.make(0)
  return (name: string, progress: VerifyProgress) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      if (!stdio.outIsTerminal || now - (yield* Ref.get(shown)) < EVERY_MILLIS) return
      yield* Ref.set(shown, now)
      yield* stdio.err(progressLine(name, progress))
    })
})

const verified = (model: string | null) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio
    const data = yield* verifiedHealth(model, yield* makeProgress)
    if (stdio.outIsTerminal) yield* stdio.err("\r\u001b[K")
    return data
  })

export const health = command(
  "health",
  {
    about: "Check model health",
    parameters: {
      model: optional("model", "Model name to check (default: all)"),
      verify: toggle("verify", "Also hash every file; what hasn't changed since is not read again"),
      json
    }
  },
  ({ model, verify }) =>
    Effect.gen(function* () {
      const output = yield* Output
      yield* output.result(HealthData, yield* verify ? verified(model) : checkHealth(model), healthText)
    })
)
