/** `text % values`: printf-style formatting. */
import { index } from "./Args.js"
import { exponential, fixed, general } from "./Decimals.js"
import { lookupError, overflowError, typeError, valueError } from "./Failure.js"
import { formatFloat, toDouble } from "./Numbers.js"
import { asciiOf, escaped, repr, str } from "./Repr.js"
import { isMarkup, joined, lengthOf, raw, type Str, sliced, slicedChars } from "./Text.js"
import {
  Dict,
  Float,
  type Int,
  isInt,
  isList,
  isStr,
  PyObject,
  type Runtime,
  Tuple,
  typeName,
  Undefined,
  type Value
} from "./Values.js"

const SPECIFIER = /%(?:\(((?:[^()]|\([^()]*\))*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([hlL]?)(.)?/gsu
/** Longest field or precision; Python has no limit but memory. */
const MAX_SIZE = 1_000_000

interface Spec {
  readonly flags: string
  readonly width: number
  readonly precision: number | null
  readonly code: string
}

/** The arguments, taken one after another or by name. */
const makeArguments = (values: Value, rt: Runtime) => {
  const items = values instanceof Tuple ? values.items : [values]
  const mapping = values instanceof Dict
  let used = 0
  let named = false
  return {
    next: (): Value => {
      const value = items[used++]
      if (value === undefined || (named && used > 1)) throw typeError("not enough arguments for format string")
      return value
    },
    named: (key: string): Value => {
      if (values instanceof Undefined) return values.fail()
      if (!(values instanceof Dict)) throw typeError("format requires a mapping")
      named = true
      const value = values.get(key)
      if (value === undefined) throw lookupError(raw(repr(key, rt)))
      return value
    },
    /** What may be left over: a mapping, a list, anything with items but strings and tuples. */
    check: () => {
      const loose = mapping || isList(values) || values instanceof PyObject || values instanceof Undefined
      if (used < items.length && !loose) throw typeError("not all arguments converted during string formatting")
    }
  }
}

const padded = (sign: string, body: Str, { flags, width }: Spec, zero: boolean, rt: Runtime): Str => {
  const missing = width - sign.length - lengthOf(raw(body))
  if (missing <= 0) return joined([sign, body])
  rt.spendChars(missing)
  if (flags.includes("-")) return joined([sign, body, " ".repeat(missing)])
  return zero ? joined([sign, "0".repeat(missing), body]) : joined([" ".repeat(missing), sign, body])
}

const signFor = (negative: boolean, flags: string): string =>
  negative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""

const toInt = (value: Value, code: string): Int => {
  if (isInt(value)) return value
  if (typeof value === "boolean") return Number(value)
  if (value instanceof Undefined && "diu".includes(code)) return value.fail()
  if (value instanceof Float && "diu".includes(code)) {
    if (Number.isNaN(value.value)) throw valueError("cannot convert float NaN to integer")
    if (!Number.isFinite(value.value)) throw overflowError("cannot convert float infinity to integer")
    return BigInt(Math.trunc(value.value))
  }
  throw typeError(`%${code} format: a number is required, not ${typeName(value)}`)
}

const RADIX: Readonly<Record<string, number>> = { x: 16, X: 16, o: 8 }

const integer = (value: Value, spec: Spec, rt: Runtime): Str => {
  const { code, flags, precision } = spec
  const n = BigInt(toInt(value, code))
  let digits = (n < 0n ? -n : n).toString(RADIX[code] ?? 10)
  if (code === "X") digits = digits.toUpperCase()
  if (precision !== null) {
    rt.spendChars(precision)
    digits = digits.padStart(precision, "0")
  }
  const prefix = flags.includes("#") && RADIX[code] !== undefined ? `0${code}` : ""
  return padded(signFor(n < 0n, flags) + prefix, digits, spec, flags.includes("0"), rt)
}

const float = (value: Value, spec: Spec, rt: Runtime): Str => {
  const { code, flags, precision } = spec
  if (value instanceof Undefined) return value.fail()
  if (!(value instanceof Float) && !isInt(value) && typeof value !== "boolean") {
    throw typeError(`must be real number, not ${typeName(value)}`)
  }
  const x = toDouble(typeof value === "boolean" ? Number(value) : value)
  const places = precision ?? 6
  rt.spendChars(places)
  const lower = code.toLowerCase()
  const text = !Number.isFinite(x)
    ? formatFloat(Math.abs(x))
    : lower === "f"
      ? fixed(x, places) + (flags.includes("#") && places === 0 ? "." : "")
      : lower === "e"
        ? exponential(x, places)
        : general(x, places, flags.includes("#"))
  const negative = x < 0 || Object.is(x, -0)
  const zero = flags.includes("0") && Number.isFinite(x)
  return padded(signFor(negative, flags), code === lower ? text : text.toUpperCase(), spec, zero, rt)
}

const character = (value: Value): Str => {
  if (isStr(value)) {
    if (lengthOf(raw(value)) !== 1) throw typeError("%c requires int or char")
    return value
  }
  const code = index(value)
  if (code < 0 || code > 0x10ffff) throw overflowError("%c arg not in range(0x110000)")
  return String.fromCodePoint(code)
}

const conversion = (value: Value, spec: Spec, escape: boolean, rt: Runtime): Str => {
  const { code, precision } = spec
  if ("diuxXo".includes(code)) return integer(value, spec, rt)
  if ("eEfFgG".includes(code)) return float(value, spec, rt)
  if (code === "c") return padded("", character(value), spec, false, rt)
  if (code !== "s" && code !== "r" && code !== "a") {
    throw valueError(`unsupported format character '${code}'`)
  }
  const text = code === "s" ? str(value, rt) : code === "r" ? repr(value, rt) : asciiOf(repr(value, rt))
  const safe = escape ? escaped(code === "s" && isStr(value) ? value : text, rt) : text
  return padded("", precision === null ? safe : slicedChars(safe, 0, precision), spec, false, rt)
}

const size = (text: string | undefined, next: () => Value): number | null => {
  if (text === undefined) return null
  if (text === "*") {
    const value = next()
    if (!isInt(value)) throw typeError("* wants int")
    return Number(value)
  }
  return Number(text)
}

export const percentFormat = (template: Str, values: Value, rt: Runtime): Str => {
  const s = raw(template)
  const args = makeArguments(values, rt)
  const parts: Array<Str> = []
  let at = 0
  for (const found of s.matchAll(SPECIFIER)) {
    const [whole, key, flags = "", width, precision, , code] = found
    parts.push(sliced(template, at, found.index))
    at = found.index + whole.length
    if (code === undefined) throw valueError("incomplete format")
    // A name is looked up even for a percent sign.
    const named = key === undefined ? null : args.named(key)
    const wide = size(width, args.next) ?? 0
    const exact = whole.includes(".", (key?.length ?? -2) + 2) ? (size(precision, args.next) ?? 0) : null
    if (Math.abs(wide) > MAX_SIZE || (exact ?? 0) > MAX_SIZE) throw valueError("width too big")
    if (code === "%") {
      parts.push("%")
      continue
    }
    const spec = {
      flags: wide < 0 ? `${flags}-` : flags,
      width: Math.abs(wide),
      precision: exact === null ? null : Math.max(0, exact),
      code
    }
    parts.push(conversion(named ?? (key === undefined ? args.next() : null), spec, isMarkup(template), rt))
  }
  args.check()
  return joined([...parts, sliced(template, at)], isMarkup(template))
}
