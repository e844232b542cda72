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
  const result = Float32Array.from(logits)
  for (const id of new Set(recent)) {
    const value = result[id]
    if (value !== undefined) result[id] = value < 0 ? value * penalty : value / penalty
  }
  return result
}

/**
 * The smallest weight that stays: the greatest weights that together reach `topP` of the total. Weights are
 * probabilities up to a common factor. Everything below `(1 - topP) * total / count` together is less than what may be
 * dropped, so only what lies above is sorted.
 */
const topPThreshold = (weights: Float64Array, total: number, topP: number): number => {
  const floor = ((1 - topP) * total) / weights.length
  const candidates = weights.filter((weight) => weight >= floor).sort()
  let mass = 0
  for (let i = candidates.length - 1; i >= 0; i--) {
    const weight = candidates[i] ?? 0
    mass += weight
    if (mass >= topP * total) return weight
  }
  return candidates[0] ?? 0
}

/**
 * The probability of every token after top-p (used when between 0 and 1, both exclusive; equal values at the limit stay)
 * and temperature (above 0). Sums to 1. Null when the logits hold no distribution: NaN, or nothing above minus infinity.
 */
export const probabilities = (logits: Float32Array, temperature: number, topP: number): Float64Array | null => {
  const max = logits[argmax(logits)] ?? Number.NaN
  if (!Number.isFinite(max)) return null
  const weights = Float64Array.from(logits, (value) => Math.exp(value - max))
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0)
  const threshold = topP > 0 && topP < 1 ? topPThreshold(weights, sum(weights), topP) : 0
  for (let i = 0; i < weights.length; i++) {
    weights[i] = (weights[i] ?? 0) < threshold ? 0 : Math.exp(((logits[i] ?? 0) - max) / temperature)
  }
  const total = sum(weights)
  return Number.isFinite(total) ? weights.map((weight) => weight / total) : null
}

/** The token at `point` of the cumulated distribution, 0 <= point < 1; rounding never leads to an impossible token. */
const tokenAt = (distribution: Float64Array, point: number): number => {
  let mass = 0
  let last = 0
  for (let i = 0; i < distribution.length; i++) {
    const probability = distribution[i] ?? 0
    if (probability === 0) continue
    mass += probability
    last = i
    if (mass > point) return i
  }
  return last
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
    const distribution = probabilities(logits, temperature, topP)
    return distribution === null ? argmax(logits) : tokenAt(distribution, random.number())
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
