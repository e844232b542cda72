/**
 * How many columns of a terminal text takes. Which characters are wide says get-east-asian-width; string-width, which also knows joined
 * emoji, needs Intl.Segmenter, and making one takes longer than listing a cache. Joined emoji count one by one: never too few. Pure.
 */
import { eastAsianWidth } from "get-east-asian-width"

const PLAIN = /^[\x20-\x7e]*$/
/** Marks over the character before, and characters that nobody sees. */
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u
/** Asks for the coloured, wide form of the character before. */
const EMOJI_FORM = "\ufe0f"

const columnsOf = (character: string): number => {
  if (character === EMOJI_FORM) return 1
  return ZERO.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0)
}

/** Of one line without control characters. */
export const textColumns = (text: string): number =>
  PLAIN.test(text) ? text.length : [...text].reduce((sum, character) => sum + columnsOf(character), 0)

/** What of a text fits into `limit` columns. */
export const clipped = (text: string, limit: number): string => {
  let kept = ""
  let left = limit
  for (const character of text) {
    left -= columnsOf(character)
    if (left < 0) break
    kept += character
  }
  return kept
}

/** At most `limit` columns, the last three of them dots when something is missing. */
export const cutToColumns = (text: string, limit: number): string =>
  textColumns(text) <= limit ? text : `${clipped(text, limit - 3)}...`
