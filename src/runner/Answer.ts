/** An answer: its tokens as text, until a token, a stop string or the budget ends it. */
import { Effect } from "effect"
import { makeStopMatcher } from "../chat/StopMatcher.js"
import type { Tokenizer } from "../chat/Tokenizer.js"
import type { FinishReason, GenerateEvent } from "../domain/Generation.js"
import type { LoadedModel } from "../inference/Engine.js"
import type { Choice, Sampler } from "../inference/Sampler.js"
import { generateTokens } from "./Tokens.js"

export interface AnswerOptions {
  readonly model: LoadedModel
  readonly tokenizer: Pick<Tokenizer, "detokenizer">
  /** At least one token. */
  readonly promptIds: ReadonlyArray<number>
  readonly sampler: Sampler
  /** Most tokens the answer may have. */
  readonly budget: number
  readonly endIds: ReadonlySet<number>
  readonly stop: ReadonlyArray<string>
  readonly emit: (event: GenerateEvent) => void
}

/** Text of the answer: what the tokens say, cut at a stop string. */
const makeText = ({ emit, stop, tokenizer }: AnswerOptions) => {
  const { finish, push } = tokenizer.detokenizer()
  const matcher = makeStopMatcher(stop)
  const send = (text: string) => {
    if (text !== "") emit({ _tag: "Delta", text })
  }
  return {
    push: (id: number) => send(matcher.push(push(id))),
    finish: () => {
      send(matcher.push(finish()))
      send(matcher.finish())
    },
    stopped: matcher.stopped
  }
}

/** Computes one answer and emits its deltas and its end. */
export const answer = (options: AnswerOptions): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { budget, emit, endIds, model, promptIds, sampler } = options
    const text = makeText(options)
    let ended = false
    const onToken = ({ token }: Choice): boolean => {
      ended = endIds.has(token)
      if (!ended) text.push(token)
      return !ended && !text.stopped()
    }
    const completionTokens =
      budget < 1 ? 0 : yield* generateTokens({ model, promptIds, sampler, maxTokens: budget, onToken })
    text.finish()
    const finishReason: FinishReason = ended || text.stopped() ? "stop" : "length"
    emit({ _tag: "Finished", finishReason, usage: { promptTokens: promptIds.length, completionTokens } })
  })
