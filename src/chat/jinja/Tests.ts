/** Jinja2's tests: what stands behind `is`. */
import { binder } from "./Args.js"
import { compared } from "./Binary.js"
import { CHARACTER_TESTS } from "./Characters.js"
import { typeError } from "./Failure.js"
import type { CompareOperator } from "./Nodes.js"
import { arithmetic, numeric } from "./Numbers.js"
import { Bytes, Range } from "./Objects.js"
import { contains, equals, iterator, same } from "./Operations.js"
import { str } from "./Repr.js"
import { isMarkup, raw } from "./Text.js"
import {
  Dict,
  Float,
  isInt,
  isList,
  isStr,
  type Kwargs,
  PyObject,
  type Runtime,
  Tuple,
  typeName,
  Undefined,
  type Value
} from "./Values.js"

export type Test = (rt: Runtime, value: Value, args: ReadonlyArray<Value>, kwargs: Kwargs) => boolean

const test = (signature: string, run: (value: Value, other: Value, rt: Runtime) => boolean): Test => {
  const bind = binder(signature)
  return (rt, value, args, kwargs) => run(value, bind("test", args, kwargs)[0] ?? null, rt)
}

/** A test without arguments. */
export const plain = (run: (value: Value, rt: Runtime) => boolean): Test => test("", (value, _, rt) => run(value, rt))
const ordered = (op: CompareOperator): Test => test("/!b", (value, other, rt) => compared(op, value, other, rt))

const modulo = (value: Value, by: Value): Value => {
  if (value instanceof Undefined) return value.fail()
  if (by instanceof Undefined) return by.fail()
  const [a, b] = [numeric(value), numeric(by)]
  if (a === null || b === null)
    throw typeError(`unsupported operand type(s) for %: '${typeName(value)}' and '${typeName(by)}'`)
  return arithmetic("%", a, b)
}

const isNumber = (value: Value): boolean => numeric(value) !== null
const isCallable = (value: Value): boolean =>
  (value instanceof PyObject && value.callable) || value instanceof Undefined

const isSequence = (value: Value): boolean =>
  isStr(value) ||
  isList(value) ||
  value instanceof Tuple ||
  value instanceof Dict ||
  value instanceof Range ||
  value instanceof Bytes ||
  value instanceof Undefined

const cased = (name: string): Test => plain((value, rt) => CHARACTER_TESTS[name]?.(raw(str(value, rt))) ?? false)

const eq = ordered("==")
const gt = ordered(">")
const lt = ordered("<")

export const TESTS: Readonly<Record<string, Test>> = {
  odd: plain((value, rt) => equals(modulo(value, 2), 1, rt)),
  even: plain((value, rt) => equals(modulo(value, 2), 0, rt)),
  divisibleby: test("!num", (value, by, rt) => equals(modulo(value, by), 0, rt)),
  defined: plain((value) => !(value instanceof Undefined)),
  undefined: plain((value) => value instanceof Undefined),
  none: plain((value) => value === null),
  boolean: plain((value) => typeof value === "boolean"),
  false: plain((value) => value === false),
  true: plain((value) => value === true),
  integer: plain(isInt),
  float: plain((value) => value instanceof Float),
  lower: cased("islower"),
  upper: cased("isupper"),
  string: plain(isStr),
  mapping: plain((value) => value instanceof Dict),
  number: plain(isNumber),
  sequence: plain(isSequence),
  iterable: plain((value, rt) => iterator(value, rt) !== null),
  callable: plain(isCallable),
  sameas: test("!other", same),
  escaped: plain((value) => isStr(value) && isMarkup(value)),
  in: test("!seq", contains),
  "==": eq,
  eq,
  equalto: eq,
  "!=": ordered("!="),
  ne: ordered("!="),
  ">": gt,
  gt,
  greaterthan: gt,
  ge: ordered(">="),
  ">=": ordered(">="),
  "<": lt,
  lt,
  lessthan: lt,
  "<=": ordered("<="),
  le: ordered("<=")
}
