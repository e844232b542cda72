/** Texts of arguments as values of the type that the parameter's schema names. Pure. */
import { readJson } from "./JsonReader.js"
import { atom, type Literal, text } from "./Literal.js"
import type { ParameterType } from "./ParameterType.js"
import { readPython } from "./PythonReader.js"

const NULL = atom("null")

/** An integer without needless zeros. As a text, as JavaScript's integers take quadratic time for long ones. */
const plainInteger = (digits: string): string => digits.replace(/^(-?)0+(?=\d)/, "$1").replace(/^-0$/, "0")

/** A number as Python's float reads it; null where it is none or has no JSON form. */
const readNumber = (value: string): string | null => {
  const digits = value.trim().replace(/^\+/, "")
  if (/^-?\d+$/.test(digits)) return plainInteger(digits)
  if (!/^[-+]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?$/.test(digits)) return null
  const number = Number(digits.replaceAll("_", ""))
  if (!Number.isFinite(number)) return null
  return Number.isInteger(number) ? String(BigInt(number)) : String(number)
}

const isInteger = (json: string): boolean => /^-?\d+$/.test(json)

const TEXT_TYPES = new Set(["string", "str", "text", "varchar", "char", "enum"])
const BOOLEAN_TYPES = new Set(["boolean", "bool", "binary"])
const CONTAINER = /^(?:object$|array$|arr$|dict|list)/
const INTEGER = /^(?:int|uint|long|short|unsigned)/
const NUMBER = /^(?:num|float)/

const isContainer = (value: Literal | null): boolean => value?.kind === "object" || value?.kind === "array"

const untyped = (value: string): Literal => {
  const read = readJson(value)
  return read !== null && isContainer(read) ? read : text(value)
}

/**
 * As Qwen3-Coder's original reads it, but for schemas that name several types. Null where the value isn't of its type.
 */
export const typedValue = (value: string, parameter: ParameterType | null): Literal | null => {
  if (value.toLowerCase() === "null") return NULL
  if (parameter === null) return text(value)
  const { named: type, types } = parameter
  if (type === null) return types.size === 0 ? untyped(value) : firstFitting(value, types)
  if (TEXT_TYPES.has(type)) return text(value)
  if (INTEGER.test(type) || NUMBER.test(type)) {
    const json = readNumber(value)
    return json === null || (INTEGER.test(type) && !isInteger(json)) ? null : atom(json)
  }
  if (BOOLEAN_TYPES.has(type)) return atom(String(value.toLowerCase() === "true"))
  return (CONTAINER.test(type) ? readJson(value, { loose: true }) : null) ?? readPython(value) ?? text(value)
}

const TRUE = new Set(["true", "1", "yes", "on"])
const FALSE = new Set(["false", "0", "no", "off"])

const integer = (value: string) =>
  /^[-+]?\d[\d_]*$/.test(value) ? atom(plainInteger(value.replace(/^\+|_/g, ""))) : null
const number = (value: string) => {
  const json = readNumber(value)
  return json === null ? null : atom(json)
}
const boolean = (value: string) => {
  const lower = value.toLowerCase()
  return TRUE.has(lower) ? atom("true") : FALSE.has(lower) ? atom("false") : null
}
const container = (value: string) => readJson(value, { loose: true }) ?? readPython(value)

/** From the most specific type on. */
const READERS: ReadonlyArray<readonly [types: ReadonlyArray<string>, read: (value: string) => Literal | null]> = [
  [["integer", "int"], integer],
  [["number", "float"], number],
  [["boolean", "bool"], boolean],
  [["object", "array"], container],
  [["string", "str", "text"], text]
]

const TEXT: ReadonlySet<string> = new Set(["string"])

/** The types that a text is tried for. */
export const typesTried = (parameter: ParameterType | null): ReadonlySet<string> =>
  parameter === null || parameter.types.size === 0 ? TEXT : parameter.types

/** Of the first type that the value fits. */
const firstFitting = (value: string, types: ReadonlySet<string>): Literal => {
  for (const [names, read] of READERS) {
    const literal = names.some((name) => types.has(name)) ? read(value) : null
    if (literal !== null) return literal
  }
  return readJson(value) ?? text(value)
}

/** As MiniMax's original reads it. */
export const valueOfTypes = (value: string, parameter: ParameterType | null): Literal => {
  const types = typesTried(parameter)
  const word = value.toLowerCase()
  return word === "null" || (types.has("null") && (word === "none" || word === "nil"))
    ? NULL
    : firstFitting(value, types)
}
