/** What Python's operators and built-in functions do with any value. */
import { typeError } from "./Failure.js"
import { compareNumbers, numeric } from "./Numbers.js"
import { charsOf, lengthOf, raw, withoutMarkup } from "./Text.js"
import { Dict, isList, isStr, PyObject, type Runtime, Tuple, typeName, Undefined, type Value } from "./Values.js"

export const isTrue = (value: Value, rt: Runtime): boolean => {
  if (value === null || typeof value === "boolean") return value === true
  if (isStr(value)) return raw(value) !== ""
  const number = numeric(value)
  if (number !== null) return compareNumbers(number, 0) !== 0
  if (isList(value)) return value.length > 0
  if (value instanceof Tuple) return value.items.length > 0
  if (value instanceof Dict) return value.size > 0
  return value instanceof PyObject && value.isTrue(rt)
}

const NOTHING: ReadonlyArray<Value> = []

/** The values of an iterable; null when it isn't one. */
export const iterator = (value: Value, rt: Runtime): Iterator<Value> | null => {
  if (isList(value)) return value.values()
  if (value instanceof Tuple) return value.items.values()
  if (value instanceof Dict) return value.keys().values()
  if (isStr(value)) {
    rt.spendChars(8 * raw(value).length)
    return charsOf(withoutMarkup(value)).values()
  }
  if (value instanceof Undefined) return NOTHING.values()
  return value instanceof PyObject ? value.iterate(rt) : null
}

export function* iterate(value: Value, rt: Runtime): Generator<Value, void, undefined> {
  const values = iterator(value, rt)
  if (values === null) throw typeError(`'${typeName(value)}' object is not iterable`)
  for (let next = values.next(); next.done !== true; next = values.next()) {
    rt.spend(1)
    yield next.value
  }
}

/** `list(value)`. */
export const toList = (value: Value, rt: Runtime): ReadonlyArray<Value> => {
  if (!isList(value)) return [...iterate(value, rt)]
  rt.spend(value.length)
  return value
}

export const length = (value: Value, rt: Runtime): number => {
  if (isStr(value)) {
    rt.spendChars(raw(value).length)
    return lengthOf(raw(value))
  }
  if (isList(value)) return value.length
  if (value instanceof Tuple) return value.items.length
  if (value instanceof Dict) return value.size
  if (value instanceof Undefined) return 0
  const count = value instanceof PyObject ? value.length(rt) : null
  if (count === null) throw typeError(`object of type '${typeName(value)}' has no len()`)
  return count
}

const itemsOf = (value: Value): ReadonlyArray<Value> | null =>
  isList(value) ? value : value instanceof Tuple ? value.items : null

const equalItems = (a: ReadonlyArray<Value>, b: ReadonlyArray<Value>, rt: Runtime): boolean =>
  a.length === b.length && a.every((item, i) => equals(item, b[i] ?? null, rt))

const equalDicts = (a: Dict, b: Dict, rt: Runtime): boolean => {
  if (a.size !== b.size) return false
  for (const [key, value] of a.entries()) {
    const other = b.get(key)
    if (other === undefined || !equals(value, other, rt)) return false
  }
  return true
}

export const equals = (a: Value, b: Value, rt: Runtime): boolean => {
  rt.spend(1)
  if (a === b) return true
  if (isStr(a)) {
    if (!isStr(b) || raw(a).length !== raw(b).length) return false
    rt.spendChars(raw(a).length)
    return raw(a) === raw(b)
  }
  const x = numeric(a)
  if (x !== null) {
    const y = numeric(b)
    return y !== null && compareNumbers(x, y) === 0
  }
  if (a instanceof Undefined) return b instanceof Undefined
  if (a instanceof Dict) return b instanceof Dict && rt.nested(() => equalDicts(a, b, rt))
  const items = itemsOf(a)
  if (items === null) return a instanceof PyObject && b instanceof PyObject && a.identity === b.identity
  const others = isList(a) === isList(b) ? itemsOf(b) : null
  return others !== null && rt.nested(() => equalItems(items, others, rt))
}

/** Whether two values are the same object; small values are shared as Python does. */
export const same = (a: Value, b: Value): boolean => a === b || (isStr(a) && isStr(b) && raw(a) === raw(b))

/** Strings by their code points: UTF-16 puts the astral planes before U+E000. */
export const compareStrings = (a: string, b: string): number => {
  const end = Math.min(a.length, b.length)
  let i = 0
  while (i < end && a.charCodeAt(i) === b.charCodeAt(i)) i++
  if (i === end) return a.length - b.length
  const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
  const isHigh = (unit: number) => unit >= 0xd800 && unit < 0xe000
  return isHigh(x) === isHigh(y) ? x - y : isHigh(x) ? 1 : -1
}

/** Below, at or above zero; null when they compare as neither (NaN). Throws where Python has no order. */
export const compare = (a: Value, b: Value, rt: Runtime, op = "<"): number | null => {
  rt.spend(1)
  if (a instanceof Undefined) a.fail()
  if (b instanceof Undefined) b.fail()
  if (isStr(a) && isStr(b)) {
    rt.spendChars(Math.min(raw(a).length, raw(b).length))
    return compareStrings(raw(a), raw(b))
  }
  const [x, y] = [numeric(a), numeric(b)]
  if (x !== null && y !== null) return compareNumbers(x, y)
  const items = itemsOf(a)
  const others = itemsOf(b)
  if (items === null || others === null || isList(a) !== isList(b)) {
    throw typeError(`'${op}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`)
  }
  for (const [i, item] of items.entries()) {
    const other = others[i]
    if (other === undefined) return 1
    if (!equals(item, other, rt)) return rt.nested(() => compare(item, other, rt, op))
  }
  return items.length - others.length
}

export const contains = (value: Value, container: Value, rt: Runtime): boolean => {
  if (isStr(container)) {
    if (!isStr(value)) throw typeError(`'in <string>' requires string as left operand, not ${typeName(value)}`)
    rt.spendChars(raw(container).length)
    return raw(container).includes(raw(value))
  }
  if (container instanceof Dict) return container.has(value)
  const own = container instanceof PyObject ? container.contains(value, rt) : null
  if (own !== null) return own
  if (iterator(container, rt) === null) throw typeError(`argument of type '${typeName(container)}' is not iterable`)
  for (const item of iterate(container, rt)) if (same(item, value) || equals(item, value, rt)) return true
  return false
}

/** A stable sort, by Python's `<` alone. */
export const sorted = (
  values: ReadonlyArray<Value>,
  key: (value: Value) => Value,
  reverse: boolean,
  rt: Runtime
): ReadonlyArray<Value> => {
  const keyed = values.map((value) => ({ value, key: key(value) }))
  const less = (a: Value, b: Value) => (compare(a, b, rt) ?? 0) < 0
  const direction = reverse ? -1 : 1
  if (keyed.length === 1) return values
  return keyed
    .toSorted((a, b) => (less(a.key, b.key) ? -direction : less(b.key, a.key) ? direction : 0))
    .map(({ value }) => value)
}
