/**
 * Texts of so many characters. Each is an automaton that is run again and again with a count beside it, not a state for each number:
 * the tokens are sorted once by how many characters they add, for all counts.
 */

import { type Choices, type Closing, clearBit, keeping, type Language, maskFor, setBit } from "./Choices.js"
import { DEAD, dfaOf } from "./Dfa.js"
import type { Regex } from "./Regex.js"
import { walkTokens } from "./TokenClasses.js"
import type { Tokens } from "./TokenWalk.js"

type Repeat = Extract<Regex, { readonly _tag: "Repeat" }>

const MAX_STATES = 256

/** More than the characters of any token. */
const LONGEST = 2 ** 16

/** The automaton of one character; null unless each ends where it can't go on, so that they can be counted as they come. */
const characterTable = (part: Regex) => {
  const dfa = dfaOf(part)
  const ends = new Set<number>()
  const next = new Map<number, Int32Array>()
  const found = new Set([dfa.start])
  for (const state of found) {
    if (found.size > MAX_STATES) return null
    const row = Int32Array.from({ length: 256 }, (_, byte) => dfa.step(state, byte))
    if (dfa.mayEnd(state)) {
      if (state === dfa.start || row.some((target) => target !== DEAD)) return null
      ends.add(state)
    }
    for (const target of row) if (target !== DEAD) found.add(target)
    next.set(state, row)
  }
  const size = Math.max(...found) + 1
  const table = new Int32Array(size * 256).fill(DEAD)
  for (const [state, row] of next) table.set(row, state * 256)
  return { bytes: dfa.bytes, start: dfa.start, size, table, isEnd: (state: number) => ends.has(state) }
}

type CharacterTable = NonNullable<ReturnType<typeof characterTable>>

interface Sorted {
  /** Tokens by the characters that they need, fewest first, and how many need at most so many. */
  readonly order: Int32Array
  readonly upTo: ReadonlyArray<number>
  readonly all: Int32Array
  readonly closing: ReadonlyArray<Closing & { readonly count: number }>
}

/** Tokens from a place inside of a character, or between two. */
const sortTokens = ({ bytes, isEnd, size, start, table }: CharacterTable, tokens: Tokens, place: number): Sorted => {
  const byNeed: Array<Array<number>> = []
  const closing: Array<Closing & { readonly count: number }> = []
  const all = maskFor(tokens)
  walkTokens(tokens, bytes, {
    start: place,
    step: (state, byte) => {
      const at = state % size
      const next = table[at * 256 + byte] ?? DEAD
      if (next === DEAD) return DEAD
      return isEnd(next) ? state - at + size + start : state - at + next
    },
    take: (token, state) => {
      const at = state % size
      const need = (state - at) / size + (at === start ? 0 : 1)
      while (byNeed.length <= need) byNeed.push([])
      byNeed[need]?.push(token)
      setBit(all, token)
    },
    quote: (quote, state) => {
      if (state % size === start) closing.push({ ...quote, count: Math.floor(state / size) })
    }
  })
  let sum = 0
  const upTo = byNeed.map(({ length }) => {
    sum += length
    return sum
  })
  return { order: Int32Array.from(byNeed.flat()), upTo, all, closing }
}

/** Those that need at most so many characters, by what is less work. */
const withIn = ({ all, order, upTo }: Sorted, left: number): Int32Array => {
  const count = upTo[left] ?? order.length
  if (count === order.length) return all
  if (count * 2 < order.length) {
    const mask = new Int32Array(all.length)
    for (let i = 0; i < count; i++) setBit(mask, order[i] ?? 0)
    return mask
  }
  const mask = all.slice()
  for (let i = count; i < order.length; i++) clearBit(mask, order[i] ?? 0)
  return mask
}

const sortedByTokens = new WeakMap<Tokens, Map<string, Sorted>>()

/** Null where the characters can't be counted as they come. */
export const countedLanguage = ({ max, min, part }: Repeat, tokens: Tokens): Language | null => {
  const character = characterTable(part)
  if (character === null) return null
  const { isEnd, size, start, table } = character
  const key = JSON.stringify(part)
  const known = sortedByTokens.get(tokens) ?? new Map<string, Sorted>()
  sortedByTokens.set(tokens, known)
  const sorted = (place: number): Sorted => {
    const name = `${place} ${key}`
    const found = known.get(name) ?? sortTokens(character, tokens, place)
    known.set(name, found)
    return found
  }
  /** Beyond the least number nothing is counted where there is no largest. */
  const last = max ?? min
  const countOf = (state: number) => Math.floor(state / size)
  /** By the characters that are missing, those that are left, and the place inside of a character. */
  const choices = keeping(tokens, (key): Choices => {
    const place = sorted(key % size)
    const left = Math.floor(key / size) % LONGEST
    const missing = Math.floor(key / size / LONGEST)
    const closing = place.closing.filter(({ count }) => count <= left && count >= missing)
    return { inside: withIn(place, left), closing }
  })
  return {
    start,
    step: (state, byte) => {
      const at = state % size
      const count = countOf(state)
      if (at === start && max !== null && count >= max) return DEAD
      const next = table[at * 256 + byte] ?? DEAD
      if (next === DEAD) return DEAD
      return isEnd(next) ? Math.min(count + 1, last) * size + start : count * size + next
    },
    mayEnd: (state) => state % size === start && countOf(state) >= min,
    choices: (state) => {
      const count = countOf(state)
      const place = sorted(state % size)
      // More than any token needs is the same for all tokens.
      const left = Math.min(max === null ? Number.POSITIVE_INFINITY : max - count, place.upTo.length)
      return choices((Math.max(0, min - count) * LONGEST + left) * size + (state % size))
    }
  }
}
