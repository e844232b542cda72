/** `run` with a prompt: one answer (spec 01 §12.2). */
import { Effect, Ref } from "effect"
import { RunData } from "../domain/Envelope.js"
import type { GenerateOptions } from "../domain/Generation.js"
import { run } from "../operations/Run.js"
import { type Answer, type FollowOptions, follow, INTERRUPTED, noAnswer } from "./Answer.js"
import { Output } from "./Output.js"

export interface SingleShot extends FollowOptions {
  /** As typed. */
  readonly model: string
  readonly prompt: string
  readonly request: GenerateOptions
}

const runData = ({ model, prompt }: SingleShot, { finished, text }: Answer): RunData => ({
  model,
  prompt,
  response: finished === null ? `${text}\n${INTERRUPTED}` : text,
  finish_reason: finished?.finishReason ?? "interrupted",
  usage:
    finished === null
      ? null
      : { prompt_tokens: finished.usage.promptTokens, completion_tokens: finished.usage.completionTokens }
})

/** After Ctrl-C what came so far is still delivered, with a marker (spec 01 §12.5). */
export const singleShot = (options: SingleShot) =>
  Effect.gen(function* () {
    const output = yield* Output
    const answer = yield* Ref.make<Answer>(noAnswer)
    const document = Effect.flatMap(Ref.get(answer), (given) =>
      output.result(RunData, runData(options, given), () => "")
    )
    const marked = Effect.flatMap(Ref.get(answer), ({ text }) =>
      output.piece(`${options.live ? "" : text}\n${INTERRUPTED}\n`)
    )
    yield* follow(run(options.model, options.request), answer, options).pipe(
      // Nobody is left to be told that the pipe is closed.
      Effect.onInterrupt(() => Effect.ignore(output.json ? document : marked))
    )
    if (output.json) yield* document
  })
