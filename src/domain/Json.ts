/** JSON as the programs that write checkpoints read it, with bounds on nesting and on the number of values. Pure. */
import { Either } from "effect"

/** Deepest nesting of arrays and objects that a file may have. Real ones stay below 10. */
export const MAX_JSON_DEPTH = 512

/**
 * Stands for `NaN` while JSON.parse, which doesn't know it, runs. A file that holds this very text as a string reads as NaN
 * there, and whoever decodes the field refuses it.
 */
const NAN_MARK = "\u0000NaN\u0000"

const QUOTE = 34
const COMMA = 44
const COLON = 58
const I = 73
const N = 78
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/** What a text may hold. Both are checked before anything is built from it. */
export interface JsonLimits {
  /** Deepest nesting of arrays and objects. */
  readonly maxDepth: number
  /**
   * Most values, roughly: keys count once more. A value can take thirty times the memory of its text, so a limit on bytes
   * alone protects nobody. Without it only the text's length bounds them.
   */
  readonly maxValues?: number
}

type Scanned = { readonly problem: string } | { readonly problem: null; readonly json: string; readonly nan: boolean }

/** Text with Python's literals replaced, unless it exceeds a limit; strings are skipped. One pass, no recursion. */
const scan = (text: string, { maxDepth, maxValues = Number.POSITIVE_INFINITY }: JsonLimits): Scanned => {
  const parts: Array<string> = []
  let copied = 0
  let depth = 0
  let values = 1
  let inString = false
  let nan = false
  const replace = (at: number, length: number, by: string) => {
    parts.push(text.slice(copied, at), by)
    copied = at + length
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === BACKSLASH) i++
      else if (code === QUOTE) inString = false
      continue
    }
    if (code === QUOTE) inString = true
    else if (code === COMMA || code === COLON) values++
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      depth++
      values++
      if (depth > maxDepth) return { problem: `nested deeper than ${maxDepth} levels` }
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth--
    else if (code === N && text.startsWith("NaN", i)) {
      replace(i, 3, JSON.stringify(NAN_MARK))
      values++ // text without commas can repeat them too
      nan = true
      i += 2
    } else if (code === I && text.startsWith("Infinity", i)) {
      replace(i, 8, "1e999") // JSON.parse reads it as Infinity
      values++
      i += 7
    }
    if (values > maxValues) return { problem: `made of more than ${maxValues} values` }
  }
  parts.push(text.slice(copied))
  return { problem: null, json: parts.join(""), nan }
}

/** Above this length counting the brackets costs more than it saves. */
const SHORT = 65_536

/** True for a text so short and flat that no limit can be reached: most files of checkpoints. */
const isHarmless = (text: string, { maxDepth, maxValues = Number.POSITIVE_INFINITY }: JsonLimits): boolean =>
  text.length <= Math.min(SHORT, maxValues) && text.split(/[[{]/, maxDepth + 2).length <= maxDepth + 1

/** JSON without Python's literals; none when it isn't that. */
const plainJson = (text: string): Either.Either<unknown, null> =>
  Either.try({ try: (): unknown => JSON.parse(text), catch: () => null })

/**
 * Parses JSON, and `NaN`, `Infinity` and `-Infinity` as Python's `json` does. Left: why it can't be read, one clause.
 * The limits are checked before anything is built, so a hostile text costs one pass over it.
 */
export const parseJson = (text: string, limits: JsonLimits): Either.Either<unknown, string> => {
  const plain = isHarmless(text, limits) ? plainJson(text) : Either.left(null)
  if (Either.isRight(plain)) return Either.right(plain.right)
  const scanned = scan(text, limits)
  if (scanned.problem !== null) return Either.left(scanned.problem)
  const { json, nan } = scanned
  return Either.try({
    try: (): unknown =>
      nan ? JSON.parse(json, (_, value) => (value === NAN_MARK ? Number.NaN : value)) : JSON.parse(json),
    catch: () => "not valid JSON"
  })
}
