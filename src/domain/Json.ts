/** JSON as the programs that write checkpoints read it, with a bound on nesting. Pure. */
import { Either } from "effect"

/** Deepest nesting of arrays and objects that a file may have. Real ones stay below 10. */
export const MAX_JSON_DEPTH = 512

/**
 * Stands for `NaN` while JSON.parse, which doesn't know it, runs. A file that holds this very text as a string reads as NaN
 * there, and whoever decodes the field refuses it.
 */
const NAN_MARK = "\u0000NaN\u0000"

const QUOTE = 34
const BACKSLASH = 92

/** Text with Python's literals replaced, and its depth; strings are skipped. One pass, no recursion. */
const scan = (
  text: string,
  maxDepth: number
): { readonly tooDeep: boolean; readonly json: string; readonly nan: boolean } => {
  const parts: Array<string> = []
  let copied = 0
  let depth = 0
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
    const char = text[i]
    if (code === QUOTE) inString = true
    else if (char === "[" || char === "{") {
      depth++
      if (depth > maxDepth) return { tooDeep: true, json: "", nan }
    } else if (char === "]" || char === "}") depth--
    else if (char === "N" && text.startsWith("NaN", i)) {
      replace(i, 3, JSON.stringify(NAN_MARK))
      nan = true
      i += 2
    } else if (char === "I" && text.startsWith("Infinity", i)) {
      replace(i, 8, "1e999") // JSON.parse reads it as Infinity
      i += 7
    }
  }
  parts.push(text.slice(copied))
  return { tooDeep: false, json: parts.join(""), nan }
}

/**
 * Parses JSON, and `NaN`, `Infinity` and `-Infinity` as Python's `json` does. Left: why it can't be read, one clause.
 * The depth is checked before anything is built, so hostile nesting costs one pass over the text.
 */
export const parseJson = (text: string, limits: { readonly maxDepth: number }): Either.Either<unknown, string> => {
  const { json, nan, tooDeep } = scan(text, limits.maxDepth)
  if (tooDeep) return Either.left(`nested deeper than ${limits.maxDepth} levels`)
  return Either.try({
    try: (): unknown =>
      nan ? JSON.parse(json, (_, value) => (value === NAN_MARK ? Number.NaN : value)) : JSON.parse(json),
    catch: () => "not valid JSON"
  })
}
