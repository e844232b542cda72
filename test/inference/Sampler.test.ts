import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Either, Schema } from "effect"
import { Sampling } from "../../src/domain/Generation.js"
import { atTemperature, type Candidates, candidatesOf, keepMinP } from "../../src/inference/Candidates.js"
import {
  applyBias,
  penalizeFrequency,
  penalizePresence,
  penalizeRepetition
} from "../../src/inference/LogitProcessors.js"
import { logProbabilities } from "../../src/inference/LogProbabilities.js"
import { argmax, candidates, makeSampler, PENALTY_WINDOW, samplingProblem } from "../../src/inference/Sampler.js"

type Vector = ReadonlyArray<number | null>

/** What mlx-lm computed; null stands for minus infinity. */
interface Golden {
  readonly logits: Readonly<Record<string, Vector>>
  readonly cases: ReadonlyArray<{
    readonly logits: string
    readonly history: ReadonlyArray<number>
    readonly params: {
      readonly temp?: number
      readonly top_p?: number
      readonly min_p?: number
      readonly min_tokens_to_keep?: number
      readonly top_k?: number
      readonly xtc_probability?: number
      readonly xtc_threshold?: number
      readonly xtc_special_tokens?: ReadonlyArray<number>
      readonly logit_bias?: Readonly<Record<string, number>>
      readonly repetition_penalty?: number
      readonly repetition_context_size?: number
      readonly presence_penalty?: number
      readonly presence_context_size?: number
      readonly frequency_penalty?: number
      readonly frequency_context_size?: number
    }
    readonly error?: string
    readonly processed?: Vector
    readonly logprobs?: Vector
    readonly filtered?: Vector
    readonly final?: Vector
    readonly token?: number
  }>
}
type Case = Golden["cases"][number]

const golden: Golden = JSON.parse(readFileSync(new URL("../golden/sampling.json", import.meta.url), "utf8"))

const vector = (values: Vector) => Float32Array.from(values, (value) => value ?? -Infinity)

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

const settings = ({ params }: Case): Sampling =>
  sampling({
    temperature: params.temp ?? 0,
    topP: params.top_p ?? 0,
    minP: params.min_p ?? 0,
    // mlx-lm takes a limit below 1 for none.
    ...((params.top_k ?? 0) > 0 ? { topK: params.top_k ?? 0 } : {}),
    xtcProbability: params.xtc_probability ?? 0,
    xtcThreshold: params.xtc_threshold ?? 0,
    repetitionPenalty: params.repetition_penalty ?? 1
  })

/** The logits of a case behind bias and penalties, with a window for each. */
const processedLogits = ({ history, logits, params }: Case): Float32Array => {
  const result = vector(golden.logits[logits] ?? [])
  const recent = (size = PENALTY_WINDOW) => history.slice(-size)
  applyBias(result, new Map(Object.entries(params.logit_bias ?? {}).map(([id, value]) => [Number(id), value])))
  const { frequency_penalty, presence_penalty, repetition_penalty } = params
  if (repetition_penalty) penalizeRepetition(result, recent(params.repetition_context_size), repetition_penalty)
  if (presence_penalty) penalizePresence(result, recent(params.presence_context_size), presence_penalty)
  if (frequency_penalty) penalizeFrequency(result, recent(params.frequency_context_size), frequency_penalty)
  return result
}

const candidatesOfCase = (row: Case, logits: Float32Array): Candidates | null => {
  const { min_p: minP = 0, min_tokens_to_keep: count, temp = 0, xtc_special_tokens: special = [] } = row.params
  if (count === undefined) return candidates(logits, settings(row), { spared: new Set(special), point: () => 0.5 })
  const all = candidatesOf(logits, Math.max(...logits))
  return all === null ? null : atTemperature(keepMinP(all, minP, count), logits, temp)
}

/** Logarithms of the chances of all tokens. */
const logChances = (chances: Candidates | null, count: number): Float64Array => {
  const result = new Float64Array(count).fill(-Infinity)
  chances?.weights.forEach((weight, i) => {
    result[chances.tokens[i] ?? 0] = Math.log(weight / chances.total)
  })
  return result
}

