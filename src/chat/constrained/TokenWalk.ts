/** A vocabulary through an automaton: each beginning that several tokens share is read once. Pure. */
import { byteLevelBytes } from "../ByteLevel.js"
import { DEAD } from "./Dfa.js"

/** Where a token may end the content of a JSON string that it goes on with, and the token that its bytes from the quote on are. */
export interface Quote {
  readonly token: number
  readonly depth: number
  readonly rest: number
}

export interface Walk {
  readonly start: number
  readonly step: (state: number, byte: number) => number
  /** A token all of whose bytes lead somewhere. */
  readonly take: (token: number, state: number) => void
}

export interface Tokens {
  readonly count: number
  readonly bytesOf: (token: number) => Uint8Array
  readonly quotes: ReadonlyArray<Quote>
  /** The token of these bytes from a place on; null where there is none. */
  readonly rest: (token: number, depth: number) => number | null
  readonly walk: (walk: Walk) => void
}

const NONE = new Uint8Array()

/** Each token as it is in the byte-level alphabet, which leaves a quote as it is; empty ones are in no text. */
export const makeTokens = (texts: ReadonlyArray<string>): Tokens => {
  const ids = new Map(texts.map((text, token) => [text, token]))
  const order = Int32Array.from(texts.keys())
    .filter((token) => texts[token] !== "")
    .sort((a, b) => ((texts[a] ?? "") < (texts[b] ?? "") ? -1 : 1))
  const bytes = texts.map(byteLevelBytes)
  const bytesOf = (token: number): Uint8Array => bytes[token] ?? NONE
  /** How many first bytes a token has in common with the one before it. */
  const common = order.map((token, i) => {
    const [here, before] = [bytesOf(token), i === 0 ? NONE : bytesOf(order[i - 1] ?? 0)]
    let same = 0
    while (same < here.length && same < before.length && here[same] === before[same]) same++
    return same
  })
  const longest = bytes.reduce((length, one) => Math.max(length, one.length), 0)
  const rest = (token: number, depth: number): number | null => ids.get((texts[token] ?? "").slice(depth)) ?? null
  const quotes = texts.flatMap((text, token) =>
    Array.from(text.matchAll(/"/g)).flatMap(({ index }): ReadonlyArray<Quote> => {
      const known = rest(token, index)
      return known === null || index === 0 ? [] : [{ token, depth: index, rest: known }]
    })
  )

  const walk = ({ start, step, take }: Walk): void => {
    const states = new Int32Array(longest + 1)
    states[0] = start
    /** As many bytes as these of the last token that was read lead nowhere. */
    let dead = longest + 1
    for (let i = 0; i < order.length; i++) {
      let depth = common[i] ?? 0
      if (depth >= dead) continue
      const token = order[i] ?? 0
      const all = bytesOf(token)
      dead = longest + 1
      let state = states[depth] ?? 0
      while (depth < all.length) {
        state = step(state, all[depth] ?? 0)
        depth++
        if (state === DEAD) break
        states[depth] = state
      }
      if (state === DEAD) dead = depth
      else take(token, state)
    }
  }
  return { count: texts.length, bytesOf, quotes, rest, walk }
}

/** The state after the first bytes of a token. */
export const stateAfter = ({ start, step }: Pick<Walk, "start" | "step">, bytes: Uint8Array, depth: number): number => {
  let state = start
  for (let i = 0; i < depth && state !== DEAD; i++) state = step(state, bytes[i] ?? 0)
  return state
}
