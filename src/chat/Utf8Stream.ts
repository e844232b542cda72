/**
 * UTF-8 that arrives in pieces. A complete character comes out at once, and a replacement character as soon as its bytes
 * can't become a real one. Own code because TextDecoder knows only one rule for bad bytes and is too slow per token. Pure.
 */

/** What stands for bad bytes: one replacement character for each byte, or for each maximal subpart, as TextDecoder does. */
export type BadBytes = "each" | "subpart"

export interface Utf8Stream {
  readonly push: (bytes: Uint8Array) => string
  /** Ends the text: bytes of an unfinished character are bad. */
  readonly finish: () => string
  /** Whether an unfinished character is held. */
  readonly holds: () => boolean
}

export const REPLACEMENT = "\ufffd"

/** The length of the character that a byte begins, and the bounds of its second byte; null where none begins. */
const lead = (byte: number): readonly [length: number, low: number, high: number] | null => {
  if (byte < 0x80) return [1, 0, 0]
  if (byte < 0xc2 || byte > 0xf4) return null
  if (byte < 0xe0) return [2, 0x80, 0xbf]
  if (byte < 0xf0) return [3, byte === 0xe0 ? 0xa0 : 0x80, byte === 0xed ? 0x9f : 0xbf]
  return [4, byte === 0xf0 ? 0x90 : 0x80, byte === 0xf4 ? 0x8f : 0xbf]
}

/** The bits of a first byte that belong to the character, by its length. */
const LEAD_BITS = [0, 0x7f, 0x1f, 0x0f, 0x07]

export const utf8Stream = (bad: BadBytes): Utf8Stream => {
  let code = 0
  let have = 0 // bytes of the unfinished character
  let need = 0 // bytes it has when it is complete
  let low = 0x80
  let high = 0xbf
  const drop = (): string => {
    const count = bad === "each" ? have : Math.min(have, 1)
    have = 0
    return REPLACEMENT.repeat(count)
  }
  const begin = (byte: number): string => {
    const first = lead(byte)
    if (first === null) return REPLACEMENT
    if (first[0] === 1) return String.fromCharCode(byte)
    need = first[0]
    low = first[1]
    high = first[2]
    code = byte & (LEAD_BITS[need] ?? 0)
    have = 1
    return ""
  }
  const next = (byte: number): string => {
    if (have === 0) return begin(byte)
    if (byte < low || byte > high) return drop() + begin(byte)
    low = 0x80
    high = 0xbf
    code = (code << 6) | (byte & 0x3f)
    have++
    if (have < need) return ""
    have = 0
    return String.fromCodePoint(code)
  }
  return {
    push: (bytes) => {
      let text = ""
      for (const byte of bytes) text += next(byte)
      return text
    },
    finish: drop,
    holds: () => have > 0
  }
}
