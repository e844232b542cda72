/** Python's `pprint.pformat`: what fits into 80 columns on one line, everything else one item a line. */
import { sorted } from "./Operations.js"
import { repr } from "./Repr.js"
import { joined, lengthOf, raw, type Str } from "./Text.js"
import { Dict, isInt, isList, isStr, type Runtime, Tuple, typeName, type Value } from "./Values.js"

const WIDTH = 80

/** Keys in order; mixed ones by the name of their type first. */
const sortedKeys = (dict: Dict, rt: Runtime): ReadonlyArray<Value> => {
  const comparable = dict.keys().every(isStr) || dict.keys().every(isInt)
  return sorted(dict.keys(), (key) => (comparable ? key : [typeName(key), raw(repr(key, rt))]), false, rt)
}

/** On one line, with the keys of dicts in order. */
const flat = (value: Value, rt: Runtime): Str =>
  rt.nested(() => {
    rt.spend(1)
    const list = (items: ReadonlyArray<Str>) => items.flatMap((item, i) => (i === 0 ? [item] : [", ", item]))
    if (value instanceof Dict) {
      const items = sortedKeys(value, rt).map((key) => joined([flat(key, rt), ": ", flat(value.get(key) ?? null, rt)]))
      return joined(["{", ...list(items), "}"])
    }
    if (isList(value)) return joined(["[", ...list(value.map((item) => flat(item, rt))), "]"])
    if (!(value instanceof Tuple)) return repr(value, rt)
    return joined(["(", ...list(value.items.map((item) => flat(item, rt))), value.items.length === 1 ? ",)" : ")"])
  })

const textLines = (value: Str, indent: number, allowance: number, level: number, rt: Runtime): Str => {
  const words = raw(value).match(/\S*\s*/g) ?? []
  const room = WIDTH - indent - allowance - (level === 1 ? 2 : 0)
  const chunks: Array<Str> = []
  let current = ""
  for (const word of words) {
    if (current !== "" && lengthOf(raw(repr(current + word, rt))) > room) {
      chunks.push(repr(current, rt))
      current = ""
    }
    current += word
    if (current.endsWith("\n")) {
      chunks.push(repr(current, rt))
      current = ""
    }
  }
  if (current !== "") chunks.push(repr(current, rt))
  if (chunks.length === 1) return chunks[0] ?? ""
  const pad = " ".repeat(level === 1 ? indent + 1 : indent)
  const body = chunks.flatMap((chunk, i) => (i === 0 ? [chunk] : [`\n${pad}`, chunk]))
  return joined(level === 1 ? ["(", ...body, ")"] : body)
}

const formatted = (value: Value, indent: number, allowance: number, level: number, rt: Runtime): Str => {
  const line = flat(value, rt)
  rt.spendChars(raw(line).length)
  if (lengthOf(raw(line)) <= WIDTH - indent - allowance) return line
  return rt.nested(() => {
    if (isStr(value)) return textLines(value, indent, allowance, level + 1, rt)
    const pad = `,\n${" ".repeat(indent + 1)}`
    const block = (open: string, close: string, count: number, item: (i: number, end: number) => Str) => {
      const parts = Array.from({ length: count }, (_, i) => item(i, i === count - 1 ? allowance + close.length : 1))
      return joined([open, ...parts.flatMap((part, i) => (i === 0 ? [part] : [pad, part])), close])
    }
    if (value instanceof Dict) {
      const keys = sortedKeys(value, rt)
      return block("{", "}", keys.length, (i, end) => {
        const key = joined([flat(keys[i] ?? null, rt), ": "])
        return joined([
          key,
          formatted(value.get(keys[i] ?? null) ?? null, indent + 1 + lengthOf(raw(key)), end, level + 1, rt)
        ])
      })
    }
    // Tuples with names print themselves.
    if (!isList(value) && !(value instanceof Tuple && value.names.length === 0)) return line
    const items = isList(value) ? value : value.items
    const [open, close] = isList(value) ? ["[", "]"] : ["(", items.length === 1 ? ",)" : ")"]
    return block(open, close, items.length, (i, end) => formatted(items[i] ?? null, indent + 1, end, level + 1, rt))
  })
}

export const prettyPrinted = (value: Value, rt: Runtime): Str => formatted(value, 0, 0, 0, rt)
