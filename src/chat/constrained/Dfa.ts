/** A deterministic automaton whose states are made when they are first reached. */
import { type Nfa, nfaOf } from "./Nfa.js"
import type { Regex } from "./Regex.js"

/** Where no text of the language goes on. */
export const DEAD = -1
const UNKNOWN = -2

/** An end to languages whose deterministic states are too many, or of too many states of the NFA together. */
const MAX_STATES = 2 ** 15
const MAX_SIZE = 2 ** 21

export interface ByteClasses {
  /** The class of each byte: those that no edge tells apart are one. */
  readonly classOf: Uint8Array
  readonly count: number
  /** A byte of each class. */
  readonly byteOf: ReadonlyArray<number>
  /** By class, 0 where its bytes are in no text. */
  readonly live: Uint8Array
}

export interface Dfa {
  readonly start: number
  /** The state after a byte, or DEAD. */
  readonly step: (state: number, byte: number) => number
  /** Whether a text may end here. */
  readonly mayEnd: (state: number) => boolean
}

export interface ClassDfa extends Dfa {
  readonly bytes: ByteClasses
}

const byteClasses = ({ edges }: Nfa): ByteClasses => {
  const begins = new Uint8Array(257)
  const all = edges.flat()
  for (const { from, to } of all) {
    begins[from] = 1
    begins[to + 1] = 1
  }
  let last = 0
  const classOf = Uint8Array.from({ length: 256 }, (_, byte) => {
    if (byte > 0 && begins[byte] === 1) last++
    return last
  })
  const live = new Uint8Array(last + 1)
  for (const { from, to } of all) live.fill(1, classOf[from] ?? 0, (classOf[to] ?? 0) + 1)
  const byteOf = Array.from(live, (_, column) => classOf.indexOf(column))
  return { classOf, count: last + 1, byteOf, live }
}

export const dfaOf = (regex: Regex): ClassDfa => {
  const nfa = nfaOf(regex)
  const bytes = byteClasses(nfa)
  const known = new Map<string, number>()
  const members: Array<ReadonlyArray<number>> = []
  const rows: Array<Int32Array> = []
  const ends: Array<boolean> = []
  let size = 0

  /** All that is reached without a byte, of which only states with edges and the end tell anything. */
  const closure = (states: ReadonlyArray<number>): ReadonlyArray<number> => {
    const seen = new Set(states)
    for (const state of seen) for (const next of nfa.jumps[state] ?? []) seen.add(next)
    return [...seen].filter((state) => state === nfa.end || nfa.edges[state]?.length !== 0).sort((a, b) => a - b)
  }
  const stateOf = (states: ReadonlyArray<number>): number => {
    if (states.length === 0) return DEAD
    const all = closure(states)
    const key = all.join()
    const found = known.get(key)
    if (found !== undefined) return found
    size += all.length
    if (size > MAX_SIZE || members.length >= MAX_STATES) throw new Error("a pattern has too many states")
    known.set(key, members.length)
    ends.push(all.includes(nfa.end))
    rows.push(new Int32Array(bytes.count).fill(UNKNOWN))
    return members.push(all) - 1
  }
  const reached = (state: number, byte: number): number =>
    stateOf(
      (members[state] ?? []).flatMap((one) =>
        (nfa.edges[one] ?? []).filter(({ from, to }) => from <= byte && byte <= to).map(({ target }) => target)
      )
    )
  return {
    start: stateOf([nfa.start]),
    bytes,
    step: (state, byte) => {
      const row = rows[state]
      if (row === undefined) return DEAD
      const column = bytes.classOf[byte] ?? 0
      const next = row[column] ?? DEAD
      if (next !== UNKNOWN) return next
      const made = reached(state, byte)
      row[column] = made
      return made
    },
    mayEnd: (state) => ends[state] === true
  }
}
