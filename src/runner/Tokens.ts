/**
 * The tokens of an answer, one step after the other. A step takes the token that was chosen last and, where somebody proposes
 * what may follow, several more: what the model would have chosen itself is kept, the rest is taken back.
 */
import { Effect } from "effect"
import type { ConstraintUnsupported } from "../domain/Errors.js"
import type { LoadedModel, Sequence } from "../inference/Engine.js"
import type { Choice, Sampler } from "../inference/Sampler.js"
import type { TokenConstraint } from "./TokenConstraint.js"

/** Guesses at what follows the prompt and the tokens so far; any number, at most so many are tried. Pure. */
export type Propose = (ids: ReadonlyArray<number>, most: number) => ReadonlyArray<number>

/** Tokens tried in one step beside the one that is certain. */
const MOST_PROPOSALS = 8

export interface TokenOptions {
  readonly model: LoadedModel
  /** At least one token. */
  readonly promptIds: ReadonlyArray<number>
  readonly sampler: Sampler
  /** At least 1. */
  readonly maxTokens: number
  readonly propose?: Propose
  /** Null where every token is allowed. */
  readonly constraint?: TokenConstraint | null
  /** Gets every token in order; false ends the answer with it. */
  readonly onToken: (choice: Choice) => boolean
}

/** Lets Node deliver messages and timers; Effect's own yield stays inside the microtask queue and doesn't. */
const eventLoopTurn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/** One step per chunk, with a turn for the event loop before each. */
const prefill = (sequence: Sequence, ids: ReadonlyArray<number>, chunk: number) =>
  Effect.gen(function* () {
    let logits: Float32Array = new Float32Array()
    for (let start = 0; start < ids.length; start += chunk) {
      yield* eventLoopTurn
      logits = yield* sequence.forward(ids.slice(start, start + chunk), "last")
    }
    return logits
  })

/**
 * Chooses tokens until `onToken` says no or there are `maxTokens`; resolves to how many there were. The tokens are the same
 * with and without proposals, as each is chosen from the logits behind exactly those before it. The KV cache is freed however
 * it ends.
 */
export const generateTokens = (options: TokenOptions): Effect.Effect<number, ConstraintUnsupported> =>
  Effect.gen(function* () {
    const { constraint = null, maxTokens, model, onToken, promptIds, propose = () => [], sampler } = options
    const sequence = yield* Effect.acquireRelease(
      Effect.sync(() => model.start()),
      (started) => Effect.sync(() => started.close())
    )
    const ids = [...promptIds]
    const count = () => ids.length - promptIds.length
    /** Chooses a token; whether the answer goes on behind it. */
    const take = (logits: Float32Array, mask?: Int32Array): boolean => {
      const choice = sampler.next(logits, mask)
      ids.push(choice.token)
      constraint?.accept(choice.token)
      return onToken(choice) && count() < maxTokens
    }
    /** The same of those that are allowed; the answer is over where none is. */
    const takeAllowed = (logits: Float32Array, { mask }: TokenConstraint) =>
      Effect.map(mask, (allowed) => allowed !== null && take(logits, allowed))
    const next = (logits: Float32Array) =>
      constraint === null ? Effect.succeed(take(logits)) : takeAllowed(logits, constraint)

    let going = yield* next(yield* prefill(sequence, promptIds, model.prefillChunk))
    while (going) {
      yield* eventLoopTurn
      const most = model.rewinds ? Math.min(MOST_PROPOSALS, maxTokens - count() - 1) : 0
      const guesses = most > 0 ? propose(ids, most).slice(0, most) : []
      const start = ids.length - 1
      const tried = [...ids.slice(start), ...guesses]
      const logits = yield* sequence.forward(tried, guesses.length === 0 ? "last" : "all")
      for (let row = 0; row < tried.length && going; row++) {
        going = yield* next(logits.subarray(row * model.vocabSize, (row + 1) * model.vocabSize))
        if (ids[start + row + 1] !== guesses[row]) break
      }
      sequence.rewind(ids.length - 1)
    }
    return count()
  }).pipe(Effect.scoped)
