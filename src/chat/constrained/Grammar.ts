/**
 * The EBNF that xgrammar reads: expressions are texts, rules give them names. A class of what may be stands for bytes, one of what
 * may not be for characters, and neither is right with code points beyond ASCII in it: such characters are written as bytes.
 * Pure but for the rules that are collected.
 */
import { type CodePoints, difference, intersection } from "./CodePoints.js"
import { Refusal } from "./Refusal.js"
import type { Regex } from "./Regex.js"
import { CLOSE_SLOT, MAX_SLOTS, OPEN_SLOT, SLOT_END, slotName } from "./Slots.js"
import { utf8Ranges } from "./Utf8.js"
import { MAX_STATES, slotStates } from "./WrittenRegex.js"

/** Part of the right side of a rule. */
export type Expression = string

const ASCII: CodePoints = [[0, 0x7f]]

/** Compiling longer ones takes long on large vocabularies. */
const MAX_GRAMMAR_CHARS = 2 ** 18

/** Matches nothing but the empty text. */
export const EMPTY: Expression = '""'

const unicode = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`

export const literal = (text: string): Expression =>
  `"${Array.from(text, (letter) =>
    /[A-Za-z0-9 ]|[^\0-\x7f]/.test(letter) ? letter : unicode(letter.charCodeAt(0))
  ).join("")}"`

const classOf = (ranges: CodePoints): string => ranges.map(([from, to]) => `${unicode(from)}-${unicode(to)}`).join("")
/** The range twice, as xgrammar takes a class of one code point for its text, which beyond ASCII is another byte. */
const byteBetween = (from: number, to: number): Expression =>
  `[${classOf([
    [from, to],
    [from, to]
  ])}]`

/** One character of the set, which isn't empty. */
export const oneOf = (set: CodePoints): Expression => {
  const ascii = intersection(set, ASCII)
  const bytes = ascii.length === 0 ? [] : [`[${classOf(ascii)}]`]
  const others = utf8Ranges(difference(set, ASCII))
  return choice([...bytes, ...others.map((ranges) => ranges.map(([from, to]) => byteBetween(from, to)).join(" "))])
}

/**
 * One character that isn't among these of ASCII, or bytes like those of a character that are none: the form that xgrammar compiles
 * and matches in the least time.
 */
export const noneOf = (set: CodePoints): Expression => `[^${classOf(set)}]`

export const sequence = (...parts: ReadonlyArray<Expression>): Expression => {
  const real = parts.filter((part) => part !== EMPTY)
  return real.length === 0 ? EMPTY : real.join(" ")
}

export const choice = (alternatives: ReadonlyArray<Expression>): Expression =>
  alternatives.length === 1 ? (alternatives[0] ?? EMPTY) : `(${alternatives.join(" | ")})`

export const optional = (part: Expression): Expression => `(${part})?`
export const many = (part: Expression): Expression => `(${part})*`

/**
 * As the whole body of a rule, followed by one of these characters wherever it is used, or by the end: tokens that go on otherwise
 * are left out when the grammar is compiled instead of at each step.
 */
export const followedBy = (part: Expression, set: CodePoints): Expression => `(${part}) (=${oneOf(set)})`

export interface Rules {
  /** A rule of this body. The same body is the same rule. */
  readonly rule: (body: Expression) => Expression
  /** The rule of a key; made by the first who asks for it, and may ask for itself. */
  readonly recursive: (key: string, make: (self: Expression) => Expression) => Expression
  /** From `min` to `max` times; null for any number from `min` on. */
  readonly repeat: (part: Expression, min: number, max: number | null) => Expression
  /** A place for texts that are matched outside of the grammar. Equal languages are the same slot. */
  readonly slot: (language: Regex) => Expression
  readonly slots: ReadonlyArray<Regex>
  /** The whole grammar, which begins with this expression. */
  readonly text: (root: Expression) => string
}

export const makeRules = (): Rules => {
  const lines: Array<string> = []
  const names = new Map<string, string>()
  const slots: Array<Regex> = []
  let states = 0
  let size = 0
  let count = 0

  const newName = () => `r${count++}`
  const add = (name: string, body: Expression): void => {
    size += body.length
    if (size > MAX_GRAMMAR_CHARS) throw new Refusal(null, "#", "it is too large")
    lines.push(`${name} ::= ${body}`)
  }
  const named = (key: string, make: (self: Expression) => Expression): Expression => {
    const known = names.get(key)
    if (known !== undefined) return known
    const name = newName()
    names.set(key, name)
    add(name, make(name))
    return name
  }
  const rule = (body: Expression) => named(`=${body}`, () => body)

  /** Ten at a time and not one after the other: a compiled grammar has a token mask for each place in a rule. */
  const power = (part: Expression, exponent: number): Expression =>
    exponent === 0 ? part : rule(times(power(part, exponent - 1), 10))
  const times = (part: Expression, n: number): Expression => (n === 1 ? part : `${part}{${n}}`)
  const atMost = (part: Expression, n: number): Expression => (n === 0 ? EMPTY : `${part}{0,${n}}`)

  const exactly = (part: Expression, n: number): Expression =>
    sequence(
      ...Array.from(String(n), (digit, i) => {
        const exponent = String(n).length - 1 - i
        return digit === "0" ? EMPTY : times(power(part, exponent), Number(digit))
      })
    )
  const upTo = (part: Expression, n: number): Expression => {
    if (n === 0) return EMPTY
    const exponent = String(n).length - 1
    const unit = power(part, exponent)
    if (exponent === 0) return atMost(part, n)
    const [digit, rest] = [Math.floor(n / 10 ** exponent), n % 10 ** exponent]
    const below = rule(sequence(atMost(unit, digit - 1), upTo(part, 10 ** exponent - 1)))
    return choice([below, sequence(times(unit, digit), upTo(part, rest))])
  }
  const slot = (language: Regex): Expression =>
    named(`slot ${JSON.stringify(language)}`, () => {
      states += slotStates(language)
      if (states > MAX_STATES) throw new Refusal(null, "#", "its texts and patterns are too large")
      if (slots.push(language) > MAX_SLOTS) throw new Refusal(null, "#", `it has more than ${MAX_SLOTS} kinds of text`)
      const others = many(rule(sequence(oneOf([[0x30, 0x39]]), many(oneOf([[0x30, 0x39]])), literal(SLOT_END))))
      return sequence(literal(OPEN_SLOT), others, literal(slotName(slots.length - 1)), others, literal(CLOSE_SLOT))
    })
  return {
    rule,
    slot,
    slots,
    recursive: (key, make) => named(`@${key}`, make),
    repeat: (part, min, max) => {
      const one = rule(part)
      const rest = max === null ? many(one) : upTo(one, max - min)
      return min === 0 ? rest : sequence(exactly(one, min), rest)
    },
    text: (root) => [`root ::= ${root}`, ...lines].join("\n")
  }
}
