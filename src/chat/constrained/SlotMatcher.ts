/** A grammar with slots, matched token by token: xgrammar reads what is around them, automata what is inside. */
import { DEAD } from "./Dfa.js"
import { hasBit, type Language, setBit } from "./Language.js"
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

export const makeSlotMatcher = (
  structure: Structure,
  languages: ReadonlyArray<() => Language>,
  tokens: Tokens
): SlotMatcher => {
  const words = Math.ceil(tokens.count / 32)
  let open: ReadonlyArray<Open> = []
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
    const mask = new Int32Array(words)
    for (const { language, slot, state } of open) {
      const { closing, inside } = language.choices(state)
      for (let i = 0; i < words; i++) mask[i] = (mask[i] ?? 0) | (inside[i] ?? 0)
      const next = closing.length > 0 || language.mayEnd(state) ? await maskBehind(slot) : null
      if (next === null) continue
      for (const { rest, token } of closing) if (hasBit(next, rest)) setBit(mask, token)
      // Tokens without a text end a whole answer.
      if (language.mayEnd(state)) for (const token of tokens.silent) if (hasBit(next, token)) setBit(mask, token)
    }
    return mask
  }
  const leave = (ended: ReadonlyArray<Open>, rest: number | null): boolean => {
    const slots = ended.filter(({ language, state }) => language.mayEnd(state)).map(({ slot }) => slot)
    if (rest === null || slots.length === 0) return false
    open = []
    return structure.acceptText(slotText(slots)) && structure.accept(rest)
  }
  return {
    mask: async () => {
      if (open.length > 0) return insideMask()
      if (structure.hasEnded()) return null
      const mask = await structure.mask()
      behind = new Map()
      open = languages.flatMap((language, slot) => {
        if (!hasBit(mask, tokens.count + slot)) return []
        const made = language()
        return [{ slot, language: made, state: made.start }]
      })
      return open.length > 0 ? insideMask() : trimmed(mask)
    },
    accept: (token) => {
      if (open.length === 0) return structure.accept(token)
      const bytes = tokens.bytesOf(token)
      if (bytes.length === 0) return leave(open, token)
      let inside = open
      for (const [depth, byte] of bytes.entries()) {
        const next = inside.flatMap((one) => {
          const state = one.language.step(one.state, byte)
          return state === DEAD ? [] : [{ ...one, state }]
        })
        if (next.length === 0) return leave(inside, tokens.rest(token, depth))
        inside = next
      }
      open = inside
      return true
    }
  }
}
