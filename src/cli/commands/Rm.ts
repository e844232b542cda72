/** `rm <model>` (spec 01 §1.7, §9). */
import { Effect } from "effect"
import { type RemoveData, RemoveData as RemoveSchema } from "../../domain/Reclaim.js"
import { visible } from "../../domain/Text.js"
import { type RemoveOptions, remove } from "../../operations/Remove.js"
import { command } from "../CommandFile.js"
import { Output } from "../Output.js"
import { json, required, toggle } from "../Parameter.js"
import { Stdio } from "../Stdio.js"
import { removeText } from "../views/Reclaim.js"

/** Asks at a terminal; everywhere else the user repeats the command (spec 01 §9.1(5)). */
const confirmed = ({ message }: RemoveData) =>
  Effect.scoped(
    Effect.gen(function* () {
      const lines = yield* (yield* Stdio).lines
      const answer = yield* lines.ask(`${visible(message)}\nDelete it? [y/N] `)
      return /^\s*y(es)?\s*$/i.test(answer ?? "")
    })
  )

const removeAsked = (model: string, options: Omit<RemoveOptions, "confirmed">) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio
    const output = yield* Output
    const data = yield* remove(model, { ...options, confirmed: false })
    const asks = data.requires_confirmation && !output.json && stdio.inIsTerminal && stdio.outIsTerminal
    return asks && (yield* confirmed(data)) ? yield* remove(model, { ...options, confirmed: true }) : data
  })

export const rm = command(
  "rm",
  {
    about: "Delete a model",
    parameters: {
      model: required("model", "Model name to delete, or name@hash for one revision"),
      force: toggle("force", "Delete without confirmation, in spite of locks and of programs that run it", "f"),
      dryRun: toggle("dry-run", "Only show what would be deleted"),
      quiet: toggle("quiet", "Say nothing when it is deleted"),
      json
    }
  },
  ({ dryRun, force, model, quiet }) =>
    Effect.gen(function* () {
      const output = yield* Output
      const data = yield* removeAsked(model, { force, dryRun })
      yield* output.result(RemoveSchema, data, () => (quiet && data.action === "deleted" ? "" : removeText(data)))
    })
)
