import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Sampling } from "../../src/domain/Generation.js"
import { referenceEngine } from "../../src/engines/reference/ReferenceEngine.js"
import type { LoadedModel } from "../../src/inference/Engine.js"
import { makeSampler } from "../../src/inference/Sampler.js"
import { generateTokens, type Propose } from "../../src/runner/Tokens.js"

const directory = fileURLToPath(new URL("../golden/models/llama-sliding-q4-g32", import.meta.url))
const loaded = referenceEngine.load({ name: "m", directory })

const promptIds = [5, 17, 200, 31, 8, 90, 4]
const greedy: Sampling = { temperature: 0, topP: 1, repetitionPenalty: 1.1, seed: 1 }
const random: Sampling = { temperature: 1.2, topP: 0.95, repetitionPenalty: 1.1, seed: 3 }

interface Run {
  readonly tokens: ReadonlyArray<number>
  /** Tokens that each step computed. */
  readonly steps: ReadonlyArray<number>
}

const run = (
  model: LoadedModel,
  sampling: Sampling,
  options: { readonly propose?: Propose; readonly maxTokens?: number; readonly last?: number } = {}
): Effect.Effect<Run> =>
  Effect.gen(function* () {
    const { last = -1, maxTokens = 24, propose } = options
    const tokens: Array<number> = []
    const steps: Array<number> = []
    const watched: LoadedModel = {
      ...model,
      start: () => {
        const sequence = model.start()
        return {
          ...sequence,
          forward: (ids, rows) => {
            steps.push(ids.length)
            return sequence.forward(ids, rows)
          }
        }
      }
    }
    const count = yield* generateTokens({
      model: watched,
      promptIds,
      sampler: makeSampler(sampling, promptIds),
      maxTokens,
      ...(propose === undefined ? {} : { propose }),
      onToken: ({ token }) => {
        tokens.push(token)
        return token !== last
      }
    })
    assert.strictEqual(count, tokens.length)
    return { tokens, steps }
  }).pipe(Effect.orDie)

/** Knows the answer, and is wrong at every `wrong`th token. */
const prophet =
  (answer: ReadonlyArray<number>, wrong: number): Propose =>
  (ids, most) => {
    const at = ids.length - promptIds.length
    return answer.slice(at, at + most).map((token, i) => ((at + i) % wrong === 0 ? (token + 1) % 320 : token))
  }

describe.each([
  ["greedy", greedy],
  ["seeded", random]
] as const)("a %s answer", (_, sampling) => {
  it.scoped.each([1, 2, 3, 5, 100])("is the same with proposals of which every %ith is wrong", (wrong) =>
    Effect.gen(function* () {
      const model = yield* loaded
      const plain = yield* run(model, sampling)
      assert.strictEqual(plain.tokens.length, 24)
      const proposed = yield* run(model, sampling, { propose: prophet(plain.tokens, wrong) })
      assert.deepStrictEqual(proposed.tokens, plain.tokens)
      if (wrong > 2) assert.isBelow(proposed.steps.length, plain.steps.length)
    })
  )

  it.scoped("ends in the middle of a step", () =>
    Effect.gen(function* () {
      const model = yield* loaded
      const { tokens } = yield* run(model, sampling)
      const last = tokens[10] ?? -1
      const expected = tokens.slice(0, tokens.indexOf(last) + 1)
      const propose = prophet(tokens, 100)
      assert.deepStrictEqual((yield* run(model, sampling, { propose, last })).tokens, expected)
      assert.deepStrictEqual((yield* run(model, sampling, { propose, maxTokens: 7 })).tokens, tokens.slice(0, 7))
    })
  )
})

describe("proposals", () => {
  it.scoped("are limited, to the budget too", () =>
    Effect.gen(function* () {
      const model = yield* loaded
      const endless: Propose = () => Array.from({ length: 50 }, () => 1)
      const { steps } = yield* run(model, greedy, { propose: endless, maxTokens: 12 })
      assert.deepStrictEqual(steps.slice(0, 3), [7, 9, 9])
      assert.strictEqual(steps.at(-1), 1)
    })
  )

  it.scoped("are not asked for where a model can't take tokens back", () =>
    Effect.gen(function* () {
      const model = { ...(yield* loaded), rewinds: false }
      const { steps } = yield* run(model, greedy, { propose: () => assert.fail("asked"), maxTokens: 3 })
      assert.deepStrictEqual(steps, [7, 1, 1])
    })
  )
})
