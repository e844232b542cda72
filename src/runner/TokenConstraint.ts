/** Which tokens a constrained answer may have next. Reasoning before it is free, but can't end it. */
import { Effect } from "effect"
import type { ConstraintUnsupported } from "../domain/Errors.js"
import type { GrammarMatcher } from "./Grammars.js"

export interface TokenConstraint {
  /** Bit `id % 32` of word `id / 32` is set where the token may be next. Null when the answer is at its end. */
  readonly mask: Effect.Effect<Int32Array | null, ConstraintUnsupported>
  /** Is told each token before it is read. */
  readonly accept: (token: number) => void
}

export interface FreeText {
  /** Whether the next token is reasoning. */
  readonly inReasoning: () => boolean
  /** The token with which an answer may begin its reasoning; null where it begins none. */
  readonly openId: number | null
  readonly endIds: ReadonlySet<number>
  readonly vocabSize: number
}

const set = (mask: Int32Array, id: number): void => {
  mask[id >> 5] = (mask[id >> 5] ?? 0) | (1 << (id & 31))
}
const clear = (mask: Int32Array, id: number): void => {
  mask[id >> 5] = (mask[id >> 5] ?? 0) & ~(1 << (id & 31))
}

const allBut = (ids: ReadonlySet<number>, vocabSize: number): Int32Array => {
  const mask = new Int32Array(Math.ceil(vocabSize / 32)).fill(-1)
  for (const id of ids) clear(mask, id)
  return mask
}

const opened = (mask: Int32Array, openId: number): Int32Array => {
  const words = new Int32Array(Math.max(mask.length, (openId >> 5) + 1))
  words.set(mask)
  set(words, openId)
  return words
}

export const constrainTokens = (
  { accept, mask }: GrammarMatcher,
  { endIds, inReasoning, openId, vocabSize }: FreeText
): TokenConstraint => {
  const free = allBut(endIds, vocabSize)
  let begun = false
  return {
    mask: Effect.suspend(() => {
      if (inReasoning()) return Effect.succeed(free)
      return Effect.map(mask, (words) => {
        // Without an end token in the vocabulary nothing may follow a complete text.
        if (words === null || words.every((word) => word === 0)) return null
        return begun || openId === null ? words : opened(words, openId)
      })
    }),
    accept: (token) => {
      if (!inReasoning() && (begun || token !== openId)) accept(token)
      begun = true
    }
  }
}
