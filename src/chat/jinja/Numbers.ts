/** Python's arithmetic and the texts of its numbers. */
import { overflowError, runtimeError, typeError, valueError } from "./Failure.js"
import { Float, type Int, isInt, type Value } from "./Values.js"

/** Largest integers a template may make; Python prints none of more than 4,300 digits. */
const MAX_BITS = 100_000
const MAX_DIGITS = 4_300

export const int = (value: bigint): Int => {
  const n = Number(value)
  return Number.isSafeInteger(n) ? n : value
}

/** The integer of a literal or of an exact integral double. */
export const intOf = (n: number): Int => (Number.isSafeInteger(n) ? n + 0 : BigInt(n))

/** The number that a value counts as; null for anything else. */
export const numeric = (value: Value): Int | Float | null => {
  if (typeof value === "boolean") return value ? 1 : 0
  return isInt(value) || value instanceof Float ? value : null
}

export const toDouble = (value: Int | Float): number => {
  if (value instanceof Float) return value.value
  const n = Number(value)
  if (!Number.isFinite(n)) throw overflowError("int too large to convert to float")
  return n
}

const bits = (value: bigint): number => (value < 0n ? -value : value).toString(16).length * 4

const bounded = (value: bigint): Int => {
  if (bits(value) > MAX_BITS) throw runtimeError("an integer of more than 100,000 bits")
  return int(value)
}

const zeroDivision = (what: string) => runtimeError(`${what} by zero`)

const floorDivide = (a: bigint, b: bigint): bigint => {
  const q = a / b
  return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q
}

const floatMod = (a: number, b: number): number => {
  if (b === 0) throw zeroDivision("float modulo")
  const m = a % b
  if (m === 0) return b < 0 ? -0 : 0
  return m < 0 !== b < 0 ? m + b : m
}

const floatFloorDivide = (a: number, b: number): number => {
  if (b === 0) throw zeroDivision("float floor division")
  const m = a % b
  let q = (a - m) / b
  if (m !== 0 && b < 0 !== m < 0) q -= 1
  if (q === 0) return a / b < 0 ? -0 : 0
  const floor = Math.floor(q)
  return q - floor > 0.5 ? floor + 1 : floor
}

const intPower = (base: Int, exponent: Int): Int | Float => {
  if (exponent < 0) {
    if (Number(base) === 0) throw runtimeError("0.0 cannot be raised to a negative power")
    return new Float(toDouble(base) ** Number(exponent))
  }
  const wide = BigInt(base)
  if (wide !== 0n && wide !== 1n && wide !== -1n && bits(wide) * Number(exponent) > 4 * MAX_BITS) {
    throw runtimeError("an integer of more than 100,000 bits")
  }
  return bounded(wide ** BigInt(exponent))
}

const floatPower = (a: number, b: number): Float => {
  if (a === 0 && b < 0) throw runtimeError("0.0 cannot be raised to a negative power")
  if (a < 0 && Number.isFinite(a) && Number.isFinite(b) && !Number.isInteger(b))
    throw runtimeError("complex numbers are not supported")
  // Python differs from JavaScript: 1 to any power, and -1 to an infinite one, are 1.
  const result = a === 1 || (a === -1 && !Number.isFinite(b) && !Number.isNaN(b)) ? 1 : a ** b
  if (!Number.isFinite(result) && Number.isFinite(a) && Number.isFinite(b))
    throw overflowError("Numerical result out of range")
  return new Float(result)
}

/** The double nearest to `a / b`. */
const nearestQuotient = (a: bigint, b: bigint): number => {
  const [n, d] = [a < 0n ? -a : a, b < 0n ? -b : b]
  // Enough bits for a double and more; the last one stands for all that is cut off.
  const shift = 66 - bits(n) + bits(d)
  const [scaled, unit] = shift > 0 ? [n << BigInt(shift), d] : [n, d << BigInt(-shift)]
  const quotient = Number((scaled / unit) | (scaled % unit === 0n ? 0n : 1n))
  return (a < 0n === b < 0n ? quotient : -quotient) * 2 ** -shift
}

