/** How likely a model thought a token, and what it thought likelier. Pure. */

export interface TokenLogProbability {
  readonly token: number
  /** Natural logarithm; minus infinity for what can't be. */
  readonly logProbability: number
}

export interface LogProbabilities {
  readonly chosen: number
  /** The likeliest tokens, likeliest first, the lower number of equal ones first. */
  readonly top: ReadonlyArray<TokenLogProbability>
}

/** log(sum(exp(logits))). */
const logSum = (logits: Float32Array): number => {
  let greatest = -Infinity
  for (let i = 0; i < logits.length; i++) greatest = Math.max(greatest, logits[i] ?? 0)
  let total = 0
  for (let i = 0; i < logits.length; i++) total += Math.exp((logits[i] ?? 0) - greatest)
  return greatest + Math.log(total)
}

/** Ids of the `count` greatest values, greatest first; for a handful of them. */
const greatest = (values: Float32Array, count: number): ReadonlyArray<number> => {
  const best: Array<number> = []
  for (let id = 0; id < values.length; id++) {
    const value = values[id] ?? 0
    if (best.length === count && !(value > (values[best.at(-1) ?? 0] ?? 0))) continue
    let place = best.length
    while (place > 0 && value > (values[best[place - 1] ?? 0] ?? 0)) place--
    best.splice(place, 0, id)
    if (best.length > count) best.pop()
  }
  return best
}

/** Of the chosen token and of the `top` likeliest. */
export const logProbabilities = (logits: Float32Array, chosen: number, top: number): LogProbabilities => {
  const total = logSum(logits)
  const of = (token: number) => (logits[token] ?? -Infinity) - total
  return {
    chosen: of(chosen),
    top: (top === 0 ? [] : greatest(logits, top)).map((token) => ({ token, logProbability: of(token) }))
  }
}
