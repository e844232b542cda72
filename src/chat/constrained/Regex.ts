/**
 * Regular expressions as JSON Schema has them: ECMAScript's, with the `u` flag. Read here because the pattern of a JSON string
 * must be matched in its escaped form, and what isn't supported must be refused, not matched otherwise. Pure.
 */
import { ALL, type CodePoints, charactersOf, complement, type Range, setOf } from "./CodePoints.js"
import type { Refusal } from "./Refusal.js"

export type Regex =
  | { readonly _tag: "Characters"; readonly set: CodePoints }
  /** Any of these texts, as they are. */
  | { readonly _tag: "Texts"; readonly texts: ReadonlyArray<string> }
  | { readonly _tag: "Sequence"; readonly parts: ReadonlyArray<Regex> }
  | { readonly _tag: "Choice"; readonly alternatives: ReadonlyArray<Regex> }
  | { readonly _tag: "Repeat"; readonly part: Regex; readonly min: number; readonly max: number | null }

export const characters = (set: CodePoints): Regex => ({ _tag: "Characters", set })
export const texts = (...all: ReadonlyArray<string>): Regex => ({ _tag: "Texts", texts: all })
export const inOrder = (...parts: ReadonlyArray<Regex>): Regex => ({ _tag: "Sequence", parts })
export const oneOfThese = (alternatives: ReadonlyArray<Regex>): Regex => ({ _tag: "Choice", alternatives })
export const repeated = (part: Regex, min: number, max: number | null): Regex => ({ _tag: "Repeat", part, min, max })

/** An alternative of the whole pattern, and at which ends it is tied to those of the text. */
export interface Alternative {
  readonly regex: Regex
  readonly fromStart: boolean
  readonly toEnd: boolean
}

const MAX_PATTERN_CHARS = 4096
const MAX_DEPTH = 32
const MAX_COUNT = 10_000

const DIGIT: CodePoints = [[0x30, 0x39]]
const WORD = setOf([...DIGIT, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]])
const SPACE = setOf([
  [0x09, 0x0d],
  ...charactersOf(" \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"),
  [0x2000, 0x200a]
])
const CLASSES: Readonly<Record<string, CodePoints>> = {
  d: DIGIT,
  D: complement(DIGIT),
  s: SPACE,
  S: complement(SPACE),
  w: WORD,
  W: complement(WORD)
}
const DOT = complement(charactersOf("\n\r\u2028\u2029"))
const CONTROL: Readonly<Record<string, number>> = { f: 12, n: 10, r: 13, t: 9, v: 11, "0": 0 }
/** What `\b` is in a class. */
const BACKSPACE = 8
/** Characters that a pattern with the `u` flag may escape. */
const SYNTAX = "^$\\.*+?()[]{}|/-"

