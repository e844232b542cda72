/**
 * The EBNF that xgrammar reads: expressions are texts, rules give them names. A class of what may be stands for bytes, one of what
 * may not be for characters, and neither is right with code points beyond ASCII in it: such characters are written as bytes.
 * Pure but for the rules that are collected.
 */
import { type CodePoints, difference, intersection, type Range } from "./CodePoints.js"
import { Refusal } from "./Refusal.js"

/** Part of the right side of a rule. */
export type Expression = string

const utf8 = new TextEncoder()
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

type Bytes = ReadonlyArray<number>

const classOf = (ranges: CodePoints): string => ranges.map(([from, to]) => `${unicode(from)}-${unicode(to)}`).join("")
/** The range twice, as xgrammar takes a class of one code point for its text, which beyond ASCII is another byte. */
const byteBetween = (from: number, to: number): Expression =>
  `[${classOf([
    [from, to],
    [from, to]
  ])}]`

const CONTINUATION = [0x80, 0xbf] as const

/** Characters between two of the same length in UTF-8. */
const bytesBetween = (low: Bytes, high: Bytes): ReadonlyArray<Expression> => {
  const [first = 0, ...lowRest] = low
  const [last = 0, ...highRest] = high
  const step = (from: number, to: number, rest: ReadonlyArray<Expression>): ReadonlyArray<Expression> =>
    from > to ? [] : [rest.length === 0 ? byteBetween(from, to) : `${byteBetween(from, to)} ${choice(rest)}`]
  if (lowRest.length === 0) return step(first, last, [])
  if (first === last) return step(first, last, bytesBetween(lowRest, highRest))
  const least = lowRest.map(() => CONTINUATION[0])
  const most = highRest.map(() => CONTINUATION[1])
  const from = lowRest.every((byte) => byte === CONTINUATION[0]) ? first : first + 1
  const to = highRest.every((byte) => byte === CONTINUATION[1]) ? last : last - 1
  return [
    ...(from > first ? step(first, first, bytesBetween(lowRest, most)) : []),
    ...step(from, to, bytesBetween(least, most)),
    ...(to < last ? step(last, last, bytesBetween(least, highRest)) : [])
  ]
}

/** The last code points of so many bytes in UTF-8. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff]

const rangeBytes = ([from, to]: Range): ReadonlyArray<Expression> =>
  LAST_OF_LENGTH.flatMap((last, i) => {
    const [low, high] = [Math.max(from, (LAST_OF_LENGTH[i - 1] ?? -1) + 1), Math.min(to, last)]
    const bytes = (point: number) => [...utf8.encode(String.fromCodePoint(point))]
    return low <= high ? bytesBetween(bytes(low), bytes(high)) : []
  })

/** One character of the set, which isn't empty. */
export const oneOf = (set: CodePoints): Expression => {
  const ascii = intersection(set, ASCII)
  const bytes = ascii.length === 0 ? [] : [`[${classOf(ascii)}]`]
  return choice([...bytes, ...difference(set, ASCII).flatMap(rangeBytes)])
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
  /** The whole grammar, which begins with this expression. */
  readonly text: (root: Expression) => string
}

export const makeRules = (): Rules => {
  const lines: Array<string> = []
  const names = new Map<string, string>()
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
  return {
    rule,
    recursive: (key, make) => named(`@${key}`, make),
    repeat: (part, min, max) => {
      const one = rule(part)
      const rest = max === null ? many(one) : upTo(one, max - min)
      return min === 0 ? rest : sequence(exactly(one, min), rest)
    },
    text: (root) => [`root ::= ${root}`, ...lines].join("\n")
  }
}
