/** The generation loop: prefill, then decode, sample, detokenize and stop, until the answer ends. */
import { Effect } from "effect"
import { makeStopMatcher } from "../chat/StopMatcher.js"
import type { Tokenizer } from "../chat/Tokenizer.js"
import type { FinishReason, GenerateEvent } from "../domain/Generation.js"
import type { LoadedModel, Sequence } from "../inference/Engine.js"
import type { Sampler } from "../inference/Sampler.js"

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

/** Lets Node deliver messages and timers; Effect's own yield stays inside the microtask queue and doesn't. */
const eventLoopTurn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

const prefill = (sequence: Sequence, ids: ReadonlyArray<number>, chunk: number) =>
  Effect.gen(function* () {
    let logits: Float32Array = new Float32Array()
    for (let start = 0; start < ids.length; start += chunk) {
      yield* eventLoopTurn
      logits = yield* sequence.forward(ids.slice(start, start + chunk), "last")
    }
    return logits
  })

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

/** Computes one answer and emits its deltas and its end. The KV cache is freed however it ends. */
export const answer = (options: AnswerOptions): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { budget, emit, endIds, model, promptIds, sampler } = options
    const sequence = yield* Effect.acquireRelease(
      Effect.sync(() => model.start()),
      (sequence) => Effect.sync(() => sequence.close())
    )
    const text = makeText(options)
    let completionTokens = 0
    const end = (finishReason: FinishReason) => {
      text.finish()
      const usage = { promptTokens: promptIds.length, completionTokens }
      emit({ _tag: "Finished", finishReason: text.stopped() ? "stop" : finishReason, usage })
    }
    if (budget < 1) return end("length")
    let logits: Float32Array = yield* prefill(sequence, promptIds, model.prefillChunk)
    for (;;) {
      const id = sampler.next(logits)
      completionTokens++
      if (endIds.has(id)) return end("stop")
      text.push(id)
      if (text.stopped()) return end("stop")
      if (completionTokens >= budget) return end("length")
      yield* eventLoopTurn
      logits = yield* sequence.forward([id], "last")
    }
  }).pipe(Effect.scoped)
