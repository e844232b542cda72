/**
 * Choosing the next token from logits. Pure but for the history and the random state that a sampler carries.
 * The order is mlx-lm's: repetition penalty, top-p, temperature, draw (spec 02 §7).
 */
import { PCGRandom } from "effect/Utils"
import type { Sampling } from "../domain/Generation.js"

/** How many recent tokens the repetition penalty sees. */
export const REPETITION_WINDOW = 20

/** `next` takes the logits of one position (one value per vocabulary entry, left unchanged) and returns a token id. */
export interface Sampler {
  readonly next: (logits: Float32Array) => number
}

/** The first index of the greatest value; 0 when nothing compares. */
export const argmax = (values: Float32Array): number => {
  let best = 0
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i
  return best
}

/** A copy with every token of `recent` made less likely, once per distinct token, whatever its sign. */
export const penalizeRepetition = (
  logits: Float32Array,
  recent: ReadonlyArray<number>,
  penalty: number
): Float32Array => {
  const result = logits.slice()
  for (const id of new Set(recent)) {
    const value = result[id]
    if (value !== undefined) result[id] = value < 0 ? value * penalty : value / penalty
  }
  return result
}

// Loops and not array methods below: they run over the whole vocabulary for every token.

/** Tokens that can be drawn, ascending, with their chances up to a common factor. */
interface Distribution {
  readonly tokens: ArrayLike<number>
  readonly weights: Float64Array
  readonly total: number
}

const sum = (values: Float64Array): number => {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0
  return total
}

/** exp((logit - max) / temperature) of some tokens. */
const weigh = (logits: Float32Array, tokens: ArrayLike<number>, max: number, temperature: number): Distribution => {
  const weights = new Float64Array(tokens.length)
  for (let i = 0; i < weights.length; i++) weights[i] = Math.exp(((logits[tokens[i] ?? 0] ?? 0) - max) / temperature)
  return { tokens, weights, total: sum(weights) }
}

/** The smallest of the greatest weights that together reach `mass`. */
const weightAtMass = (weights: Float64Array, mass: number): number => {
  const sorted = weights.slice().sort()
  let reached = 0
  for (let i = sorted.length - 1; i >= 0; i--) {
    const weight = sorted[i] ?? 0
    reached += weight
    if (reached >= mass) return weight
  }
  return sorted[0] ?? 0
}

/** The tokens of a distribution whose weight is `least` or more. */
const atLeast = ({ tokens, weights }: Distribution, least: number) => {
  const kept = { tokens: new Int32Array(weights.length), weights: new Float64Array(weights.length) }
  let count = 0
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] ?? 0
    if (weight < least) continue
    kept.tokens[count] = tokens[i] ?? 0
    kept.weights[count++] = weight
  }
  return { tokens: kept.tokens.subarray(0, count), weights: kept.weights.subarray(0, count) }
}

/**
 * The most likely tokens that together reach `topP` of the whole; equal ones at the limit stay. All tokens below
 * `(1 - topP) * total / count` are together less than what may be dropped, so only what lies above is sorted.
 */
const nucleus = (all: Distribution, topP: number): Int32Array => {
  const candidates = { ...atLeast(all, ((1 - topP) * all.total) / all.weights.length), total: all.total }
  return atLeast(candidates, weightAtMass(candidates.weights, topP * all.total)).tokens
}

/** After top-p and temperature. Null when the logits hold no distribution. */
const distribution = (logits: Float32Array, temperature: number, topP: number): Distribution | null => {
  const max = logits[argmax(logits)] ?? Number.NaN
  if (!Number.isFinite(max)) return null
  const every = new Int32Array(logits.length).map((_, token) => token)
  const tokens = topP > 0 && topP < 1 ? nucleus(weigh(logits, every, max, 1), topP) : every
  return weigh(logits, tokens, max, temperature)
}

/**
 * The probability of every token after top-p (used when between 0 and 1, both exclusive) and temperature (above 0). Null
 * when the logits hold no distribution: NaN, or nothing above minus infinity.
 */
export const probabilities = (logits: Float32Array, temperature: number, topP: number): Float64Array | null => {
  const chances = distribution(logits, temperature, topP)
  if (chances === null) return null
  const result = new Float64Array(logits.length)
  chances.weights.forEach((weight, i) => {
    result[chances.tokens[i] ?? 0] = weight / chances.total
  })
  return result
}

/** The token at `point` of the cumulated distribution, 0 <= point < 1; rounding never leads to an impossible token. */
const tokenAt = ({ tokens, total, weights }: Distribution, point: number): number => {
  const wanted = point * total
  let mass = 0
  let last = 0
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] ?? 0
    if (weight === 0) continue
    mass += weight
    last = i
    if (mass > wanted) break
  }
  return tokens[last] ?? 0
}

/** A seed of its own for each sampler that wasn't given one. */
const freshSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0

/** `seed` may be any integer: both halves count. */
const randomFrom = (seed: number): PCGRandom => new PCGRandom(Math.floor(seed / 2 ** 32) | 0, seed | 0)

/**
 * A sampler for one answer. It remembers what it returned: the penalty (used above 1) looks at the last
 * `REPETITION_WINDOW` of the last prompt token and the generated ones. Temperature 0 takes the argmax. The same seed and
 * the same logits give the same tokens.
 */
export const makeSampler = (sampling: Sampling, promptIds: ReadonlyArray<number>): Sampler => {
  const { repetitionPenalty, temperature, topP } = sampling
  const random = randomFrom(sampling.seed ?? freshSeed())
  const recent: Array<number> = promptIds.slice(-1)
  const choose = (logits: Float32Array): number => {
    if (temperature <= 0) return argmax(logits)
    const chances = distribution(logits, temperature, topP)
    return chances === null ? argmax(logits) : tokenAt(chances, random.number())
  }
  return {
    next: (logits) => {
      const token = choose(repetitionPenalty > 1 ? penalizeRepetition(logits, recent, repetitionPenalty) : logits)
      recent.push(token)
      if (recent.length > REPETITION_WINDOW) recent.shift()
      return token
    }
  }
}
