/** `int(text)` and `float(text)`. */
import { valueError } from "./Failure.js"
import { int } from "./Numbers.js"
import { stripped } from "./Splitting.js"
import { raw } from "./Text.js"
import type { Int } from "./Values.js"

const PREFIX: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16 }
const FLOAT = /^[-+]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+(?:_\d+)*)?$/i
const NAMED = /^([-+]?)(?:(inf)(?:inity)?|nan)$/i
const ZERO = "0".codePointAt(0) ?? 0

/** Decimal digits of any script as ASCII. */
const asciiDigits = (s: string): string =>
  s.replaceAll(/[^\0-\x7f]/gu, (c) => {
    if (!/\p{Nd}/u.test(c)) return c
    // Digits of a script come in a row that begins at zero.
    let code = c.codePointAt(0) ?? 0
    const start = code
    while (code > start - 9 && /\p{Nd}/u.test(String.fromCodePoint(code - 1))) code--
    return String.fromCodePoint(ZERO + ((start - code) % 10))
  })

const digitsIn = (digits: string, radix: number): bigint | null => {
  let value = 0n
  for (const c of digits.toLowerCase()) {
    const digit = Number.parseInt(c, 36)
    if (!(digit < radix)) return null
    value = value * BigInt(radix) + BigInt(digit)
  }
  return value
}

const MAX_DIGITS = 4_300

export const intLiteral = (text: string, base: number): Int => {
  const invalid = () => valueError(`invalid literal for int() with base ${base}`)
  if (base !== 0 && (base < 2 || base > 36)) throw valueError("int() base must be >= 2 and <= 36, or 0")
  const found = /^([-+]?)(?:0([box])_?)?([0-9a-z]+(?:_[0-9a-z]+)*)$/i.exec(
    asciiDigits(raw(stripped(text, null, true, true)))
  )
  if (found === null) throw invalid()
  const [, sign, letter, rest = ""] = found
  const prefixed = letter === undefined ? undefined : PREFIX[letter.toLowerCase()]
  const isPrefix = prefixed !== undefined && (base === 0 || base === prefixed)
  const radix = isPrefix ? prefixed : base === 0 ? 10 : base
  const digits = (isPrefix || letter === undefined ? rest : `0${letter}${rest}`).replaceAll("_", "")
  if (digits.length > MAX_DIGITS) throw valueError("Exceeds the limit (4300 digits) for integer string conversion")
  const value = digitsIn(digits, radix)
  if (value === null || (base === 0 && !isPrefix && /^0+[1-9]/.test(digits))) throw invalid()
  return int(sign === "-" ? -value : value)
}

export const floatLiteral = (text: string): number => {
  const s = asciiDigits(raw(stripped(text, null, true, true)))
  const named = NAMED.exec(s)
  if (named !== null)
    return named[2] === undefined ? Number.NaN : named[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (!FLOAT.test(s)) throw valueError("could not convert string to float")
  return Number(s.replaceAll("_", ""))
}
