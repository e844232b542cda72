/** JSON as it may be written where a grammar decides: its white space, strings and literal values. Pure. */
import { type CodePoints, charactersOf, complement, difference, has, intersection, setOf } from "./CodePoints.js"
import {
  choice,
  type Expression,
  followedBy,
  literal,
  many,
  noneOf,
  oneOf,
  optional,
  type Rules,
  sequence
} from "./Grammar.js"

/** Spaces of an indented line: as much as deep JSON needs, and an end to what a model without sense writes. */
const MAX_INDENT = 32

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t"
}
const ESCAPED = charactersOf('"\\')
const CONTROLS: CodePoints = [[0, 0x1f]]
const PRINTED = complement(setOf([...CONTROLS, ...ESCAPED]))
const BEHIND_STRING = charactersOf(" \n,:]}")

export interface JsonText {
  /** A little of it, or none. */
  readonly space: Expression
  readonly string: Expression
  /** Any further characters of a string, and its quote; of a name without escapes. */
  readonly ending: Expression
  readonly nameEnding: Expression
  /** So many further characters of a string, and its quote; null for any number from `min` on. */
  readonly counted: (min: number, max: number | null) => Expression
  /** One character of a string, of those in the set that have a short form; null when none has. */
  readonly write: (set: CodePoints) => Expression | null
  /** One character of a string that is written as it is. */
  readonly bare: CodePoints
  readonly quoted: (content: Expression) => Expression
  /** Exactly this value, without white space. */
  readonly value: (value: unknown) => Expression
  readonly number: Expression
  readonly integer: Expression
  /** Any value, object or list. */
  readonly any: () => Expression
  readonly anyObject: () => Expression
  readonly anyArray: () => Expression
}

/**
 * `avoid`: characters that strings must not have as they are, as marks around the JSON begin with them; they are written as
 * escapes.
 */
export const makeJsonText = (rules: Rules, avoid: string): JsonText => {
  const { recursive, repeat, rule } = rules
  const avoided = charactersOf(avoid)
  const bare = difference(PRINTED, avoided)
  const hex = oneOf(
    setOf([
      [0x30, 0x39],
      [0x41, 0x46],
      [0x61, 0x66]
    ])
  )
  const digit = oneOf([[0x30, 0x39]])
  const digits = (min: number, max: number) => repeat(digit, min, max)

  // Not those of surrogates: half a character is none in the text of other programs.
  const unicode = choice([
    sequence(oneOf(charactersOf("0123456789abcefABCEF")), hex, hex, hex),
    sequence(oneOf(charactersOf("dD")), oneOf([[0x30, 0x37]]), hex, hex)
  ])
  const escape = rule(
    sequence(literal("\\"), choice([oneOf(charactersOf('"\\/bfnrt')), sequence(literal("u"), unicode)]))
  )
  const escapeOf = (text: string): string =>
    SHORT_ESCAPES[text] ?? `\\u${(text.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`
  const write = (set: CodePoints): Expression | null => {
    const plain = intersection(set, bare)
    const escapes = [...Object.keys(SHORT_ESCAPES), ...avoid].filter((text) => has(set, text.codePointAt(0) ?? 0))
    const all = [...(plain.length === 0 ? [] : [oneOf(plain)]), ...escapes.map((text) => literal(escapeOf(text)))]
    return all.length === 0 ? null : choice(all)
  }
  const quoted = (content: Expression): Expression =>
    sequence(literal('"'), rule(followedBy(sequence(content, literal('"')), BEHIND_STRING)))
  const value = (json: unknown): Expression =>
    literal(Array.from(JSON.stringify(json), (text) => (avoid.includes(text) ? escapeOf(text) : text)).join(""))

  const space = rule(
    optional(choice([literal(" "), sequence(literal("\n"), repeat(oneOf(charactersOf(" \t")), 0, MAX_INDENT))]))
  )
  const integer = rule(
    sequence(optional(literal("-")), choice([literal("0"), sequence(oneOf([[0x31, 0x39]]), digits(0, 14))]))
  )
  const number = rule(
    sequence(
      integer,
      optional(sequence(literal("."), digits(1, 16))),
      optional(sequence(oneOf(charactersOf("eE")), optional(oneOf(charactersOf("+-"))), digits(1, 2)))
    )
  )
  const printed = noneOf(setOf([...CONTROLS, ...ESCAPED, ...avoided]))
  const nameEnding: Expression = recursive("nameEnding", (self) =>
    followedBy(choice([literal('"'), sequence(printed, self)]), charactersOf(":"))
  )
  const ending: Expression = recursive("ending", (self) =>
    followedBy(choice([literal('"'), sequence(printed, self), sequence(escape, self)]), BEHIND_STRING)
  )
  const counted = (min: number, max: number | null): Expression => {
    if (min === 0 && max === null) return ending
    const end = min === 0 ? [literal('"')] : []
    if (max === 0) return rule(followedBy(choice(end), BEHIND_STRING))
    const rest = counted(Math.max(0, min - 1), max === null ? null : max - 1)
    // Not as one rule for a character: what goes on behind such a rule is matched at each step.
    const more = [oneOf(bare), escape].map((one) => sequence(one, rest))
    return rule(followedBy(choice([...end, ...more]), BEHIND_STRING))
  }
  const string = rule(sequence(literal('"'), ending))
  const list = (item: Expression) => optional(sequence(item, many(sequence(literal(","), space, item)), space))
  const any = (): Expression =>
    recursive("any", () =>
      choice([string, number, literal("true"), literal("false"), literal("null"), anyObject(), anyArray()])
    )
  const anyObject = (): Expression =>
    recursive("object", () =>
      sequence(literal("{"), space, list(sequence(string, literal(":"), space, any())), literal("}"))
    )
  const anyArray = (): Expression => recursive("array", () => sequence(literal("["), space, list(any()), literal("]")))
  return {
    space,
    string,
    ending,
    nameEnding,
    counted,
    write,
    bare,
    quoted,
    value,
    number,
    integer,
    any,
    anyObject,
    anyArray
  }
}
