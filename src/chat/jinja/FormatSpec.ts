/** Python's format specifications: `format(value, "…")` of strings and numbers. */

import { exponential, fixed, general } from "./Decimals.js"
import { overflowError, typeError, valueError } from "./Failure.js"
import { formatFloat, toDouble } from "./Numbers.js"
import { str } from "./Repr.js"
import { joined, lengthOf, raw, type Str, slicedChars, withoutMarkup } from "./Text.js"
import { Float, type Int, isInt, isStr, type Runtime, typeName, type Value } from "./Values.js"

interface Spec {
  readonly fill: string
  readonly align: string
  readonly sign: string
  readonly noNegativeZero: boolean
  readonly alternate: boolean
  readonly width: number
  readonly grouping: string
  readonly precision: number | null
  readonly type: string
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su
/** Longest padding or precision; Python has no limit but memory. */
const MAX_SIZE = 1_000_000

const parseSpec = (text: string): Spec => {
  const found = SPEC.exec(text)
  if (found === null) throw valueError("Invalid format specifier")
  const [, fill, align, sign, z, alternate, zero, width, grouping, precision, type] = found
  const spec = {
    fill: fill ?? (zero === undefined ? " " : "0"),
    align: align ?? (zero === undefined ? "" : "="),
    sign: sign ?? "-",
    noNegativeZero: z !== undefined,
    alternate: alternate !== undefined,
    width: Number(width ?? 0),
    grouping: grouping ?? "",
    precision: precision === undefined ? null : Number(precision),
    type: type ?? ""
  }
  if (spec.width > MAX_SIZE || (spec.precision ?? 0) > MAX_SIZE)
    throw valueError("Too many decimal digits in format string")
  return spec
}

/** Where the padding goes: it stands before, after, or between sign and digits. */
const aligned = (prefix: string, body: Str, { align, fill, width }: Spec, otherwise: string, rt: Runtime): Str => {
  const missing = width - lengthOf(prefix) - lengthOf(raw(body))
  if (missing <= 0) return joined([prefix, body])
  rt.spendChars(missing)
  const pad = (count: number) => fill.repeat(count)
  const where = align === "" ? otherwise : align
  if (where === "=") return joined([prefix, pad(missing), body])
  if (where === "<") return joined([prefix, body, pad(missing)])
  if (where === ">") return joined([pad(missing), prefix, body])
  const left = Math.floor(missing / 2)
  return joined([pad(left), prefix, body, pad(missing - left)])
}

const formatText = (value: Str, spec: Spec, rt: Runtime): Str => {
  const { align, precision, sign, type } = spec
  if (type !== "" && type !== "s") throw valueError(`Unknown format code '${type}' for object of type 'str'`)
  if (align === "=" && spec.fill !== "0") throw valueError("'=' alignment not allowed in string format specifier")
  if (sign !== "-" || spec.grouping !== "" || spec.alternate)
    throw valueError("Sign not allowed in string format specifier")
  const text = precision === null ? value : slicedChars(value, 0, precision)
  return aligned("", text, align === "=" ? { ...spec, align: "<" } : spec, "<", rt)
}

/** Digits in groups; with zeros up to the width where those stand between sign and digits. */
const grouped = (digits: string, separator: string, size: number): string => {
  if (separator === "") return digits
  const head = digits.length % size
  const groups = digits.slice(head).match(new RegExp(`.{${size}}`, "g")) ?? []
  return [...(head > 0 ? [digits.slice(0, head)] : []), ...groups].join(separator)
}

const signOf = (negative: boolean, sign: string): string => (negative ? "-" : sign === "-" ? "" : sign)

/** A number of whole digits and a rest (point, exponent, percent sign). */
const formatNumber = (prefix: string, whole: string, rest: string, spec: Spec, size: number, rt: Runtime): Str => {
  let digits = whole
  if (spec.grouping !== "" && spec.align === "=" && spec.fill === "0") {
    const room = spec.width - prefix.length - rest.length
    while (grouped(digits, spec.grouping, size).length < room) digits = `0${digits}`
    // Padding begins with a digit, never with a separator.
  }
  return aligned(prefix, grouped(digits, spec.grouping, size) + rest, spec, ">", rt)
}

const RADIX: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16, d: 10, n: 10, "": 10 }

