/** Floats in a given number of digits, rounded half to even on the exact binary value as Python does; JavaScript rounds ties up. */

interface Digits {
  /** Decimal digits without a leading zero, except for zero itself. */
  readonly digits: string
  /** Power of ten of the first digit. */
  readonly exponent: number
}

/** |value| as a fraction of integers. */
const fraction = (value: number): readonly [bigint, bigint] => {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, Math.abs(value))
  const raw = view.getBigUint64(0)
  const biased = Number((raw >> 52n) & 0x7ffn)
  const mantissa = (raw & 0xfffffffffffffn) | (biased === 0 ? 0n : 1n << 52n)
  const exponent = BigInt(Math.max(biased, 1) - 1075)
  return exponent >= 0n ? [mantissa << exponent, 1n] : [mantissa, 1n << -exponent]
}

const roundedQuotient = (numerator: bigint, denominator: bigint): bigint => {
  const q = numerator / denominator
  const twice = (numerator % denominator) * 2n
  return twice > denominator || (twice === denominator && q % 2n === 1n) ? q + 1n : q
}

const scaled = (value: number, places: number): bigint => {
  const [numerator, denominator] = fraction(value)
  return places >= 0
    ? roundedQuotient(numerator * 10n ** BigInt(places), denominator)
    : roundedQuotient(numerator, denominator * 10n ** BigInt(-places))
}

/** |value| with `places` digits after the point, which may be negative for `round`. */
export const fixed = (value: number, places: number): string => {
  const digits = String(scaled(value, places))
  if (places <= 0) return places === 0 || digits === "0" ? digits : digits + "0".repeat(-places)
  const padded = digits.padStart(places + 1, "0")
  return `${padded.slice(0, -places)}.${padded.slice(-places)}`
}

/** |value| in `count` significant digits. */
export const significant = (value: number, count: number): Digits => {
  if (value === 0) return { digits: "0".repeat(count), exponent: 0 }
  const exponent = Number(Math.abs(value).toExponential(0).split("e")[1])
  // The estimate is one too high where rounding to one digit carried.
  for (const guess of [exponent - 1, exponent]) {
    const digits = String(scaled(value, count - 1 - guess))
    if (digits.length === count) return { digits, exponent: guess }
  }
  return { digits: `1${"0".repeat(count - 1)}`, exponent: exponent + 1 }
}

/** As `%e`, without a sign. */
export const exponential = (value: number, places: number): string => {
  const { digits, exponent } = significant(value, places + 1)
  const power = String(Math.abs(exponent)).padStart(2, "0")
  return `${digits[0] ?? "0"}${places > 0 ? `.${digits.slice(1)}` : ""}e${exponent < 0 ? "-" : "+"}${power}`
}

/** As `%g`, without a sign; `keepZeros` for the `#` flag. */
export const general = (value: number, precision: number, keepZeros: boolean): string => {
  const count = Math.max(precision, 1)
  const { digits, exponent } = significant(value, count)
  const stripped = keepZeros ? digits : digits.replace(/(?<=.)0+$/, "")
  const point = (whole: string, rest: string) => (rest === "" && !keepZeros ? whole : `${whole}.${rest}`)
  if (exponent < -4 || exponent >= count) {
    const power = String(Math.abs(exponent)).padStart(2, "0")
    return `${point(stripped[0] ?? "0", stripped.slice(1))}e${exponent < 0 ? "-" : "+"}${power}`
  }
  if (exponent < 0) return point("0", "0".repeat(-exponent - 1) + stripped)
  const padded = stripped.padEnd(exponent + 1, "0")
  return point(padded.slice(0, exponent + 1), padded.slice(exponent + 1))
}