const named = golden.cases.map((row, i) => [`${i} ${row.logits} ${JSON.stringify(row.params)}`, row] as const)

describe("against mlx-lm", () => {
  it.each(named.filter(([, { error }]) => error === undefined))("%s", (_, row) => {
    const logits = processedLogits(row)
    close(logits, vector(row.processed ?? []), 1e-6)
    const { top } = logProbabilities(logits, 0, logits.length)
    close(
      top.toSorted((a, b) => a.token - b.token).map(({ logProbability }) => logProbability),
      vector(row.logprobs ?? []),
      1e-5
    )
    if (row.final === undefined) assert.strictEqual(argmax(logits), row.token)
    else close(logChances(candidatesOfCase(row, logits), logits.length), vector(row.final), 1e-4)
  })

  it.each(named.filter(([, { error, params }]) => error !== undefined && params.min_tokens_to_keep === undefined))(
    "refuses %s",
    (_, row) => {
      const refused =
        Either.isLeft(Schema.decodeEither(Sampling)(settings(row))) || samplingProblem(settings(row), 32) !== null
      assert.isTrue(refused)
    }
  )
})

describe("makeSampler", () => {
  const flat = new Float32Array(100)
  const tokens = (fields: Sampling, count: number) => {
    const sampler = makeSampler(fields, [0])
    return Array.from({ length: count }, () => sampler.next(flat).token)
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
    assert.deepStrictEqual([sampler.next(logits).token, sampler.next(logits).token], [0, 1])
    assert.deepStrictEqual(logits, Float32Array.of(1, 1.9, 0.8))
  })

  it("counts the whole answer and nothing of the prompt, where it is asked to", () => {
    const whole = { temperature: 0, presencePenalty: 1, penaltyWindow: 1, penalizeWholeAnswer: true }
    const logits = Float32Array.of(2, 1.9, 1.8)
    const three = (fields: Partial<Sampling>) => {
      const sampler = makeSampler(sampling(fields), [0])
      return Array.from({ length: 3 }, () => sampler.next(logits).token)
    }
    assert.deepStrictEqual(three(whole), [0, 1, 2])
    assert.deepStrictEqual(three({ ...whole, penalizeWholeAnswer: false }), [1, 0, 1])
  })

  it("leaves logits alone at a repetition penalty of 1 or less", () => {
    const sampler = makeSampler(sampling({ temperature: 0, repetitionPenalty: 0.5 }), [0])
    assert.strictEqual(sampler.next(Float32Array.of(2, 1.9)).token, 0)
  })

  const lastSeen = (fields: Partial<Sampling>, count: number) => {
    const sampler = makeSampler(sampling({ temperature: 0, ...fields }), [0])
    const logits = Float32Array.from({ length: count }, (_, i) => (count - i) / count)
    return Array.from({ length: count }, () => sampler.next(logits).token).indexOf(0)
  }

  it("forgets what left the window", () => {
    // Token 0 came from the prompt: it is free again after a window of others.
    assert.strictEqual(lastSeen({ repetitionPenalty: 1e6 }, PENALTY_WINDOW + 5), PENALTY_WINDOW)
    assert.strictEqual(lastSeen({ presencePenalty: 2, penaltyWindow: 3 }, 10), 3)
    assert.strictEqual(lastSeen({ frequencyPenalty: 2, penaltyWindow: 0 }, 30), 29)
  })

  it("adds a bias to the tokens it names, and ignores others", () => {
    const sampler = makeSampler(sampling({ temperature: 0, logitBias: { "2": 5, "99": 100 } }), [])
    assert.strictEqual(sampler.next(Float32Array.of(3, 2, 1)).token, 2)
  })

  it("keeps to a mask before everything else", () => {
    const logits = Float32Array.from({ length: 70 }, (_, i) => i)
    const mask = Int32Array.of(0b1000, 1 << 31, 0b10)
    const greedy = makeSampler(sampling({ temperature: 0, logitBias: { "69": 100 }, logProbabilities: 3 }), [])
    const { logProbabilities: told, token } = greedy.next(logits, mask)
    assert.strictEqual(token, 65)
    assert.deepStrictEqual(
      told?.top.map((entry) => entry.token),
      [65, 63, 3]
    )
    const random = makeSampler(sampling({ temperature: 2, seed: 5 }), [])
    const seen = new Set(Array.from({ length: 200 }, () => random.next(logits, mask).token))
    assert.includeMembers([3, 63, 65], [...seen])
    assert.isTrue(seen.has(63) && seen.has(65))
  })

  it("tells log-probabilities only when asked", () => {
    const logits = Float32Array.from([0.6, 0.3, 0.1], Math.log)
    assert.isNull(makeSampler(sampling({}), []).next(logits).logProbabilities)
    const told = makeSampler(sampling({ temperature: 0, logProbabilities: 0 }), []).next(logits).logProbabilities
    assert.approximately(told?.chosen ?? 0, Math.log(0.6), 1e-6)
    assert.deepStrictEqual(told?.top, [])
  })

  it("answers even for logits without a distribution", () => {
    const sampler = makeSampler(sampling({}), [])
    assert.strictEqual(sampler.next(new Float32Array(4).fill(-Infinity)).token, 0)
    assert.strictEqual(sampler.next(Float32Array.of(1, Infinity, 2)).token, 1)
    assert.strictEqual(sampler.next(new Float32Array(4).fill(Number.NaN)).token, 0)
  })
})

