/** The binary and unary operators of expressions. */
import { index } from "./Args.js"
import { typeError } from "./Failure.js"
import type { BinaryOperator, CompareOperator } from "./Nodes.js"
import { arithmetic, negated, numeric } from "./Numbers.js"
import { compare, contains, equals, isTrue } from "./Operations.js"
import { percentFormat } from "./Percent.js"
import { escaped } from "./Repr.js"
import { changed, isMarkup, joined, raw, type Str } from "./Text.js"
import { isInt, isList, isStr, type Runtime, Tuple, typeName, Undefined, type Value } from "./Values.js"

const unsupported = (op: string, a: Value, b: Value) =>
  typeError(`unsupported operand type(s) for ${op}: '${typeName(a)}' and '${typeName(b)}'`)

/** `a + b` of strings; either one that is safe HTML makes the other one safe. */
const addText = (a: Str, b: Str, rt: Runtime): Str => {
  rt.spendChars(Math.min(raw(a).length, raw(b).length))
  if (!isMarkup(a) && !isMarkup(b)) return typeof a === "string" && typeof b === "string" ? a + b : joined([a, b])
  return joined([escaped(a, rt), escaped(b, rt)], true)
}

const repeated = (value: Value, times: Value, rt: Runtime): Value | null => {
  if (!isInt(times) && typeof times !== "boolean") return null
  const count = Math.max(0, index(times))
  if (isStr(value)) {
    rt.spendChars(count * raw(value).length)
    if (typeof value === "string" || value.ranges.length === 0) return changed(value, raw(value).repeat(count))
    rt.spend(count)
    return joined(new Array<Str>(count).fill(value), isMarkup(value))
  }
  if (!isList(value) && !(value instanceof Tuple)) return null
  const items = isList(value) ? value : value.items
  rt.spend(count * Math.max(1, items.length))
  const result = new Array<ReadonlyArray<Value>>(items.length === 0 ? 0 : count).fill(items).flat()
  return isList(value) ? result : new Tuple(result)
}

const sequences = (op: string, a: Value, b: Value, rt: Runtime): Value | null => {
  if (op === "*") return repeated(a, b, rt) ?? repeated(b, a, rt)
  if (op !== "+") return null
  if (isList(a) && isList(b)) {
    rt.spend((a.length + b.length) / 2)
    return [...a, ...b]
  }
  return a instanceof Tuple && b instanceof Tuple ? new Tuple([...a.items, ...b.items]) : null
}

export const binary = (op: BinaryOperator, a: Value, b: Value, rt: Runtime): Value => {
  if (op === "+" && isStr(a) && isStr(b)) return addText(a, b, rt)
  if (op === "%" && isStr(a)) return percentFormat(a, b, rt)
  const [x, y] = [numeric(a), numeric(b)]
  if (x !== null && y !== null) {
    rt.spend(1)
    return arithmetic(op, x, y)
  }
  const [left, right] = [a, b]
  if (left instanceof Undefined) return left.fail()
  if (right instanceof Undefined) return right.fail()
  const result = sequences(op, a, b, rt)
  if (result === null) throw unsupported(op, a, b)
  return result
}

const ORDERED: Readonly<Record<string, (order: number) => boolean>> = {
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0
}

export const compared = (op: CompareOperator, a: Value, b: Value, rt: Runtime): boolean => {
  if (op === "==") return equals(a, b, rt)
  if (op === "!=") return !equals(a, b, rt)
  if (op === "in") return contains(a, b, rt)
  if (op === "notin") return !contains(a, b, rt)
  const order = compare(a, b, rt, op)
  return order !== null && (ORDERED[op]?.(order) ?? false)
}

export const unary = (op: "Not" | "Neg" | "Pos", value: Value, rt: Runtime): Value => {
  if (op === "Not") return !isTrue(value, rt)
  if (value instanceof Undefined) return value.fail()
  const number = numeric(value)
  if (number === null) throw typeError(`bad operand type for unary ${op === "Neg" ? "-" : "+"}: '${typeName(value)}'`)
  return op === "Neg" ? negated(number) : number
}
