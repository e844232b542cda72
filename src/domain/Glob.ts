/**
 * Shell wildcards against one text: `*`, `?`, `[a-z]`, `[!a-z]`. Own code, because the libraries make one regular expression of a
 * pattern, which takes exponential time for patterns or names that are made to; this takes the product of both lengths. Pure.
 */

export interface Syntax {
  /** Characters that, first in a class, turn it round. */
  readonly negations: string
  /** A backslash takes the meaning of the next character away. */
  readonly escapes: boolean
  /** What a `[` is that nothing closes, as an expression. */
  readonly unclosed: string
}

/** The expression that nothing matches. */
export const NOTHING = "(?!)"

const literal = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** `a-c` is a range, one that runs backwards is empty, any other `-` is itself. */
const members = (characters: ReadonlyArray<string>): string => {
  const parts: Array<string> = []
  for (let at = 0; at < characters.length; at++) {
    const [low = "", dash, high] = characters.slice(at, at + 3)
    if (dash !== "-" || high === undefined) parts.push(literal(low))
    else {
      if ((low.codePointAt(0) ?? 0) <= (high.codePointAt(0) ?? 0)) parts.push(`${literal(low)}-${literal(high)}`)
      at += 2
    }
  }
  return parts.join("")
}

/** The class that begins at `[`, and where it ends; null when it isn't closed. */
const classAt = (pattern: ReadonlyArray<string>, start: number, { escapes, negations }: Syntax) => {
  const negated = negations.includes(pattern[start + 1] ?? " ")
  const first = start + (negated ? 2 : 1)
  const inside: Array<string> = []
  for (let at = first; at < pattern.length; at++) {
    const character = pattern[at] ?? ""
    if (character === "]" && at > first) {
      const list = members(inside)
      const none = negated ? "." : NOTHING
      return { source: list === "" ? none : `[${negated ? "^" : ""}${list}]`, end: at }
    }
    if (character === "\\" && escapes && at + 1 < pattern.length) at++
    inside.push(pattern[at] ?? "")
  }
  return null
}

/** What stands between the stars, as expressions of a fixed length. */
const piecesOf = (text: string, syntax: Syntax): ReadonlyArray<string> => {
  const pattern = [...text]
  const pieces = [""]
  const add = (source: string) => pieces.push((pieces.pop() ?? "") + source)
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? ""
    const found = character === "[" ? classAt(pattern, at, syntax) : null
    if (found !== null) {
      add(found.source)
      at = found.end
    } else if (character === "*") pieces.push("")
    else if (character === "?") add(".")
    else if (character === "[") add(syntax.unclosed)
    else {
      if (character === "\\" && syntax.escapes && at + 1 < pattern.length) at++
      add(literal(pattern[at] ?? ""))
    }
  }
  return pieces
}

/** As long as one for a name of 4,000 letters. A pattern that needs a longer one is nobody's, and means nothing. */
const LONGEST_EXPRESSION = 32 * 1024

/** True for the whole texts that a pattern means. Each piece is taken where it comes first: no later place could serve better. */
export const glob = (pattern: string, syntax: Syntax): ((text: string) => boolean) => {
  const pieces = piecesOf(pattern, syntax)
  if (pieces.some(({ length }) => length > LONGEST_EXPRESSION)) return () => false
  const [first = "", ...rest] = pieces
  const last = rest.pop()
  if (last === undefined) {
    const whole = new RegExp(`^${first}$`, "su")
    return (text) => whole.test(text)
  }
  const expressions = [
    new RegExp(first, "suy"),
    ...rest.filter((piece) => piece !== "").map((piece) => new RegExp(piece, "sug")),
    new RegExp(`${last}$`, "sug")
  ]
  return (text) => {
    let at = 0
    return expressions.every((expression) => {
      expression.lastIndex = at
      const found = expression.test(text)
      at = expression.lastIndex
      return found
    })
  }
}
