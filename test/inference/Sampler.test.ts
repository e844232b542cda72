import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import type { Sampling } from "../../src/domain/Generation.js"
import {
  argmax,
  makeSampler,
  penalizeRepetition,
  probabilities,
  REPETITION_WINDOW
} from "../../src/inference/Sampler.js"

/** What mlx-lm computed; null stands for minus infinity. */
interface Golden {
  readonly logits: Readonly<Record<string, ReadonlyArray<number | null>>>
  readonly cases: ReadonlyArray<{
    readonly logits: string
    readonly history: ReadonlyArray<number>
    readonly params: {
      readonly temp?: number
      readonly top_p?: number
      readonly repetition_penalty?: number
      readonly repetition_context_size?: number
    }
    readonly processed: ReadonlyArray<number | null>
    readonly final?: ReadonlyArray<number | null>
    readonly token?: number
  }>
}

const golden: Golden = JSON.parse(readFileSync(new URL("../golden/sampling.json", import.meta.url), "utf8"))

const vector = (values: ReadonlyArray<number | null>) => Float32Array.from(values, (value) => value ?? -Infinity)

const close = (actual: ArrayLike<number>, expected: Float32Array, tolerance: number) =>
  expected.forEach((value, i) => {
    const found = actual[i] ?? Number.NaN
    if (value === -Infinity) assert.strictEqual(found, -Infinity, `entry ${i}`)
    else assert.approximately(found, value, tolerance, `entry ${i}`)
  })

const sampling = (fields: Partial<Sampling>): Sampling => ({
  temperature: 1,
  topP: 1,
  repetitionPenalty: 1,
  seed: 1,
  ...fields
})

describe("against mlx-lm", () => {
  it.each(golden.cases.map((row, i) => [`${i} ${row.logits} ${JSON.stringify(row.params)}`, row] as const))(
    "%s",
    (_, row) => {
      const { params } = row
      const window = row.history.slice(-(params.repetition_context_size ?? REPETITION_WINDOW))
      const penalty = params.repetition_penalty ?? 0
      const raw = vector(golden.logits[row.logits] ?? [])
      const logits = penalty === 0 ? raw : penalizeRepetition(raw, window, penalty)
      close(logits, vector(row.processed), 1e-6)
      if (row.final === undefined) assert.strictEqual(argmax(logits), row.token)
      else {
        const result = probabilities(logits, params.temp ?? 1, params.top_p ?? 1)
        close(result?.map(Math.log) ?? [], vector(row.final), 1e-4)
      }
    }
  )
})

describe("makeSampler", () => {
  const flat = new Float32Array(100)
  const tokens = (settings: Sampling, count: number) => {
    const sampler = makeSampler(settings, [0])
    return Array.from({ length: count }, () => sampler.next(flat))
  }

  it("repeats itself with the same seed, and not with another", () => {
    const a = tokens(sampling({ seed: 42 }), 50)
    assert.deepStrictEqual(tokens(sampling({ seed: 42 }), 50), a)
    assert.notDeepEqual(tokens(sampling({ seed: 43 }), 50), a)
    assert.notDeepEqual(tokens(sampling({ seed: 42 + 2 ** 32 }), 50), a)
    assert.notDeepEqual(tokens(sampling({ seed: null }), 50), tokens(sampling({ seed: null }), 50))
  })

  it("takes the argmax at temperature 0, after the penalty", () => {
    const sampler = makeSampler(sampling({ temperature: 0, repetitionPenalty: 2 }), [9, 1])
    const logits = Float32Array.of(1, 1.9, 0.8)
    // 1 is the last prompt token, 9 and everything before it doesn't count.
    assert.deepStrictEqual([sampler.next(logits), sampler.next(logits)], [0, 1])
    assert.deepStrictEqual(logits, Float32Array.of(1, 1.9, 0.8))
  })

  it("leaves logits alone at a penalty of 1 or less", () => {
    const sampler = makeSampler(sampling({ temperature: 0, repetitionPenalty: 0.5 }), [0])
    assert.strictEqual(sampler.next(Float32Array.of(2, 1.9)), 0)
  })

  it("forgets what left the window", () => {
    const sampler = makeSampler(sampling({ temperature: 0, repetitionPenalty: 1e6 }), [0])
    const count = REPETITION_WINDOW + 5
    const logits = Float32Array.from({ length: count }, (_, i) => count - i)
    const seen = Array.from({ length: count }, () => sampler.next(logits))
    // Token 0 came from the prompt: it is free again after a window of others.
    assert.strictEqual(seen.indexOf(0), REPETITION_WINDOW)
  })

  it("draws with the right frequencies", () => {
    const sampler = makeSampler(sampling({ topP: 0.9 }), [])
    const logits = Float32Array.from([0.6, 0.3, 0.1], Math.log)
    const counts = [0, 0, 0]
    for (let i = 0; i < 3000; i++) {
      const token = sampler.next(logits)
      counts[token] = (counts[token] ?? 0) + 1
    }
    assert.approximately((counts[0] ?? 0) / 3000, 2 / 3, 0.04)
    assert.strictEqual(counts[2], 0)
  })

  it("answers even for logits without a distribution", () => {
    const sampler = makeSampler(sampling({}), [])
    assert.strictEqual(sampler.next(new Float32Array(4).fill(-Infinity)), 0)
    assert.strictEqual(sampler.next(Float32Array.of(1, Infinity, 2)), 1)
    assert.strictEqual(sampler.next(new Float32Array(4).fill(Number.NaN)), 0)
  })
})
