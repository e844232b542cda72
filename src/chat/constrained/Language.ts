/** What may stand in a slot, over the tokens of a vocabulary. */

import { countedLanguage } from "./CountedLanguage.js"
import { type ClassDfa, DEAD, type Dfa, dfaOf } from "./Dfa.js"
import type { Regex } from "./Regex.js"
import { type TokenClasses, tokenClasses } from "./TokenClasses.js"
import { stateAfter, type Tokens } from "./TokenWalk.js"

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
const keeping = (tokens: Tokens, make: (state: number) => Choices): ((state: number) => Choices) => {
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

/** By one class of tokens after the other. */
const classChoices = (
  { mayEnd, stepClass }: ClassDfa,
  classes: TokenClasses,
  tokens: Tokens,
  start: number
): Choices => {
  const inside = maskFor(tokens)
  const closing: Array<Closing> = []
  const states = new Int32Array(classes.parents.length).fill(DEAD)
  for (let node = 0; node < states.length; node++) {
    const before = states[classes.parents[node] ?? 0] ?? DEAD
    const state = node === 0 ? start : before === DEAD ? DEAD : stepClass(before, classes.steps[node] ?? 0)
    if (state === DEAD) continue
    states[node] = state
    for (const token of classes.tokens[node] ?? []) setBit(inside, token)
    if (mayEnd(state)) for (const quote of classes.quotes[node] ?? []) closing.push(quote)
  }
  return { inside, closing }
}

/** By one token after the other. */
const tokenChoices = ({ mayEnd, step }: Dfa, tokens: Tokens, start: number): Choices => {
  const inside = maskFor(tokens)
  tokens.walk({ start, step, take: (token) => setBit(inside, token) })
  const closing = tokens.quotes.filter(({ depth, token }) => {
    const state = stateAfter({ start, step }, tokens.bytesOf(token), depth)
    return state !== DEAD && mayEnd(state)
  })
  return { inside, closing }
}

const plainLanguage = (dfa: ClassDfa, tokens: Tokens): Language => ({
  ...dfa,
  choices: keeping(tokens, (state) => {
    const classes = tokenClasses(dfa.bytes, tokens)
    return classes === null ? tokenChoices(dfa, tokens, state) : classChoices(dfa, classes, tokens, state)
  })
})

/** The same language without lists of one. */
const unwrapped = (regex: Regex): Regex => {
  const parts = regex._tag === "Sequence" ? regex.parts : regex._tag === "Choice" ? regex.alternatives : []
  const [only] = parts
  return only !== undefined && parts.length === 1 ? unwrapped(only) : regex
}

/** Throws where an automaton would be too large. */
export const languageOf = (regex: Regex, tokens: Tokens): Language => {
  const inner = unwrapped(regex)
  return (inner._tag === "Repeat" ? countedLanguage(inner, tokens) : null) ?? plainLanguage(dfaOf(inner), tokens)
}
