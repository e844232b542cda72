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
import { characters, inOrder, oneOfThese, type Regex, repeated, texts } from "./Regex.js"
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
/** A character that is written with a backslash. */
const ESCAPE: Regex = inOrder(
  texts("\\"),
  oneOfThese([characters(SHORT), ...UNICODE.map((sets) => inOrder(texts("u"), ...sets.map(characters)))])
)
const NAME_ESCAPE: Expression = sequence(
  literal("\\"),
  choice([oneOf(SHORT), ...UNICODE.map((sets) => sequence(literal("u"), ...sets.map(oneOf)))])
)
const DIGIT = characters([[0x30, 0x39]])
const INTEGER: Regex = inOrder(
  texts("", "-"),
  oneOfThese([texts("0"), inOrder(characters([[0x31, 0x39]]), repeated(DIGIT, 0, 14))])
)
const NUMBER: Regex = inOrder(
  INTEGER,
  oneOfThese([texts(""), inOrder(texts("."), repeated(DIGIT, 1, 16))]),
  oneOfThese([texts(""), inOrder(characters(charactersOf("eE")), texts("", "+", "-"), repeated(DIGIT, 1, 2))])
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
  readonly strings: (values: ReadonlyArray<string>) => Expression
  /** The name of a property, and its colon. */
  readonly name: (text: string) => Expression
  /** Exactly this value, without white space. */
  readonly value: (value: unknown) => Expression
  readonly number: () => Expression
  readonly integer: () => Expression
  /** One of these numbers. */
  readonly numbers: (values: ReadonlyArray<number>) => Expression
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
  const escapeOf = (text: string): string =>
    SHORT_ESCAPES[text] ?? `\\u${(text.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`
  const write = (set: CodePoints): Regex | null => {
    const plain = intersection(set, bare)
    const escapes = [...Object.keys(SHORT_ESCAPES), ...avoid].filter((text) => has(set, text.codePointAt(0) ?? 0))
    const all = [
      ...(plain.length === 0 ? [] : [characters(plain)]),
      ...(escapes.length === 0 ? [] : [texts(...escapes.map(escapeOf))])
    ]
    return all.length === 0 ? null : oneOfThese(all)
  }
  const quoted = (content: Regex): Expression => {
    const slot = sequence(rules.slot(content), literal('"'))
    // The empty text is one of the grammar, too: so tokens that begin and end a string can be read.
    const inside = matchesNothing(content) ? choice([slot, literal('"')]) : slot
    return rule(sequence(literal('"'), rule(followedBy(inside, BEHIND_STRING))))
  }
  const avoidingText = (json: unknown): string =>
    Array.from(JSON.stringify(json), (text) => (avoid.includes(text) ? escapeOf(text) : text)).join("")
  const strings = (values: ReadonlyArray<string>): Expression =>
    quoted(texts(...new Set(values.map((text) => avoidingText(text).slice(1, -1)))))
  const numbers = (values: ReadonlyArray<number>): Expression =>
    rules.slot(texts(...new Set(values.map((one) => JSON.stringify(one)))))
  const number = () => rules.slot(NUMBER)
  const integer = () => rules.slot(INTEGER)
  const name = (text: string): Expression => literal(`${avoidingText(text)}:`)
  const joined = (parts: ReadonlyArray<Expression>): ReadonlyArray<Expression> =>
    parts.flatMap((part, index) => (index === 0 ? [part] : [literal(","), part]))
  const value = (json: unknown): Expression => {
    if (typeof json === "string") return strings([json])
    if (typeof json === "number") return numbers([json])
    if (Array.isArray(json)) return sequence(literal("["), ...joined(json.map(value)), literal("]"))
    if (!isObject(json)) return literal(JSON.stringify(json))
    const pairs = Object.entries(json).map(([key, one]) => sequence(name(key), value(one)))
    return sequence(literal("{"), ...joined(pairs), literal("}"))
  }

  const space = rule(
    optional(choice([literal(" "), sequence(literal("\n"), repeat(oneOf(charactersOf(" \t")), 0, MAX_INDENT))]))
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
  const character = oneOfThese([characters(bare), ESCAPE])
  const counted = (min: number, max: number | null): Expression => quoted(repeated(character, min, max))
  const string = counted(0, null)
  const list = (item: Expression) => optional(sequence(item, many(sequence(literal(","), space, item)), space))
  const any = (): Expression =>
    recursive("any", () =>
      choice([string, number(), literal("true"), literal("false"), literal("null"), anyObject(), anyArray()])
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
    numbers,
    any,
    anyObject,
    anyArray
  }
}
