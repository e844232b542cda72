/** Text from outside on one line of a terminal or a log. Pure. */

/** Control characters (C0, DEL, C1), line separators and the marks that change the direction of text. */
const HOSTILE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const hex = (character: string, digits: number): string =>
  (character.codePointAt(0) ?? 0).toString(16).padStart(digits, "0")

/**
 * Text from outside (names, reasons, file contents) on one line: what could move a terminal's cursor, colour it, reorder its
 * text or begin another line is shown as an escape. Names come from whoever made the repository.
 */
export const visible = (text: string): string =>
  text.replace(HOSTILE, (character) => (character < "\u0100" ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`))

/** JSON on one line that reads back the same: the hostile characters that `JSON.stringify` leaves in become escapes. */
export const jsonLine = (value: unknown): string =>
  JSON.stringify(value).replace(HOSTILE, (character) => `\\u${hex(character, 4)}`)
