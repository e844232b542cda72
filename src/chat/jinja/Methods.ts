/** Public attributes of strings, numbers, lists, tuples and dicts, found by type and name. */
import { type Bound, binder, index } from "./Args.js"
import { valueError } from "./Failure.js"
import { int } from "./Numbers.js"
import { DictView } from "./Objects.js"
import { equals, iterate } from "./Operations.js"
import { STRING_METHODS } from "./StringMethods.js"
import { Dict, Float, Func, type Int, isInt, isList, isStr, type Runtime, Tuple, type Value } from "./Values.js"

interface Method<A> {
  readonly bind: ReturnType<typeof binder>
  readonly run: (self: A, args: Bound, rt: Runtime) => Value
}
type Methods<A> = Readonly<Record<string, Method<A>>>

const method = <A>(signature: string, run: Method<A>["run"]): Method<A> => ({ bind: binder(signature), run })

const bound = <A>(methods: Methods<A>, self: A, name: string): Value | undefined => {
  const found = Object.hasOwn(methods, name) ? methods[name] : undefined
  if (found === undefined) return undefined
  return new Func(name, (rt, args, kwargs) => found.run(self, found.bind(name, args, kwargs), rt))
}

const countOf = (items: ReadonlyArray<Value>, [value = null]: Bound, rt: Runtime) =>
  items.filter((item) => equals(item, value, rt)).length

const indexOf = (items: ReadonlyArray<Value>, [value = null, start = 0, stop]: Bound, rt: Runtime) => {
  const clamp = (at: Value) => (index(at) < 0 ? Math.max(0, index(at) + items.length) : index(at))
  const end = stop === undefined ? items.length : clamp(stop)
  const found = items.findIndex((item, i) => i >= clamp(start) && i < end && equals(item, value, rt))
  if (found < 0) throw valueError("value is not in list")
  return found
}

const LIST: Methods<ReadonlyArray<Value>> = {
  copy: method("", (items) => [...items]),
  count: method("/!value", countOf),
  index: method("/!value /start /stop", indexOf)
}

const TUPLE: Methods<ReadonlyArray<Value>> = {
  count: method("/!value", countOf),
  index: method("/!value /start /stop", indexOf)
}

const DICT: Methods<Dict> = {
  copy: method("", (dict) => Dict.of(dict.entries())),
  fromkeys: method("/!iterable /value", (_, [keys = null, value = null], rt) =>
    Dict.of(Array.from(iterate(keys, rt), (key) => [key, value] as const))
  ),
  get: method("/!key /default", (dict, [key = null, fallback = null]) =>
    dict.has(key) ? (dict.get(key) ?? null) : fallback
  ),
  items: method("", (dict) => new DictView(dict, "items")),
  keys: method("", (dict) => new DictView(dict, "keys")),
  values: method("", (dict) => new DictView(dict, "values"))
}

const magnitude = (value: Int): bigint => (value < 0 ? -BigInt(value) : BigInt(value))

const INT: Methods<Int> = {
  as_integer_ratio: method("", (value) => new Tuple([value, 1])),
  bit_count: method("", (value) => magnitude(value).toString(2).replaceAll("0", "").length),
  bit_length: method("", (value) => (Number(value) === 0 ? 0 : magnitude(value).toString(2).length)),
  conjugate: method("", (value) => value)
}

const hexOf = (value: number): string => {
  const sign = value < 0 || Object.is(value, -0) ? "-" : ""
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : `${sign}inf`
  if (value === 0) return `${sign}0x0.0p+0`
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, Math.abs(value))
  const bits = view.getBigUint64(0)
  const biased = Number(bits >> 52n)
  const exponent = Math.max(biased, 1) - 1023
  const mantissa = (bits & 0xfffffffffffffn).toString(16).padStart(13, "0")
  return `${sign}0x${biased === 0 ? 0 : 1}.${mantissa}p${exponent < 0 ? "" : "+"}${exponent}`
}

const ratioOf = (value: number): Tuple => {
  if (!Number.isFinite(value)) throw valueError("cannot convert NaN or infinity to integer ratio")
  let [numerator, shift] = [value, 0n]
  while (!Number.isInteger(numerator)) [numerator, shift] = [numerator * 2, shift + 1n]
  return new Tuple([int(BigInt(numerator)), int(1n << shift)])
}

const FLOAT: Methods<number> = {
  as_integer_ratio: method("", ratioOf),
  conjugate: method("", (value) => new Float(value)),
  hex: method("", hexOf),
  is_integer: method("", (value) => Number.isInteger(value))
}

const intAttribute = (value: Int, name: string): Value | undefined => {
  if (name === "real" || name === "numerator") return value
  if (name === "imag") return 0
  return name === "denominator" ? 1 : bound(INT, value, name)
}

const floatAttribute = (value: Float, name: string): Value | undefined => {
  if (name === "real") return value
  return name === "imag" ? new Float(0) : bound(FLOAT, value.value, name)
}

/** A public attribute of a value; undefined where its type has none of that name. */
export const methodOf = (value: Value, name: string): Value | undefined => {
  if (value instanceof Dict) return bound(DICT, value, name)
  if (isStr(value)) {
    const run = Object.hasOwn(STRING_METHODS, name) ? STRING_METHODS[name] : undefined
    return run === undefined ? undefined : new Func(name, (rt, args, kwargs) => run(value, rt, args, kwargs))
  }
  if (isList(value)) return bound(LIST, value, name)
  if (value instanceof Tuple) {
    const at = value.names.indexOf(name)
    return at >= 0 ? value.items[at] : bound(TUPLE, value.items, name)
  }
  if (typeof value === "boolean") return intAttribute(Number(value), name)
  if (isInt(value)) return intAttribute(value, name)
  return value instanceof Float ? floatAttribute(value, name) : undefined
}
