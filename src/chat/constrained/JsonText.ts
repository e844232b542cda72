/** JSON as it may be written where a grammar decides: its white space, strings and literal values. Pure. */
import { isObject } from "../../domain/JsonFile.js"
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
import type { Regex } from "./Regex.js"
import { matchesNothing } from "./WrittenRegex.js"

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
const HEX = charactersOf("0123456789abcdefABCDEF")
/** Not the solidus, whose escape Python's literals don't know. */
const SHORT = charactersOf('"\\bfnrt')
/** The digits of a code that isn't half a character: those are none in the text of other programs. */
const UNICODE: ReadonlyArray<ReadonlyArray<CodePoints>> = [
  [charactersOf("0123456789abcefABCEF"), HEX, HEX, HEX],
  [charactersOf("dD"), charactersOf("01234567"), HEX, HEX]
]
const characters = (set: CodePoints): Regex => ({ _tag: "Characters", set })
const texts = (...all: ReadonlyArray<string>): Regex => ({ _tag: "Texts", texts: all })
const parts = (...all: ReadonlyArray<Regex>): Regex => ({ _tag: "Sequence", parts: all })
/** A character that is written with a backslash. */
const ESCAPE: Regex = parts(texts("\\"), {
  _tag: "Choice",
  alternatives: [characters(SHORT), ...UNICODE.map((sets) => parts(texts("u"), ...sets.map(characters)))]
})
const NAME_ESCAPE: Expression = sequence(
  literal("\\"),
  choice([oneOf(SHORT), ...UNICODE.map((sets) => sequence(literal("u"), ...sets.map(oneOf)))])
)
const BEHIND_STRING = charactersOf(" \n,:]}")

export interface JsonText {
  /** A little of it, or none. */
  readonly space: Expression
  readonly string: Expression
  /** Any further characters of a name without escapes, and its quote. */
  readonly nameEnding: Expression
  /** A string of so many characters; null for any number from `min` on. */
  readonly counted: (min: number, max: number | null) => Expression
  /** One character of a string, of those in the set that have a short form; null when none has. */
  readonly write: (set: CodePoints) => Regex | null
  /** One character of a string that is written as it is. */
  readonly bare: CodePoints
  /** A string whose content, as it is written, is of this language. */
  readonly quoted: (content: Regex) => Expression
  /** One of these strings. */
  readonly strings: (texts: ReadonlyArray<string>) => Expression
  /** The name of a property, and its colon. */
  readonly name: (text: string) => Expression
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
  const digit = oneOf([[0x30, 0x39]])
  const digits = (min: number, max: number) => repeat(digit, min, max)

  const escapeOf = (text: string): string =>
    SHORT_ESCAPES[text] ?? `\\u${(text.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`
  const write = (set: CodePoints): Regex | null => {
    const plain = intersection(set, bare)
    const escapes = [...Object.keys(SHORT_ESCAPES), ...avoid].filter((text) => has(set, text.codePointAt(0) ?? 0))
    const all: ReadonlyArray<Regex> = [
      ...(plain.length === 0 ? [] : [characters(plain)]),
      ...(escapes.length === 0 ? [] : [{ _tag: "Texts", texts: escapes.map(escapeOf) } as const])
    ]
    return all.length === 0 ? null : { _tag: "Choice", alternatives: all }
  }
  const quoted = (content: Regex): Expression => {
    const slot = sequence(rules.slot(content), literal('"'))
    // The empty text is one of the grammar, too: so tokens that begin and end a string can be read.
    const inside = matchesNothing(content) ? choice([slot, literal('"')]) : slot
    return rule(sequence(literal('"'), rule(followedBy(inside, BEHIND_STRING))))
  }
  const avoidingText = (json: unknown): string =>
    Array.from(JSON.stringify(json), (text) => (avoid.includes(text) ? escapeOf(text) : text)).join("")
  const strings = (texts: ReadonlyArray<string>): Expression =>
    quoted({ _tag: "Texts", texts: [...new Set(texts.map((text) => avoidingText(text).slice(1, -1)))] })
  const name = (text: string): Expression => literal(`${avoidingText(text)}:`)
  const joined = (parts: ReadonlyArray<Expression>): ReadonlyArray<Expression> =>
    parts.flatMap((part, index) => (index === 0 ? [part] : [literal(","), part]))
  const value = (json: unknown): Expression => {
    if (typeof json === "string") return strings([json])
    if (Array.isArray(json)) return sequence(literal("["), ...joined(json.map(value)), literal("]"))
    if (!isObject(json)) return literal(JSON.stringify(json))
    const pairs = Object.entries(json).map(([key, one]) => sequence(name(key), value(one)))
    return sequence(literal("{"), ...joined(pairs), literal("}"))
  }

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
  const nameString = rule(
    sequence(
      literal('"'),
      recursive("name", (self) =>
        followedBy(choice([literal('"'), sequence(printed, self), sequence(NAME_ESCAPE, self)]), charactersOf(":"))
      )
    )
  )
  const character: Regex = { _tag: "Choice", alternatives: [characters(bare), ESCAPE] }
  const counted = (min: number, max: number | null): Expression => quoted({ _tag: "Repeat", part: character, min, max })
  const string = counted(0, null)
  const list = (item: Expression) => optional(sequence(item, many(sequence(literal(","), space, item)), space))
  const any = (): Expression =>
    recursive("any", () =>
      choice([string, number, literal("true"), literal("false"), literal("null"), anyObject(), anyArray()])
    )
  const anyObject = (): Expression =>
    recursive("object", () =>
      sequence(literal("{"), space, list(sequence(nameString, literal(":"), space, any())), literal("}"))
    )
  const anyArray = (): Expression => recursive("array", () => sequence(literal("["), space, list(any()), literal("]")))
  return {
    space,
    string,
    nameEnding,
    counted,
    write,
    bare,
    quoted,
    strings,
    name,
    value,
    number,
    integer,
    any,
    anyObject,
    anyArray
  }
}
