/** A grammar with slots, matched token by token: xgrammar reads what is around them, automata what is inside. */

import { hasBit, type Language, setBit } from "./Choices.js"
import { DEAD } from "./Dfa.js"
import { slotText } from "./Slots.js"
import type { Tokens } from "./TokenWalk.js"

/** The grammar around the slots, over the tokens and, behind them, one for each slot that may come next. */
export interface Structure {
  readonly mask: () => Promise<Int32Array>
  readonly accept: (token: number) => boolean
  readonly acceptText: (text: string) => boolean
  /** Takes the last accepted token or text back. */
  readonly undo: () => void
  readonly hasEnded: () => boolean
}

export interface SlotMatcher {
  /** Tokens that may be next, in an array of the caller's own; null at the end. */
  readonly mask: () => Promise<Int32Array<ArrayBuffer> | null>
  /** False for a token that may not be next. */
  readonly accept: (token: number) => boolean
}

/** A slot that the text may be in. */
interface Open {
  readonly slot: number
  readonly language: Language
  readonly state: number
}

const add = (mask: Int32Array, more: Int32Array): void => {
  for (let i = 0; i < mask.length; i++) mask[i] = (mask[i] ?? 0) | (more[i] ?? 0)
}

export const makeSlotMatcher = (
  structure: Structure,
  languages: ReadonlyArray<() => Language>,
  tokens: Tokens
): SlotMatcher => {
  const words = Math.ceil(tokens.count / 32)
  let open: ReadonlyArray<Open> = []
  /** What may be next beside the slots before their first byte, as a value may be a string instead of a number. */
  let around: Int32Array<ArrayBuffer> | null = null
  /** By slot, what may be next behind it: the same for as long as the text is inside. */
  let behind = new Map<number, Int32Array<ArrayBuffer>>()

  const trimmed = (mask: Int32Array): Int32Array<ArrayBuffer> => {
    const own = mask.slice(0, words)
    const last = own[words - 1]
    if (tokens.count % 32 !== 0 && last !== undefined) own[words - 1] = last & (2 ** (tokens.count % 32) - 1)
    return own
  }
  const maskBehind = async (slot: number): Promise<Int32Array<ArrayBuffer>> => {
    const known = behind.get(slot)
    if (known !== undefined) return known
    if (!structure.acceptText(slotText([slot]))) throw new Error("a slot has no end")
    const mask = trimmed(await structure.mask())
    structure.undo()
    behind.set(slot, mask)
    return mask
  }
  const insideMask = async (): Promise<Int32Array<ArrayBuffer>> => {
    const mask = around?.slice() ?? new Int32Array(words)
    for (const { language, slot, state } of open) {
      const { closing, inside } = language.choices(state)
      add(mask, inside)
      const canEnd = language.mayEnd(state)
      if (!canEnd && closing.length === 0) continue
      const next = await maskBehind(slot)
      if (canEnd) add(mask, next)
      for (const { rest, token } of closing) if (hasBit(next, rest)) setBit(mask, token)
    }
    return mask
  }
  const leave = (ended: ReadonlyArray<Open>, rest: number | null): boolean => {
    const slots = ended.filter(({ language, state }) => language.mayEnd(state)).map(({ slot }) => slot)
    if (rest === null || slots.length === 0) return false
    open = []
    return structure.acceptText(slotText(slots)) && structure.accept(rest)
  }
  /** A token that begins with none of what may be in the slots: before their first byte it may also be beside them. */
  const pass = (token: number): boolean => {
    if (around === null || !structure.accept(token)) return leave(open, token)
    open = []
    return true
  }
  return {
    mask: async () => {
      if (open.length > 0) return insideMask()
      if (structure.hasEnded()) return null
      const mask = await structure.mask()
      around = trimmed(mask)
      behind = new Map()
      open = languages.flatMap((language, slot) => {
        if (!hasBit(mask, tokens.count + slot)) return []
        const made = language()
        return [{ slot, language: made, state: made.start }]
      })
      return insideMask()
    },
    accept: (token) => {
      if (open.length === 0) return structure.accept(token)
      let inside = open
      for (const [depth, byte] of tokens.bytesOf(token).entries()) {
        const next = inside.flatMap((one) => {
          const state = one.language.step(one.state, byte)
          return state === DEAD ? [] : [{ ...one, state }]
        })
        if (next.length === 0) return depth === 0 ? pass(token) : leave(inside, tokens.rest(token, depth))
        inside = next
      }
      if (inside === open) return pass(token)
      open = inside
      around = null
      return true
    }
  }
}
