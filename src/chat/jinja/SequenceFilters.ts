/** Filters over sequences and mappings. */

import { attributeOnly } from "./Access.js"
import { index } from "./Args.js"
import { binary } from "./Binary.js"
import { runtimeError, typeError } from "./Failure.js"
import { attributeGetter, type Filter, filter, folded, type Getter, multiGetter } from "./FilterArgs.js"
import { DictView, Iter } from "./Objects.js"
import { compare, equals, isTrue, iterate, length, sorted, toList } from "./Operations.js"
import { escaped, str } from "./Repr.js"
import { charsOf, isMarkup, joined, raw, type Str, withoutMarkup } from "./Text.js"
import {
  Dict,
  hashKey,
  isList,
  isStr,
  PyObject,
  type Runtime,
  Tuple,
  typeName,
  Undefined,
  type Value
} from "./Values.js"

const empty = (what: string) => new Undefined(`No ${what} item, sequence was empty.`)

/** `reversed(value)`; null where Python can't. */
const reversed = (value: Value, rt: Runtime): Iterator<Value> | null => {
  if (isStr(value)) return charsOf(value).toReversed().values()
  if (isList(value)) return value.toReversed().values()
  if (value instanceof Tuple) return value.items.toReversed().values()
  if (value instanceof Dict) return value.keys().toReversed().values()
  return value instanceof PyObject ? value.reversed(rt) : null
}

const reverse = filter("", (value, _, rt) => {
  if (isStr(value)) {
    rt.spendChars(8 * raw(value).length)
    return joined(charsOf(value).toReversed(), isMarkup(value))
  }
  // Python sees a sequence without items in it, and its iterator is true.
  if (value instanceof Undefined) return new Iter([].values(), "reversed")
  const values = reversed(value, rt)
  return values === null ? toList(value, rt).toReversed() : new Iter(values, "reversed")
})

const join = filter("d attribute", (value, [separator = "", attribute = null], rt) => {
  const items = attribute === null ? iterate(value, rt) : mapIterator(value, attributeGetter(attribute, rt), rt)
  const all = [...items]
  const texts = all.map((item) => str(item, rt))
  const safe = rt.autoescape && (texts.some(isMarkup) || (isStr(separator) && isMarkup(separator)))
  const between = safe ? escaped(separator, rt) : str(separator, rt)
  const parts: Array<Str> = []
  for (const text of texts) {
    rt.spendChars(raw(text).length + raw(between).length)
    if (parts.length > 0) parts.push(between)
    parts.push(safe ? escaped(text, rt) : withoutMarkup(text))
  }
  return joined(parts, safe)
})

function* mapIterator(value: Value, get: Getter, rt: Runtime): Generator<Value> {
  for (const item of iterate(value, rt)) yield get(item)
}

const extreme = (direction: number) =>
  filter("case_sensitive attribute", (value, [caseSensitive = false, attribute = null], rt) => {
    const get = attributeGetter(attribute, rt)
    const key: Getter = isTrue(caseSensitive, rt) ? get : (item) => folded(get(item))
    let best: Value | undefined
    for (const item of iterate(value, rt)) {
      if (best === undefined || direction * (compare(key(item), key(best), rt) ?? 0) > 0) best = item
    }
    return best ?? (best === null ? null : new Undefined("No aggregated item, sequence was empty."))
  })

function* unique(value: Value, key: Getter, rt: Runtime): Generator<Value> {
  const seen = new Set<unknown>()
  for (const item of iterate(value, rt)) {
    const hash = hashKey(key(item))
    if (seen.has(hash)) continue
    seen.add(hash)
    yield item
  }
}

function* batches(value: Value, size: Value, fill: Value, rt: Runtime): Generator<Value> {
  const count = index(size)
  let batch: Array<Value> = []
  for (const item of iterate(value, rt)) {
    if (batch.length === count) {
      yield batch
      batch = []
    }
    batch.push(item)
  }
  if (batch.length === 0) return
  if (fill === null || batch.length >= count) return yield batch
  rt.spend(count)
  yield [...batch, ...new Array<Value>(count - batch.length).fill(fill)]
}

function* slices(value: Value, slices: Value, fill: Value, rt: Runtime): Generator<Value> {
  const items = toList(value, rt)
  const count = index(slices)
  if (count === 0) throw runtimeError("integer division or modulo by zero")
  const size = Math.floor(items.length / count)
  const extra = items.length - size * count
  let start = 0
  for (let i = 0; i < count; i++) {
    rt.spend(1)
    const end = start + size + (i < extra ? 1 : 0)
    const slice = items.slice(start, end)
    yield fill !== null && i >= extra ? [...slice, fill] : slice
    start = end
  }
}

