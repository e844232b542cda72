/**
 * JSON with the numbers as they were written, alone or at the start of a longer text, which JSON.parse can't: it rounds long
 * numbers, and wants a whole text. Pure.
 */
import { atom, type Literal, MAX_DEPTH, type Read, text } from "./Literal.js"

const SPACE = /[ \t\n\r]*/y
const ATOM = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

const after = (source: string, pattern: RegExp, start: number): number => {
  pattern.lastIndex = start
  return pattern.test(source) ? pattern.lastIndex : start
}
const BLANK = 32
const QUOTE = 34
const BACKSLASH = 92
const skip = (source: string, start: number): number =>
  source.charCodeAt(start) > BLANK ? start : after(source, SPACE, start)

/**
 * `loose`: control characters may stand in strings as they are. `python`: as `json.loads` reads it, which knows NaN and the
 * infinities and refuses integers of more than 4,300 digits.
 */
export interface JsonOptions {
  readonly loose?: boolean
  readonly python?: boolean
}

const NOT_FINITE = /NaN|-?Infinity/y
const MAX_DIGITS = 4_300
const isLongInteger = (json: string): boolean => json.length > MAX_DIGITS && /^-?\d{4301,}$/.test(json)

const CONTROL = /\p{Cc}/gu
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

const readString = (source: string, start: number, { loose }: JsonOptions): Read<string> | null => {
  if (source[start] !== '"') return null
  let end = start + 1
  let plain = true
  for (let code = source.charCodeAt(end); code !== QUOTE && end < source.length; code = source.charCodeAt(end)) {
    plain &&= code >= BLANK && code !== BACKSLASH
    end += code === BACKSLASH ? 2 : 1
  }
  if (end >= source.length) return null
  if (plain) return { value: source.slice(start + 1, end), end: end + 1 }
  const quoted = source.slice(start, end + 1)
  try {
    const value: unknown = JSON.parse(loose === true ? quoted.replace(CONTROL, escaped) : quoted)
    return typeof value === "string" ? { value, end: end + 1 } : null
  } catch {
    return null
  }
}

type Container = Extract<Literal, { kind: "object" | "array" }>
type ReadContainer = (source: string, from: number, options: JsonOptions, depth: number) => Read<Container> | null

/** The value that begins at `start`, without white space before it. Null where there is none. */
export const readJsonAt = (
  source: string,
  start: number,
  options: JsonOptions = {},
  depth = 0
): Read<Literal> | null => {
  if (depth > MAX_DEPTH) return null
  switch (source[start]) {
    case '"': {
      const read = readString(source, start, options)
      return read === null ? null : { value: text(read.value), end: read.end }
    }
    case "{":
    case "[": {
      const read = (source[start] === "{" ? readObject : readArray)(source, start + 1, options, depth)
      if (read === null || options.loose === true) return read
      return { value: { ...read.value, json: source.slice(start, read.end) }, end: read.end }
    }
    default:
      return readAtom(source, start, options)
  }
}

const readAtom = (source: string, start: number, { python }: JsonOptions): Read<Literal> | null => {
  const end = after(source, ATOM, start)
  if (end === start && python !== true) return null
  const last = end > start ? end : after(source, NOT_FINITE, start)
  const json = source.slice(start, last)
  return json === "" || (python === true && isLongInteger(json)) ? null : { value: atom(json), end: last }
}

const readObject: ReadContainer = (source, from, options, depth) => {
  const entries = new Map<string, Literal>()
  let at = skip(source, from)
  if (source[at] === "}") return { value: { kind: "object", entries }, end: at + 1 }
  for (;;) {
    const key = readString(source, at, options)
    const colon = key === null ? -1 : skip(source, key.end)
    if (key === null || source[colon] !== ":") return null
    const entry = readJsonAt(source, skip(source, colon + 1), options, depth + 1)
    if (entry === null) return null
    entries.set(key.value, entry.value)
    at = skip(source, entry.end)
    if (source[at] === "}") return { value: { kind: "object", entries }, end: at + 1 }
    if (source[at] !== ",") return null
    at = skip(source, at + 1)
  }
}

const readArray: ReadContainer = (source, from, options, depth) => {
  const items: Array<Literal> = []
  let at = skip(source, from)
  if (source[at] === "]") return { value: { kind: "array", items }, end: at + 1 }
  for (;;) {
    const item = readJsonAt(source, at, options, depth + 1)
    if (item === null) return null
    items.push(item.value)
    at = skip(source, item.end)
    if (source[at] === "]") return { value: { kind: "array", items }, end: at + 1 }
    if (source[at] !== ",") return null
    at = skip(source, at + 1)
  }
}

/** The value that a whole text is. Null when it isn't JSON. */
export const readJson = (source: string, options: JsonOptions = {}): Literal | null => {
  const read = readJsonAt(source, skip(source, 0), options)
  return read !== null && skip(source, read.end) === source.length ? read.value : null
}