describe("100,000 draws", () => {
  const DRAWS = 100_000
  /** For fifteen degrees of freedom or fewer a statistic above this has a chance below one in 100,000. */
  const LIMIT = 52
  const logits = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i * 1.7) * 2)
  const weights = (temperature: number) => Array.from(logits, (value) => Math.exp(value / temperature))

  const statistic = (fields: Partial<Sampling>, expected: ReadonlyArray<number>): number => {
    const counts = new Float64Array(expected.length)
    const sampler = makeSampler(sampling(fields), [])
    for (let i = 0; i < DRAWS; i++) {
      const { token } = sampler.next(logits)
      counts[token] = (counts[token] ?? 0) + 1
    }
    const total = expected.reduce((a, b) => a + b, 0)
    return expected.reduce((sum, weight, token) => {
      const wanted = (weight / total) * DRAWS
      const count = counts[token] ?? 0
      return sum + (wanted === 0 ? (count === 0 ? 0 : Infinity) : (count - wanted) ** 2 / wanted)
    }, 0)
  }
  /** Weights of the greatest `count`, 0 for the others. */
  const only = (values: ReadonlyArray<number>, count: number, from = 0) => {
    const order = [...values].sort((a, b) => b - a)
    return values.map((value) => (order.indexOf(value) < count && order.indexOf(value) >= from ? value : 0))
  }
  const mixed = (a: ReadonlyArray<number>, b: ReadonlyArray<number>, share: number) => {
    const total = (values: ReadonlyArray<number>) => values.reduce((x, y) => x + y, 0)
    return a.map((value, i) => (1 - share) * (value / total(a)) + share * ((b[i] ?? 0) / total(b)))
  }

  const cases: ReadonlyArray<readonly [string, Partial<Sampling>, ReadonlyArray<number>]> = [
    ["as they are", {}, weights(1)],
    ["at a temperature", { temperature: 0.6, seed: 2 }, weights(0.6)],
    ["of the likeliest five", { topK: 5, seed: 3 }, only(weights(1), 5)],
    ["of the nucleus, warmer", { topP: 0.5, temperature: 1.5, seed: 4 }, only(weights(1.5), 3)],
    ["near the likeliest", { minP: 0.5, seed: 5 }, only(weights(1), 4)],
    [
      "without the top half of the time",
      { xtcProbability: 0.5, xtcThreshold: 0.1, seed: 6 },
      mixed(weights(1), only(weights(1), 16, 3), 0.5)
    ]
  ]
  it.each(cases)("%s", (_, fields, expected) => {
    assert.isBelow(statistic(fields, expected), LIMIT)
  })

  it("would tell a distribution that is a little off", () => {
    assert.isAbove(statistic({ temperature: 1.05 }, weights(1)), LIMIT)
  })
})