const dictsort = filter(
  "case_sensitive by reverse",
  (value, [caseSensitive = false, by = "key", backwards = false], rt) => {
    const at = isStr(by) ? ["key", "value"].indexOf(raw(by)) : -1
    if (at < 0) throw runtimeError('You can only sort by either "key" or "value"')
    if (value instanceof Undefined) return value.fail()
    if (!(value instanceof Dict)) throw typeError(`'${typeName(value)}' object has no items`)
    const exact = isTrue(caseSensitive, rt)
    const key: Getter = (item) => {
      const part = item instanceof Tuple ? (item.items[at] ?? null) : null
      return exact ? part : folded(part)
    }
    return sorted(new DictView(value, "items").items(), key, isTrue(backwards, rt), rt)
  }
)

const groupby = filter(
  "!attribute default case_sensitive",
  (value, [attribute = null, fallback = null, caseSensitive = false], rt) => {
    const get = attributeGetter(attribute, rt, fallback)
    const exact = isTrue(caseSensitive, rt)
    const key: Getter = exact ? get : (item) => folded(get(item))
    const groups: Array<{ readonly key: Value; readonly items: Array<Value> }> = []
    for (const item of sorted(toList(value, rt), key, false, rt)) {
      const last = groups.at(-1)
      if (last !== undefined && equals(last.key, key(item), rt)) last.items.push(item)
      else groups.push({ key: key(item), items: [item] })
    }
    return groups.map(({ items, key }) => new Tuple([exact ? key : get(items[0] ?? null), items], ["grouper", "list"]))
  }
)

const sum = filter("attribute start", (value, [attribute = null, start = 0], rt) => {
  if (isStr(start)) throw typeError("sum() can't sum strings [use ''.join(seq) instead]")
  const get = attributeGetter(attribute, rt)
  let total: Value = start
  for (const item of iterate(value, rt)) total = binary("+", total, get(item), rt)
  return total
})

function* items(value: Value): Generator<Value> {
  if (value instanceof Undefined) return
  if (!(value instanceof Dict)) throw typeError("Can only get item pairs from a mapping.")
  yield* new DictView(value, "items").items()
}

const fallback = filter("default_value boolean", (value, [otherwise = "", boolean = false], rt) =>
  value instanceof Undefined || (isTrue(boolean, rt) && !isTrue(value, rt)) ? otherwise : value
)

const count = filter("", (value, _, rt) => length(value, rt))

export const SEQUENCE_FILTERS: Readonly<Record<string, Filter>> = {
  attr: filter("!name", (value, [name = null], rt) => {
    if (!isStr(name)) throw typeError("attribute name must be string")
    return attributeOnly(value, raw(name), rt)
  }),
  batch: filter(
    "!linecount fill_with",
    (value, [size = null, fill = null], rt) => new Iter(batches(value, size, fill, rt))
  ),
  count,
  d: fallback,
  default: fallback,
  dictsort,
  first: filter("", (value, _, rt) => {
    for (const item of iterate(value, rt)) return item
    return empty("first")
  }),
  groupby,
  items: filter("", (value) => new Iter(items(value))),
  join,
  last: filter("", (value, _, rt) => {
    if (value instanceof Undefined) return empty("last")
    const values = reversed(value, rt)
    if (values === null) throw typeError(`'${typeName(value)}' object is not reversible`)
    const { done, value: item } = values.next()
    return done === true ? empty("last") : item
  }),
  length: count,
  list: filter("", (value, _, rt) => toList(value, rt)),
  max: extreme(1),
  min: extreme(-1),
  random: filter("", () => {
    throw runtimeError("the random filter is not supported: it makes another prompt every time")
  }),
  reverse,
  slice: filter(
    "!slices fill_with",
    (value, [count = null, fill = null], rt) => new Iter(slices(value, count, fill, rt))
  ),
  sort: filter(
    "reverse case_sensitive attribute",
    (value, [backwards = false, caseSensitive = false, attribute = null], rt) =>
      sorted(toList(value, rt), multiGetter(attribute, isTrue(caseSensitive, rt), rt), isTrue(backwards, rt), rt)
  ),
  sum,
  unique: filter("case_sensitive attribute", (value, [caseSensitive = false, attribute = null], rt) => {
    const get = attributeGetter(attribute, rt)
    return new Iter(unique(value, isTrue(caseSensitive, rt) ? get : (item) => folded(get(item)), rt))
  })
}
