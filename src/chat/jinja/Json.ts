/** Python's `json.dumps`: separators, number formats and key conversion differ from JSON.stringify's. */
import { index } from "./Args.js"
import { typeError, valueError } from "./Failure.js"
import { formatFloat, formatInt } from "./Numbers.js"
import { isTrue, iterate, sorted } from "./Operations.js"
import { joined, mapped, raw, type Str } from "./Text.js"
import { Dict, Float, isInt, isList, isStr, type Runtime, Tuple, typeName, type Value } from "./Values.js"

export interface DumpOptions {
  readonly ascii: boolean
  /** Null for one line. */
  readonly indent: Str | null
  readonly itemSeparator: Str
  readonly keySeparator: Str
  readonly sortKeys: boolean
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f"
}
const unitEscape = (c: string): string => SHORT[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`

const CONTROL = "\\0-\\x1f"
const PLAIN = new RegExp(`["\\\\${CONTROL}]`, "g")

const quoted = (text: Str, ascii: boolean): Str => {
  const pattern = ascii ? /[^ !#-[\]-~]/g : PLAIN
  return joined(['"', mapped(text, (s) => s.replaceAll(pattern, unitEscape)), '"'])
}

const floatText = (value: number): string => {
  if (Number.isNaN(value)) return "NaN"
  if (Number.isFinite(value)) return formatFloat(value)
  return value > 0 ? "Infinity" : "-Infinity"
}

/** Numbers, booleans and null as JSON; null for anything else. */
const scalar = (value: Value): string | null => {
  if (value === null) return "null"
  if (typeof value === "boolean") return String(value)
  if (isInt(value)) return formatInt(value)
  return value instanceof Float ? floatText(value.value) : null
}

const keyText = (key: Value): Str => {
  const text = isStr(key) ? key : scalar(key)
  if (text === null) throw typeError(`keys must be str, int, float, bool or None, not ${typeName(key)}`)
  return text
}

const dump = (value: Value, options: DumpOptions, level: number, out: Array<Str>, rt: Runtime): void => {
  rt.spend(1)
  if (isStr(value)) {
    rt.spendChars(raw(value).length)
    out.push(quoted(value, options.ascii))
    return
  }
  const text = scalar(value)
  if (text !== null) {
    out.push(text)
    return
  }
  const items = isList(value) ? value : value instanceof Tuple ? value.items : null
  if (items === null && !(value instanceof Dict))
    throw typeError(`Object of type ${typeName(value)} is not JSON serializable`)
  const { indent, itemSeparator, keySeparator } = options
  const newline = (depth: number): ReadonlyArray<Str> => {
    if (indent === null) return []
    rt.spendChars(depth * raw(indent).length)
    return ["\n", ...new Array<Str>(depth).fill(indent)]
  }
  const container = (open: string, close: string, size: number, each: (put: (write: () => void) => void) => void) => {
    if (size === 0) return void out.push(open + close)
    out.push(open, ...newline(level + 1))
    let first = true
    each((write) => {
      if (!first) out.push(itemSeparator, ...newline(level + 1))
      first = false
      write()
    })
    out.push(...newline(level), close)
  }
  rt.nested(() => {
    if (items !== null) {
      return container("[", "]", items.length, (put) => {
        for (const item of items) put(() => dump(item, options, level + 1, out, rt))
      })
    }
    if (!(value instanceof Dict)) return
    const entries = [...value.entries()]
    const ordered = options.sortKeys ? sortedEntries(entries, rt) : entries
    container("{", "}", entries.length, (put) => {
      for (const [key, item] of ordered) {
        put(() => {
          out.push(quoted(keyText(key), options.ascii), keySeparator)
          dump(item, options, level + 1, out, rt)
        })
      }
    })
  })
}

const sortedEntries = (
  entries: ReadonlyArray<readonly [Value, Value]>,
  rt: Runtime
): ReadonlyArray<readonly [Value, Value]> => {
  const keys = sorted(
    entries.map((_, i) => i),
    (i) => (typeof i === "number" ? (entries[i]?.[0] ?? null) : null),
    false,
    rt
  )
  return keys.flatMap((i) => (typeof i === "number" ? [entries[i] ?? [null, null]] : []))
}

const indentOf = (value: Value): Str | null => {
  if (value === null || isStr(value)) return value
  return " ".repeat(Math.min(Math.max(0, index(value)), 10_000))
}

/** The `tojson` filter of transformers: Unicode stays as it is, nothing is escaped for HTML. */
export const toJson = (
  [value = null, ascii = false, indent = null, separators = null, sortKeys = false]: ReadonlyArray<Value | undefined>,
  rt: Runtime
): Str => {
  const width = indentOf(indent)
  const pair = separators === null ? [width === null ? ", " : ",", ": "] : [...iterate(separators, rt)]
  const [itemSeparator, keySeparator] = pair
  if (pair.length !== 2) throw valueError("separators must be a pair")
  if (itemSeparator === undefined || keySeparator === undefined || !isStr(itemSeparator) || !isStr(keySeparator)) {
    throw typeError("separators must be strings")
  }
  const out: Array<Str> = []
  const options = {
    ascii: isTrue(ascii, rt),
    indent: width,
    itemSeparator,
    keySeparator,
    sortKeys: isTrue(sortKeys, rt)
  }
  dump(value, options, 0, out, rt)
  return joined(out)
}
