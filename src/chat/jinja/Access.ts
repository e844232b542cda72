/** Attributes, items and slices, as the sandbox lets a template see them. */
import { index } from "./Args.js"
import { hasInternal } from "./Dunders.js"
import { typeError, valueError } from "./Failure.js"
import { formatMethod, type LookUp } from "./FormatMethod.js"
import { methodOf } from "./Methods.js"
import { Range } from "./Objects.js"
import { reprStr } from "./Repr.js"
import { isUnitwise, joined, offsetsOf, raw, type Str, sliced, slicedChars } from "./Text.js"
import { Dict, isInt, isList, isStr, PyObject, type Runtime, Tuple, typeName, Undefined, type Value } from "./Values.js"

/** Methods that change a list or a dict. */
const MUTATING: Readonly<Record<string, ReadonlySet<string>>> = {
  list: new Set(["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"]),
  dict: new Set(["clear", "pop", "popitem", "setdefault", "update"])
}

const described = (value: Value): string => (value === null ? "None" : `'${typeName(value)} object'`)

const missing = (value: Value, name: Value): Undefined =>
  new Undefined(`${described(value)} has no ${isStr(name) ? `attribute ${raw(reprStr(name))}` : "such element"}`)

const unsafe = (value: Value, name: string): Undefined =>
  new Undefined(`access to attribute '${name}' of '${typeName(value)}' object is unsafe.`, "security")

/** Python's `getattr`, with what is unsafe replaced; undefined where there is no such attribute. */
const attribute = (value: Value, name: string, rt: Runtime): Value | undefined => {
  const type = typeName(value)
  if (hasInternal(type, name)) return unsafe(value, name)
  if (value instanceof Undefined) return name.startsWith("__") && name.endsWith("__") ? undefined : value.fail()
  if (MUTATING[type]?.has(name) === true) return unsafe(value, name)
  if (value instanceof PyObject) return value.attribute(name, rt)
  return (isStr(value) ? formatMethod(value, name, LOOK_UP) : undefined) ?? methodOf(value, name)
}

/** An index into a sequence of `length`; undefined when it lies outside. */
const position = (key: Value, length: number): number | undefined => {
  const n = index(key)
  const at = n < 0 ? n + length : n
  return at >= 0 && at < length ? at : undefined
}

const charAt = (text: Str, key: Value): Value | undefined => {
  const s = raw(text)
  if (isUnitwise(s)) {
    const at = position(key, s.length)
    return at === undefined ? undefined : sliced(text, at, at + 1)
  }
  const offsets = offsetsOf(s)
  const at = position(key, offsets.length - 1)
  return at === undefined ? undefined : sliced(text, offsets[at] ?? 0, offsets[at + 1])
}

/** Python's `value[key]`; undefined where it raises TypeError or LookupError. */
const item = (value: Value, key: Value, rt: Runtime): Value | undefined => {
  if (value instanceof Dict) return isList(key) || key instanceof Dict ? undefined : value.get(key)
  if (value instanceof Undefined) return value.fail()
  const isIndex = isInt(key) || typeof key === "boolean"
  if (isList(value) || value instanceof Tuple) {
    const items = isList(value) ? value : value.items
    const at = isIndex ? position(key, items.length) : undefined
    return at === undefined ? undefined : items[at]
  }
  if (isStr(value)) {
    if (isIndex) rt.spendChars(raw(value).length)
    return isIndex ? charAt(value, key) : undefined
  }
  if (value instanceof Range) return isIndex ? value.item(key) : undefined
  return value instanceof PyObject ? value.item(key, rt) : undefined
}

/** `value.name`: the attribute, else the item. */
export const getattr = (value: Value, name: string, rt: Runtime): Value => {
  // A dict has no attributes but its methods, so that most look-ups end here.
  const found = attribute(value, name, rt)
  if (found !== undefined) return found
  const entry = value instanceof Dict ? value.getName(name) : item(value, name, rt)
  return entry === undefined ? missing(value, name) : entry
}

/** `value[key]`: the item, else the attribute. */
export const getitem = (value: Value, key: Value, rt: Runtime): Value => {
  const entry = item(value, key, rt)
  if (entry !== undefined) return entry
  const found = isStr(key) ? attribute(value, raw(key), rt) : undefined
  return found === undefined ? missing(value, key) : found
}

const LOOK_UP: LookUp = { attribute: getattr, item: getitem }

/** The attribute filter's look-up: no item stands in for an attribute. */
export const attributeOnly = (value: Value, name: string, rt: Runtime): Value =>
  attribute(value, name, rt) ?? missing(value, name)

/** Start, stop and step of a slice, as `slice.indices`. */
const indices = (start: Value, stop: Value, step: Value, length: number): readonly [number, number, number] => {
  const by = step === null ? 1 : index(step)
  if (by === 0) throw valueError("slice step cannot be zero")
  const [low, high] = by < 0 ? [-1, length - 1] : [0, length]
  const clamp = (value: Value, otherwise: number) => {
    if (value === null) return otherwise
    const n = index(value)
    return Math.min(Math.max(n < 0 ? n + length : n, low), high)
  }
  return by < 0 ? [clamp(start, high), clamp(stop, low), by] : [clamp(start, low), clamp(stop, high), by]
}

const picked = <A>(items: ReadonlyArray<A>, from: number, to: number, by: number): ReadonlyArray<A> => {
  if (by === 1) return items.slice(from, Math.max(from, to))
  const result: Array<A> = []
  for (let i = from; by > 0 ? i < to : i > to; i += by) {
    const value = items[i]
    if (value !== undefined) result.push(value)
  }
  return result
}

const sliceText = (text: Str, start: Value, stop: Value, step: Value, rt: Runtime): Str => {
  const s = raw(text)
  rt.spendChars(s.length)
  const offsets = isUnitwise(s) ? null : offsetsOf(s)
  const length = offsets === null ? s.length : offsets.length - 1
  const [from, to, by] = indices(start, stop, step, length)
  if (by === 1) return slicedChars(text, from, to)
  rt.spend(length)
  const positions = picked(
    Array.from({ length }, (_, i) => i),
    from,
    to,
    by
  )
  const end = (i: number) => (offsets === null ? i + 1 : (offsets[i + 1] ?? s.length))
  return joined(positions.map((i) => sliced(text, offsets === null ? i : (offsets[i] ?? 0), end(i))))
}

/** `value[start:stop:step]`. */
export const getslice = (value: Value, start: Value, stop: Value, step: Value, rt: Runtime): Value => {
  if (value instanceof Undefined) return value.fail()
  if (isStr(value)) return sliceText(value, start, stop, step, rt)
  if (value instanceof Range) {
    const [from, to, by] = indices(start, stop, step, value.count)
    return new Range(value.at(from), value.at(to), value.step * by)
  }
  if (!isList(value) && !(value instanceof Tuple)) throw typeError(`'${typeName(value)}' object is not subscriptable`)
  const items = isList(value) ? value : value.items
  rt.spend(items.length / 8)
  const [from, to, by] = indices(start, stop, step, items.length)
  const part = picked(items, from, to, by)
  return isList(value) ? part : new Tuple(part)
}
