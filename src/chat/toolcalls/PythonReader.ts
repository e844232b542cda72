/** Python's literals, which some models write for arguments; no npm package reads them. What JSON can't express is refused. Pure. */
import { atom, type Literal, MAX_DEPTH, type Read, text, toJson } from "./Literal.js"

const SPACE = /[ \t\n\r\f]*/y
const NUMBER = /[+-]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:[eE][+-]?\d+)?)/y
const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy
const STRING_START = /([rRuU]?)("""|'''|"|')/y
const ESCAPE = /\\(?:\r\n|[\n\\'"abfnrtv]|[0-7]{1,3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|N\{[^}]*\}|[\s\S])/gu
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  "\n": "",
  "\r\n": "",
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

const match = (source: string, pattern: RegExp, start: number): RegExpExecArray | null => {
  pattern.lastIndex = start
  return pattern.exec(source)
}
const skip = (source: string, start: number): number => start + (match(source, SPACE, start)?.[0].length ?? 0)

const MAX_CODE_POINT = 0x10ffff

const unescaped = (escape: string): string => {
  const body = escape.slice(1)
  const simple = SIMPLE_ESCAPES[body]
  if (simple !== undefined) return simple
  if (/^[0-7]/.test(body)) return String.fromCodePoint(Number.parseInt(body, 8))
  const code = /^[xuU][\da-fA-F]/.test(body) && body.length > 2 ? Number.parseInt(body.slice(1), 16) : -1
  if (code > MAX_CODE_POINT) throw new RangeError("no such character")
  if (code >= 0) return String.fromCodePoint(code)
  // Python keeps a backslash that begins no escape.
  return /^['"\\]$/.test(body) ? body : escape
}

const readString = (source: string, start: number): Read<string> | null => {
  const opening = match(source, STRING_START, start)
  const [whole, prefix, quote] = opening ?? []
  if (whole === undefined || quote === undefined) return null
  const from = start + whole.length
  let end = from
  while (end < source.length && !source.startsWith(quote, end)) {
    if (quote.length === 1 && source[end] === "\n") return null
    end += source[end] === "\\" ? 2 : 1
  }
  if (!source.startsWith(quote, end)) return null
  const body = source.slice(from, end)
  try {
    const value = prefix?.toLowerCase() === "r" ? body : body.replace(ESCAPE, unescaped)
    return { value, end: end + quote.length }
  } catch {
    return null
  }
}

/** Strings side by side are one. */
const readStrings = (source: string, start: number): Read<Literal> | null => {
  let read = readString(source, start)
  if (read === null) return null
  for (;;) {
    const next = readString(source, skip(source, read.end))
    if (next === null) return { value: text(read.value), end: read.end }
    read = { value: read.value + next.value, end: next.end }
  }
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

const numberJson = (source: string): string | null => {
  if (/__|_$|_\.|\._|^[+-]?0\d/.test(source)) return null
  const plain = source.replaceAll("_", "").replace(/^\+/, "")
  if (JSON_NUMBER.test(plain)) return plain
  if (/^-?0[xob]/i.test(plain)) return `${plain.startsWith("-") ? "-" : ""}${BigInt(plain.replace("-", ""))}`
  const value = Number(plain)
  return Number.isFinite(value) ? String(value) : null
}

export interface PythonOptions {
  /** Names for the three constants beside Python's own. */
  readonly jsonNames?: boolean
}

const CONSTANTS: Readonly<Record<string, string>> = { None: "null", True: "true", False: "false" }
const JSON_CONSTANTS: Readonly<Record<string, string>> = { null: "null", true: "true", false: "false" }

const readAtom = (source: string, start: number, { jsonNames }: PythonOptions): Read<Literal> | null => {
  const name = match(source, NAME, start)?.[0]
  if (name !== undefined) {
    const json = (Object.hasOwn(CONSTANTS, name) ? CONSTANTS : jsonNames === true ? JSON_CONSTANTS : {})[name]
    return json === undefined ? null : { value: atom(json), end: start + name.length }
  }
  const number = match(source, NUMBER, start)?.[0]
  const json = number === undefined ? null : numberJson(number)
  return number === undefined || json === null ? null : { value: atom(json), end: start + number.length }
}

/** The literal that begins at `start`, without white space before it. Null where there is none. */
export const readPythonAt = (
  source: string,
  start: number,
  options: PythonOptions = {},
  depth = 0
): Read<Literal> | null => {
  if (depth > MAX_DEPTH) return null
  switch (source[start]) {
    case "{":
      return readDict(source, start + 1, options, depth)
    case "[":
      return readItems(source, start + 1, "]", options, depth)
    case "(":
      return readTuple(source, start + 1, options, depth)
    default:
      return readStrings(source, start) ?? readAtom(source, start, options)
  }
}

const readItems = (source: string, from: number, close: string, options: PythonOptions, depth: number) => {
  const items: Array<Literal> = []
  let at = skip(source, from)
  let comma = false
  while (source[at] !== close) {
    const item = items.length > 0 && !comma ? null : readPythonAt(source, at, options, depth + 1)
    if (item === null) return null
    items.push(item.value)
    at = skip(source, item.end)
    comma = source[at] === ","
    if (comma) at = skip(source, at + 1)
  }
  return { value: { kind: "array" as const, items }, end: at + 1, comma }
}

/** One value in parentheses without a comma is the value itself. */
const readTuple = (source: string, from: number, options: PythonOptions, depth: number): Read<Literal> | null => {
  const read = readItems(source, from, ")", options, depth)
  const [only, ...others] = read?.value.items ?? []
  if (read === null || only === undefined || others.length > 0 || read.comma) return read
  return { value: only, end: read.end }
}

const keyOf = (key: Literal): string | null =>
  key.kind === "string" ? key.text : key.kind === "atom" ? toJson(key) : null

const readDict = (source: string, from: number, options: PythonOptions, depth: number): Read<Literal> | null => {
  const entries = new Map<string, Literal>()
  let at = skip(source, from)
  while (source[at] !== "}") {
    const key = readPythonAt(source, at, options, depth + 1)
    const name = key === null ? null : keyOf(key.value)
    const colon = key === null ? -1 : skip(source, key.end)
    if (name === null || source[colon] !== ":") return null
    const entry = readPythonAt(source, skip(source, colon + 1), options, depth + 1)
    if (entry === null) return null
    entries.set(name, entry.value)
    at = skip(source, entry.end)
    if (source[at] !== "}" && source[at] !== ",") return null
    if (source[at] === ",") at = skip(source, at + 1)
  }
  return { value: { kind: "object", entries }, end: at + 1 }
}

/** The literal that a whole text is. Null when it isn't one. */
export const readPython = (source: string, options: PythonOptions = {}): Literal | null => {
  const read = readPythonAt(source, skip(source, 0), options)
  return read !== null && skip(source, read.end) === source.length ? read.value : null
}
