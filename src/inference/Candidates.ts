/**
 * The tokens that may be drawn, and the filters that drop some: each in time linear in the vocabulary, none sorts it. No
 * filter changes the chances of what stays. Pure.
 */

/** Tokens, ascending, with their chances up to a common factor. */
export interface Candidates {
  readonly tokens: Int32Array
  readonly weights: Float64Array
  /** The factor's reciprocal: what all tokens weighed before any was dropped. */
  readonly total: number
}

// Loops and not array methods below: they run over the whole vocabulary for every token.

const sum = (values: Float64Array): number => {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i] ?? 0
  return total
}

/** exp(logit - greatest) of every token that can be drawn; null when the logits hold no distribution. */
export const candidatesOf = (logits: Float32Array, greatest: number): Candidates | null => {
  if (!Number.isFinite(greatest)) return null
  const tokens = new Int32Array(logits.length)
  const weights = new Float64Array(logits.length)
  let count = 0
  for (let token = 0; token < logits.length; token++) {
    const weight = Math.exp((logits[token] ?? 0) - greatest)
    if (weight === 0) continue
    tokens[count] = token
    weights[count++] = weight
  }
  const kept = weights.subarray(0, count)
  return { tokens: tokens.subarray(0, count), weights: kept, total: sum(kept) }
}

/** Those whose weight, and token, pass. */
const keep = (
  { tokens, total, weights }: Candidates,
  passes: (weight: number, token: number) => boolean
): Candidates => {
  const kept = { tokens: new Int32Array(tokens.length), weights: new Float64Array(tokens.length) }
  let count = 0
  for (let i = 0; i < tokens.length; i++) {
    const [token, weight] = [tokens[i] ?? 0, weights[i] ?? 0]
    if (!passes(weight, token)) continue
    kept.tokens[count] = token
    kept.weights[count++] = weight
  }
  return { tokens: kept.tokens.subarray(0, count), weights: kept.weights.subarray(0, count), total }
}

/** The sum of the values above a limit, of those equal to it, and how many each are. */
const parts = (values: Float64Array, limit: number) => {
  const found = { above: 0, equal: 0, countAbove: 0, countEqual: 0 }
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0
    if (value > limit) {
      found.above += value
      found.countAbove++
    } else if (value === limit) {
      found.equal += value
      found.countEqual++
    }
  }
  return found
}

/** A value among some that is likely to have many on both sides. */
const pivotOf = (values: Float64Array): number => {
  const at = (part: number) => values[Math.floor((values.length - 1) * part)] ?? 0
  const [a, b, c] = [at(0.25), at(0.5), at(0.75)]
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}

/**
 * The value at which the greatest ones, added up in order, reach a measure; the least value when they never do. By halving
 * the candidates around a pivot, as quickselect does.
 */
const valueReaching = (weights: Float64Array, wanted: number, measure: "count" | "sum"): number => {
  let rest = weights
  let reached = 0
  for (;;) {
    const pivot = pivotOf(rest)
    const { above, countAbove, countEqual, equal } = parts(rest, pivot)
    const before = reached + (measure === "sum" ? above : countAbove)
    if (before >= wanted && countAbove > 0) {
      rest = rest.filter((value) => value > pivot)
      continue
    }
    const through = before + (measure === "sum" ? equal : countEqual)
    if (through >= wanted || countAbove + countEqual === rest.length) return pivot
    reached = through
    rest = rest.filter((value) => value < pivot)
  }
}

/** The likeliest tokens that together reach `topP` of the whole; equal ones at the limit stay. */
export const keepTopP = (all: Candidates, topP: number): Candidates => {
  const least = valueReaching(all.weights, topP * all.total, "sum")
  return keep(all, (weight) => weight >= least)
}

/** Those at least `minP` times as likely as the likeliest, and the `count` likeliest in any case. */
export const keepMinP = (all: Candidates, minP: number, count = 1): Candidates => {
  const nth = valueReaching(all.weights, count, "count")
  const least = Math.min(nth, minP * valueReaching(all.weights, 1, "count"))
  return keep(all, (weight) => weight >= least)
}

/** The `k` likeliest; of equal ones at the limit those with lower numbers. */
export const keepTopK = (all: Candidates, k: number): Candidates => {
  if (k >= all.tokens.length) return all
  const least = valueReaching(all.weights, k, "count")
  let room = k - parts(all.weights, least).countAbove
  return keep(all, (weight) => weight > least || (weight === least && room-- > 0))
}

/**
 * Drops what is likelier than the least likely token above the threshold (a chance among what is left), but never a token of
 * `spared`.
 */
export const excludeTop = (all: Candidates, threshold: number, spared: ReadonlySet<number>): Candidates => {
  const limit = threshold * sum(all.weights)
  let least = Infinity
  for (let i = 0; i < all.weights.length; i++) {
    const weight = all.weights[i] ?? 0
    if (weight > limit && weight < least) least = weight
  }
  return keep(all, (weight, token) => weight <= least || spared.has(token))
}

/** The same tokens with chances for a temperature above 0. */
export const atTemperature = (
  { tokens, weights }: Candidates,
  logits: Float32Array,
  temperature: number
): Candidates => {
  const scaled = new Float64Array(tokens.length)
  let greatest = -Infinity
  for (let i = 0; i < tokens.length; i++) {
    scaled[i] = (logits[tokens[i] ?? 0] ?? 0) / temperature
    greatest = Math.max(greatest, scaled[i] ?? 0)
  }
  for (let i = 0; i < tokens.length; i++) weights[i] = Math.exp((scaled[i] ?? 0) - greatest)
  return { tokens, weights, total: sum(weights) }
}

/** The token at `point` of the cumulated chances, 0 <= point < 1; rounding never leads to an impossible token. */
export const tokenAt = ({ tokens, weights }: Candidates, point: number): number => {
  const wanted = point * sum(weights)
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
