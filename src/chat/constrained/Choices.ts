/** The tokens that may be next inside of a slot, as masks that are kept for a while. */
import type { Dfa } from "./Dfa.js"
import type { Tokens } from "./TokenWalk.js"

/** A token that ends the text of a slot, and the one that its bytes from the quote on are. */
export interface Closing {
  readonly token: number
  readonly rest: number
}

export interface Choices {
  /** Bit `id % 32` of word `id / 32` is set for tokens with which the text goes on. */
  readonly inside: Int32Array
  readonly closing: ReadonlyArray<Closing>
}

export interface Language extends Dfa {
  readonly choices: (state: number) => Choices
}

export const maskFor = (tokens: Tokens): Int32Array => new Int32Array(Math.ceil(tokens.count / 32))

export const setBit = (mask: Int32Array, token: number): void => {
  mask[token >> 5] = (mask[token >> 5] ?? 0) | (1 << (token & 31))
}
export const clearBit = (mask: Int32Array, token: number): void => {
  mask[token >> 5] = (mask[token >> 5] ?? 0) & ~(1 << (token & 31))
}
export const hasBit = (mask: Int32Array, token: number): boolean =>
  (((mask[token >> 5] ?? 0) >>> (token & 31)) & 1) === 1

/** Of one vocabulary; each is as large as a mask. */
const KEPT_CHOICES = 512

const keptChoices = new WeakMap<Tokens, Map<string, Choices>>()
let languages = 0

/** Choices that are made once for each state, as long as they are among the last that were asked for. */
export const keeping = (tokens: Tokens, make: (state: number) => Choices): ((state: number) => Choices) => {
  const kept = keptChoices.get(tokens) ?? new Map<string, Choices>()
  keptChoices.set(tokens, kept)
  const language = languages++
  return (state) => {
    const key = `${language} ${state}`
    const choices = kept.get(key) ?? make(state)
    kept.delete(key)
    kept.set(key, choices) // the last one used is the last one dropped
    const [oldest] = kept.keys()
    if (kept.size > KEPT_CHOICES && oldest !== undefined) kept.delete(oldest)
    return choices
  }
}