const formatInteger = (value: Int, spec: Spec, rt: Runtime): Str => {
  const { alternate, precision, sign, type } = spec
  if (type === "c") {
    if (value < 0 || value > 0x10ffff) throw overflowError("%c arg not in range(0x110000)")
    return aligned("", String.fromCodePoint(Number(value)), spec, "<", rt)
  }
  const radix = RADIX[type]
  if (radix === undefined) return formatDouble(toDouble(value), spec, rt)
  if (precision !== null) throw valueError("Precision not allowed in integer format specifier")
  const magnitude = (value < 0 ? -BigInt(value) : BigInt(value)).toString(radix)
  const prefix = signOf(value < 0, sign) + (alternate && radix !== 10 ? `0${type}` : "")
  return formatNumber(prefix, type === "X" ? magnitude.toUpperCase() : magnitude, "", spec, radix === 10 ? 3 : 4, rt)
}

/** Digits of |value| as a format code asks for. */
const digitsOf = (value: number, { alternate, precision, type }: Spec): string => {
  const places = precision ?? 6
  switch (type) {
    case "f":
    case "F":
      return fixed(value, places) + (alternate && places === 0 ? "." : "")
    case "e":
    case "E":
      return exponential(value, places)
    case "%":
      return `${fixed(value * 100, places)}%`
    case "":
      if (precision === null) return formatFloat(Math.abs(value))
      return withPoint(general(value, precision, alternate), value, precision)
    default:
      return general(value, places, alternate)
  }
}

/** Without a code there is always a digit after the point. */
const withPoint = (text: string, value: number, precision: number): string => {
  if (text.includes("e") || text.includes(".")) return text
  return value !== 0 && text.length >= Math.max(precision, 1)
    ? general(value, precision, false).includes("e")
      ? text
      : exponentialOr(value, precision, text)
    : `${text}.0`
}

/** Python switches to an exponent one digit earlier here, to have room for that digit. */
const exponentialOr = (value: number, precision: number, text: string): string =>
  exponential(value, Math.max(precision, 1) - 1).replace(/\.?0+e/, "e") || text

const formatDouble = (value: number, spec: Spec, rt: Runtime): Str => {
  const { sign, type } = spec
  if (!"eEfFgGn%".includes(type)) throw valueError(`Unknown format code '${type}' for object of type 'float'`)
  rt.spendChars(spec.precision ?? 0)
  const text = Number.isFinite(value) ? digitsOf(value, spec) : formatFloat(Math.abs(value)) + (type === "%" ? "%" : "")
  const cased = type === "E" || type === "F" || type === "G" ? text.toUpperCase() : text
  const negative = (value < 0 || Object.is(value, -0)) && !(spec.noNegativeZero && /^[0.]*%?$/.test(cased))
  const whole = /^\d*/.exec(cased)?.[0] ?? ""
  return formatNumber(signOf(negative, sign), whole, cased.slice(whole.length), spec, 3, rt)
}

/** `format(value, spec)`. */
export const formatted = (value: Value, spec: string, rt: Runtime): Str => {
  if (isStr(value)) return spec === "" ? withoutMarkup(value) : formatText(value, parseSpec(spec), rt)
  if (spec === "") return withoutMarkup(str(value, rt))
  if (isInt(value)) return formatInteger(value, parseSpec(spec), rt)
  if (typeof value === "boolean") return formatInteger(Number(value), parseSpec(spec), rt)
  if (value instanceof Float) return formatDouble(value.value, parseSpec(spec), rt)
  throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`)
}
