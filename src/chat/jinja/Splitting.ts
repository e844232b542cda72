/** Cutting a text at white space and at line ends, as `str` does. */
import { SPACE } from "./Space.js"
import { isUnitwise, raw, type Str, sliced } from "./Text.js"

const SPACE_CHAR = new RegExp(`[${SPACE}]`)
const WORD = new RegExp(`[^${SPACE}]+`, "g")
const SEPARATORS = "\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029"
const LINE_END = new RegExp(`\\r\\n|[${SEPARATORS}]`, "g")

/** The text without the `chars` (by default white space) at its ends. */
export const stripped = (text: Str, chars: string | null, left: boolean, right: boolean): Str => {
  const s = raw(text)
  const set = chars === null ? null : new Set(chars)
  const drops = (c: string) => (set === null ? SPACE_CHAR.test(c) : set.has(c))
  // Surrogate pairs are stripped as one character.
  const unit = set === null || isUnitwise(s) ? 1 : 2
  const charAt = (at: number) => (unit === 1 ? (s[at] ?? "") : String.fromCodePoint(s.codePointAt(at) ?? 0))
  const before = (at: number) => {
    const pair = unit === 2 && at > 1 ? (s.codePointAt(at - 2) ?? 0) : 0
    return pair > 0xffff ? String.fromCodePoint(pair) : (s[at - 1] ?? "")
  }
  let start = 0
  let end = s.length
  while (left && start < end && drops(charAt(start))) start += charAt(start).length
  while (right && start < end && drops(before(end))) end -= before(end).length
  return start === 0 && end === s.length ? text : sliced(text, start, end)
}

/** The words between white space; after `limit` splits the rest is one piece with its white space. */
export const splitWords = (text: Str, limit: number): ReadonlyArray<Str> => {
  const parts: Array<Str> = []
  for (const { 0: word, index } of raw(text).matchAll(WORD)) {
    if (parts.length >= limit) return [...parts, sliced(text, index)]
    parts.push(sliced(text, index, index + word.length))
  }
  return parts
}

export const splitWordsFromEnd = (text: Str, limit: number): ReadonlyArray<Str> => {
  const words = [...raw(text).matchAll(WORD)]
  if (words.length <= limit) return words.map(({ 0: word, index }) => sliced(text, index, index + word.length))
  const rest = words[words.length - limit - 1]
  const head = sliced(text, 0, (rest?.index ?? 0) + (rest?.[0].length ?? 0))
  const tail = limit === 0 ? [] : words.slice(-limit)
  return [
    stripped(head, null, true, false),
    ...tail.map(({ 0: word, index }) => sliced(text, index, index + word.length))
  ]
}

export const splitLines = (text: Str, keepEnds: boolean): ReadonlyArray<Str> => {
  const lines: Array<Str> = []
  let at = 0
  for (const { 0: end, index } of raw(text).matchAll(LINE_END)) {
    lines.push(sliced(text, at, keepEnds ? index + end.length : index))
    at = index + end.length
  }
  return at < raw(text).length ? [...lines, sliced(text, at)] : lines
}
