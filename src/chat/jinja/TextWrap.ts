/** Python's `textwrap.wrap` of one line, with tabs and white space as they are. */
import { SPACE } from "./Space.js"
import { joined, lengthOf, raw, type Str, sliced, slicedChars } from "./Text.js"

export interface WrapOptions {
  readonly width: number
  readonly breakLong: boolean
  readonly breakOnHyphens: boolean
  /** Called for each character that is looked at once more. */
  readonly spendChars: (count: number) => void
}

const LETTER = "[^\\d\\W]"
const WHITESPACE = "[\\t\\n\\x0b\\x0c\\r ]"
const WORD_PUNCT = `[\\w!"'&.,?]`
/** White space, dashes between words, and words that may break after a hyphen. */
const CHUNKS = new RegExp(
  `${WHITESPACE}+` +
    `|(?<=${WORD_PUNCT})-{2,}(?=\\w)` +
    `|[^\\t\\n\\x0b\\x0c\\r ](?:[^\\t\\n\\x0b\\x0c\\r ])*?(?:-(?:(?<=${LETTER}{2}-)|(?<=${LETTER}-${LETTER}-))(?=${LETTER}-?${LETTER})|(?=${WHITESPACE}|$)|(?<=${WORD_PUNCT})(?=-{2,}\\w))`,
  "g"
)
const SIMPLE = new RegExp(`${WHITESPACE}+|[^\\t\\n\\x0b\\x0c\\r ]+`, "g")

const chunksOf = (line: Str, onHyphens: boolean): Array<Str> =>
  Array.from(raw(line).matchAll(onHyphens ? CHUNKS : SIMPLE), ({ 0: chunk, index }) =>
    sliced(line, index, index + chunk.length)
  )

/** Also the empty part of a word for which no room is left: it goes instead of the space before it. */
const BLANK = new RegExp(`^[${SPACE}]*$`)
const isBlank = (chunk: Str | undefined): boolean => chunk !== undefined && BLANK.test(raw(chunk))

/** Where a word that is too long for `room` is cut. */
const cutOf = (word: Str, room: number, { breakOnHyphens }: WrapOptions): number => {
  if (!breakOnHyphens || lengthOf(raw(word)) <= room) return room
  const hyphen = Array.from(raw(word)).slice(0, room).lastIndexOf("-")
  return hyphen > 0 && /[^-]/.test(raw(word).slice(0, hyphen)) ? hyphen + 1 : room
}

export const wrapped = (text: Str, options: WrapOptions): ReadonlyArray<Str> => {
  const { breakLong, spendChars, width } = options
  const chunks = chunksOf(text, options.breakOnHyphens).reverse()
  const lines: Array<Str> = []
  while (chunks.length > 0) {
    const line: Array<Str> = []
    let used = 0
    if (lines.length > 0 && isBlank(chunks[chunks.length - 1])) chunks.pop()
    for (let next = chunks.at(-1); next !== undefined && used + lengthOf(raw(next)) <= width; next = chunks.at(-1)) {
      line.push(next)
      used += lengthOf(raw(next))
      chunks.pop()
    }
    const long = chunks.at(-1)
    if (long !== undefined && lengthOf(raw(long)) > width) {
      const room = width - used
      if (breakLong) {
        spendChars(raw(long).length)
        const cut = cutOf(long, room, options)
        line.push(slicedChars(long, 0, cut))
        chunks[chunks.length - 1] = slicedChars(long, cut, lengthOf(raw(long)))
      } else if (line.length === 0) {
        line.push(long)
        chunks.pop()
      }
    }
    if (isBlank(line.at(-1))) line.pop()
    if (line.length > 0) lines.push(joined(line))
  }
  return lines
}
