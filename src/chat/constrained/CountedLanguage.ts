/**
 * Texts of so many characters. Each is an automaton that is run again and again with a count beside it, not a state for each number:
 * the tokens are sorted once by how many characters they add, for all counts.
 */
import { DEAD, dfaOf } from "./Dfa.js"
import { type Choices, type Closing, clearBit, type Language, maskFor, setBit } from "./Language.js"
import type { Regex } from "./Regex.js"
import { stateAfter, type Tokens } from "./TokenWalk.js"

type Repeat = Extract<Regex, { readonly _tag: "Repeat" }>

const MAX_STATES = 256

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
  return { start: dfa.start, size, table, isEnd: (state: number) => ends.has(state) }
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
const sortTokens = ({ isEnd, size, start, table }: CharacterTable, tokens: Tokens, place: number): Sorted => {
  const taken: Array<{ readonly token: number; readonly need: number }> = []
  const step = (state: number, byte: number): number => {
    const at = state % size
    const next = table[at * 256 + byte] ?? DEAD
    if (next === DEAD) return DEAD
    return isEnd(next) ? state - at + size + start : state - at + next
  }
  tokens.walk({
    start: place,
    step,
    take: (token, state) => {
      const at = state % size
      taken.push({ token, need: (state - at) / size + (at === start ? 0 : 1) })
    }
  })
  const closing = tokens.quotes.flatMap((quote) => {
    const state = stateAfter({ start: place, step }, tokens.bytesOf(quote.token), quote.depth)
    return state !== DEAD && state % size === start ? [{ ...quote, count: Math.floor(state / size) }] : []
  })
  taken.sort((a, b) => a.need - b.need)
  const most = taken.at(-1)?.need ?? 0
  const upTo = new Array<number>(most + 1).fill(0)
  for (const { need } of taken) upTo[need] = (upTo[need] ?? 0) + 1
  for (let need = 1; need <= most; need++) upTo[need] = (upTo[need] ?? 0) + (upTo[need - 1] ?? 0)
  const all = maskFor(tokens)
  for (const { token } of taken) setBit(all, token)
  return { order: Int32Array.from(taken, ({ token }) => token), upTo, all, closing }
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
    choices: (state): Choices => {
      const place = sorted(state % size)
      const count = countOf(state)
      const left = max === null ? Number.POSITIVE_INFINITY : max - count
      const closing =
        count >= min && left >= place.upTo.length
          ? place.closing
          : place.closing.filter((one) => one.count <= left && count + one.count >= min)
      return { inside: withIn(place, left), closing }
    }
  }
}
