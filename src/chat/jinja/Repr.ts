/** `str` and `repr` of values. */
import { formatFloat, formatInt } from "./Numbers.js"
import { asMarkup, joined, mapped, raw, type Str, Text } from "./Text.js"
import { Dict, Float, isInt, isList, isStr, type Runtime, Tuple, Undefined, type Value } from "./Values.js"

const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{Zs}\\'"]/gu
const NAMED: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", " ": " " }

const escapedCode = (code: number): string => {
  const hex = code.toString(16)
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`
}

export const reprStr = (text: Str): Str => {
  const s = raw(text)
  const quote = s.includes("'") && !s.includes('"') ? '"' : "'"
  const escape = (c: string) => {
    if (c === "'" || c === '"') return c === quote ? `\\${c}` : c
    return NAMED[c] ?? escapedCode(c.codePointAt(0) ?? 0)
  }
  return joined([quote, mapped(text, (part) => part.replaceAll(UNPRINTABLE, escape)), quote])
}

/** `ascii` of a text: everything outside ASCII is escaped. */
export const asciiOf = (text: Str): Str =>
  mapped(text, (part) => part.replaceAll(/[^\0-\x7f]/gu, (c) => escapedCode(c.codePointAt(0) ?? 0)))

const separated = (open: string, parts: ReadonlyArray<ReadonlyArray<Str>>, close: string): Str =>
  joined([open, ...parts.flatMap((part, i) => (i === 0 ? part : [", ", ...part])), close])

export const repr = (value: Value, rt: Runtime): Str => {
  rt.spend(1)
  if (isStr(value)) {
    rt.spendChars(raw(value).length)
    const text = reprStr(value)
    return value instanceof Text && value.markup ? joined(["Markup(", text, ")"]) : text
  }
  if (value === null) return "None"
  if (typeof value === "boolean") return value ? "True" : "False"
  if (isInt(value)) return formatInt(value)
  if (value instanceof Float) return formatFloat(value.value)
  if (value instanceof Undefined) return "Undefined"
  return rt.nested(() => {
    if (isList(value))
      return separated(
        "[",
        value.map((item) => [repr(item, rt)]),
        "]"
      )
    if (value instanceof Tuple) {
      return separated(
        "(",
        value.items.map((item) => [repr(item, rt)]),
        value.items.length === 1 ? ",)" : ")"
      )
    }
    if (!(value instanceof Dict)) return value.repr(rt)
    return separated(
      "{",
      Array.from(value.entries(), ([key, item]) => [repr(key, rt), ": ", repr(item, rt)]),
      "}"
    )
  })
}

/** `str(value)`; a string stays itself. */
export const str = (value: Value, rt: Runtime): Str => {
  if (isStr(value)) return value
  return value instanceof Undefined ? "" : repr(value, rt)
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  '"': "&#34;"
}

/** HTML-safe text; what is marked as safe stays as it is. */
export const escaped = (value: Value, rt: Runtime): Str => {
  if (value instanceof Text && value.markup) return value
  const text = str(value, rt)
  rt.spendChars(raw(text).length)
  return asMarkup(mapped(text, (part) => part.replaceAll(/[&<>'"]/g, (c) => ENTITIES[c] ?? c)))
}