const HEX = /(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\})/y
const COUNT = /\{(\d{1,6})(?:(,)(\d{1,6})?)?\}/y
const GROUP = /\((?:\?(?::|<[A-Za-z_$][\w$]*>))?/y

/** Refuses with the keyword and path of whoever has the pattern. */
export const parseRegex = (pattern: string, refuse: (problem: string) => Refusal): ReadonlyArray<Alternative> => {
  if (pattern.length > MAX_PATTERN_CHARS) throw refuse(`the pattern is longer than ${MAX_PATTERN_CHARS} characters`)
  let at = 0
  let depth = 0

  const match = (expression: RegExp): RegExpExecArray | null => {
    expression.lastIndex = at
    const found = expression.exec(pattern)
    if (found !== null) at = expression.lastIndex
    return found
  }
  const skip = (sign: string): boolean => {
    if (pattern[at] !== sign) return false
    at++
    return true
  }
  const character = (): string => {
    const point = pattern.codePointAt(at)
    if (point === undefined) throw refuse("the pattern ends too early")
    const text = String.fromCodePoint(point)
    at += text.length
    return text
  }
  const only = (point: number): CodePoints => {
    const set = setOf([[point, point]])
    if (point > 0x10ffff || set.length === 0) throw refuse("the pattern has a character that isn't one")
    return set
  }
  const escape = (): CodePoints => {
    const hex = match(HEX)
    if (hex !== null) return only(Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? "", 16))
    const name = character()
    const known = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined
    if (known !== undefined) return known
    const control = Object.hasOwn(CONTROL, name) ? CONTROL[name] : undefined
    if (control !== undefined && !(name === "0" && /\d/.test(pattern[at] ?? ""))) return only(control)
    if (SYNTAX.includes(name)) return charactersOf(name)
    throw refuse(`the pattern's '\\${name}' isn't supported`)
  }
  const classAtom = (): CodePoints => {
    const text = character()
    if (text !== "\\") return only(text.codePointAt(0) ?? 0)
    return skip("b") ? only(BACKSPACE) : escape()
  }
  const single = (set: CodePoints): number => {
    const [first] = set
    if (first === undefined || set.length > 1 || first[0] !== first[1]) {
      throw refuse("the pattern has a range that isn't between two characters")
    }
    return first[0]
  }
  const characterClass = (): CodePoints => {
    const negated = pattern[at] === "^"
    if (negated) at++
    const ranges: Array<Range> = []
    while (pattern[at] !== "]") {
      const from = classAtom()
      if (pattern[at] === "-" && pattern[at + 1] !== "]") {
        at++
        const range: Range = [single(from), single(classAtom())]
        if (range[0] > range[1]) throw refuse("the pattern has a range out of order")
        ranges.push(range)
      } else ranges.push(...from)
    }
    at++
    return negated ? complement(setOf(ranges)) : setOf(ranges)
  }
  const group = (): Regex => {
    if (match(GROUP) === null || pattern[at] === "?")
      throw refuse("the pattern looks ahead or behind, which isn't supported")
    if (++depth > MAX_DEPTH) throw refuse(`the pattern has groups inside of each other deeper than ${MAX_DEPTH}`)
    const regex = choices()
    if (pattern[at++] !== ")") throw refuse("the pattern has a group without an end")
    depth--
    return regex
  }
  const atom = (): Regex => {
    const next = pattern[at] ?? ""
    if (next === "(") return group()
    if ("^$".includes(next)) throw refuse(`'${next}' is supported at the ends of the pattern only`)
    if ("*+?{}]".includes(next)) throw refuse(`the pattern has a '${next}' out of place`)
    const text = character()
    if (text === "[") return { _tag: "Characters", set: characterClass() }
    if (text === ".") return { _tag: "Characters", set: DOT }
    if (text === "\\") return { _tag: "Characters", set: escape() }
    return { _tag: "Characters", set: only(text.codePointAt(0) ?? 0) }
  }
  const counts = (): readonly [min: number, max: number | null] | null => {
    const sign = pattern[at]
    if (sign === "*" || sign === "+" || sign === "?") {
      at++
      return [sign === "+" ? 1 : 0, sign === "?" ? 1 : null]
    }
    const count = sign === "{" ? match(COUNT) : null
    if (count === null) return null
    const min = Number(count[1])
    const max = count[2] === undefined ? min : count[3] === undefined ? null : Number(count[3])
    if (max !== null && max < min) throw refuse("the pattern has a count out of order")
    if (Math.max(min, max ?? 0) > MAX_COUNT) throw refuse(`the pattern counts beyond ${MAX_COUNT}`)
    return [min, max]
  }
  const part = (): Regex => {
    const inner = atom()
    const range = counts()
    if (range === null) return inner
    if (pattern[at] === "?") at++ // lazy: the same texts
    return { _tag: "Repeat", part: inner, min: range[0], max: range[1] }
  }
  const isEnd = () => at >= pattern.length || pattern[at] === "|" || pattern[at] === ")"
  const isLastDollar = () => pattern[at] === "$" && depth === 0 && (pattern[at + 1] ?? "|") === "|"
  const parts = (): Regex => {
    const all: Array<Regex> = []
    while (!isEnd() && !isLastDollar()) all.push(part())
    return { _tag: "Sequence", parts: all }
  }
  const choices = (): Regex => {
    const alternatives = [parts()]
    while (pattern[at] === "|") {
      at++
      alternatives.push(parts())
    }
    return { _tag: "Choice", alternatives }
  }
  const all: Array<Alternative> = []
  do {
    const fromStart = skip("^")
    const regex = parts()
    all.push({ regex, fromStart, toEnd: skip("$") })
  } while (skip("|"))
  if (at < pattern.length) throw refuse("the pattern has a ')' too many")
  return all
}

export const ANY_CHARACTER: Regex = { _tag: "Characters", set: ALL }