const trueDivide = (a: Int, b: Int): Float => {
  if (Number(b) === 0) throw zeroDivision("division")
  if (typeof a === "number" && typeof b === "number") return new Float(a / b)
  const quotient = nearestQuotient(BigInt(a), BigInt(b))
  if (!Number.isFinite(quotient)) throw overflowError("integer division result too large for a float")
  return new Float(quotient)
}

const exact = (a: number, b: number, result: number, wide: (a: bigint, b: bigint) => bigint): Int =>
  Number.isSafeInteger(result) ? result + 0 : bounded(wide(BigInt(a), BigInt(b)))

const INT_OPERATORS: Readonly<Record<string, (a: Int, b: Int) => Int | Float>> = {
  "+": (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? exact(a, b, a + b, (x, y) => x + y)
      : bounded(BigInt(a) + BigInt(b)),
  "-": (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? exact(a, b, a - b, (x, y) => x - y)
      : bounded(BigInt(a) - BigInt(b)),
  "*": (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? exact(a, b, a * b, (x, y) => x * y)
      : bounded(BigInt(a) * BigInt(b)),
  "/": trueDivide,
  "//": (a, b) => {
    if (Number(b) === 0) throw zeroDivision("integer division or modulo")
    return int(floorDivide(BigInt(a), BigInt(b)))
  },
  "%": (a, b) => {
    if (Number(b) === 0) throw zeroDivision("integer modulo")
    if (typeof a === "number" && typeof b === "number") {
      const m = a % b
      return (m !== 0 && m < 0 !== b < 0 ? m + b : m) + 0
    }
    return int(BigInt(a) - floorDivide(BigInt(a), BigInt(b)) * BigInt(b))
  },
  "**": intPower
}

const FLOAT_OPERATORS: Readonly<Record<string, (a: number, b: number) => Float>> = {
  "+": (a, b) => new Float(a + b),
  "-": (a, b) => new Float(a - b),
  "*": (a, b) => new Float(a * b),
  "/": (a, b) => {
    if (b === 0) throw zeroDivision("float division")
    return new Float(a / b)
  },
  "//": (a, b) => new Float(floatFloorDivide(a, b)),
  "%": (a, b) => new Float(floatMod(a, b)),
  "**": floatPower
}

/** `a op b` of two numbers. */
export const arithmetic = (op: string, a: Int | Float, b: Int | Float): Int | Float => {
  const ints = INT_OPERATORS[op]
  const floats = FLOAT_OPERATORS[op]
  if (ints === undefined || floats === undefined) throw typeError(`no operator ${op}`)
  return isInt(a) && isInt(b) ? ints(a, b) : floats(toDouble(a), toDouble(b))
}

export const negated = (value: Int | Float): Int | Float => {
  if (value instanceof Float) return new Float(-value.value)
  return typeof value === "number" ? 0 - value : int(-value)
}

/** -1, 0 or 1; null when one of them is not a number. */
export const compareNumbers = (a: Int | Float, b: Int | Float): number | null => {
  const x = a instanceof Float ? a.value : a
  const y = b instanceof Float ? b.value : b
  if (Number.isNaN(x) || Number.isNaN(y)) return null
  return x < y ? -1 : x > y ? 1 : 0
}

export const formatInt = (value: Int): string => {
  const text = String(value)
  if (text.length > MAX_DIGITS + 1) throw valueError("Exceeds the limit (4300 digits) for integer string conversion")
  return text
}

/** `repr` of a float: the shortest digits that give it back. */
export const formatFloat = (value: number): string => {
  if (Number.isNaN(value)) return "nan"
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf"
  if (Object.is(value, -0)) return "-0.0"
  if (value === 0) return "0.0"
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e")
  const power = Number(exponent)
  if (power < -4 || power >= 16) {
    const sign = power < 0 ? "-" : "+"
    return `${mantissa}e${sign}${String(Math.abs(power)).padStart(2, "0")}`
  }
  // JavaScript writes these ranges without an exponent too, all but the smallest of them.
  const text =
    power < 0 ? value.toFixed(Math.min(100, mantissa.replace(/[-.]/g, "").length - 1 - power)) : String(value)
  return text.includes(".") ? text : `${text}.0`
}
