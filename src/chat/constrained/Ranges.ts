/** Numbers between two bounds as regular languages, exact in their decimal digits. Pure. */
import type { Refusal } from "./Refusal.js"
import { characters, inOrder, oneOfThese, type Regex, repeated, texts } from "./Regex.js"

export interface Bounds {
  /** Null where there is none. */
  readonly from: { readonly value: number; readonly exclusive: boolean } | null
  readonly to: { readonly value: number; readonly exclusive: boolean } | null
}

/** Without a bound numbers have up to 15 digits, which all programs read exactly. */
const LIMIT = 10n ** 15n - 1n
const MAX_PLACES = 6
/** Digits behind the point beyond those of the bounds. */
const EXTRA_PLACES = 2

const DIGIT = characters([[0x30, 0x39]])
const digits = (n: number): Regex => repeated(DIGIT, n, n)
const between = (from: number, to: number): Regex => characters([[0x30 + from, 0x30 + to]])

/** `n` digits of which `places` stand behind a point. */
const free = (n: number, places: number): Regex =>
  places > 0 && n >= places ? inOrder(digits(n - places), texts("."), digits(places)) : digits(n)

/** Digits from `low` to `high`, which have the same length. */
const digitRange = (low: string, high: string, places: number): Regex => {
  const n = low.length
  if (/^0*$/.test(low) && /^9*$/.test(high)) return free(n, places)
  const point = places > 0 && n === places ? texts(".") : texts("")
  const [first, last] = [Number(low[0]), Number(high[0])]
  const [lowRest, highRest] = [low.slice(1), high.slice(1)]
  const step = (digit: Regex, rest: Regex) => inOrder(point, digit, rest)
  if (first === last) return step(between(first, first), digitRange(lowRest, highRest, places))
  const [zeros, nines] = ["0".repeat(n - 1), "9".repeat(n - 1)]
  const from = lowRest === zeros ? first : first + 1
  const to = highRest === nines ? last : last - 1
  return oneOfThese([
    ...(from > first ? [step(between(first, first), digitRange(lowRest, nines, places))] : []),
    ...(from <= to ? [step(between(from, to), digitRange(zeros, nines, places))] : []),
    ...(to < last ? [step(between(last, last), digitRange(zeros, highRest, places))] : [])
  ])
}

/** Numbers from `low` to `high`, both not negative, of units of 10^-places. */
const unsigned = (low: bigint, high: bigint, places: number): ReadonlyArray<Regex> => {
  const all: Array<Regex> = []
  for (let from = low; from <= high; ) {
    const text = String(from).padStart(places + 1, "0")
    const last = 10n ** BigInt(text.length) - 1n
    const to = last < high ? last : high
    all.push(digitRange(text, String(to).padStart(places + 1, "0"), places))
    from = to + 1n
  }
  return all
}

const signed = (low: bigint, high: bigint, places: number): ReadonlyArray<Regex> => [
  ...(low < 0n ? unsigned(high < 0n ? -high : 1n, -low, places).map((part) => inOrder(texts("-"), part)) : []),
  ...(high >= 0n ? unsigned(low > 0n ? low : 0n, high, places) : [])
]

/** A number as its digits and how many of them stand behind the point; null when it has too many of either. */
const decimal = (value: number): { readonly digits: bigint; readonly places: number } | null => {
  const match = /^(-?\d{1,15})(?:\.(\d+))?$/.exec(String(value))
  if (match === null || (match[2] ?? "").length > MAX_PLACES) return null
  return { digits: BigInt(`${match[1]}${match[2] ?? ""}`), places: (match[2] ?? "").length }
}

const NOTHING = "no number is between its bounds"

/** Numbers in the bounds, whole ones or also such with a point. Throws when none is or a bound is too long. */
export const numberRange = (
  { from, to }: Bounds,
  options: { readonly integer: boolean; readonly refuse: (problem: string) => Refusal }
): Regex => {
  const exact = (bound: Bounds["from"]) => {
    if (bound === null) return null
    const parts = decimal(bound.value)
    if (parts !== null) return { ...parts, exclusive: bound.exclusive }
    throw options.refuse(`bounds have at most 15 digits, ${MAX_PLACES} of them behind the point`)
  }
  const [least, most] = [exact(from), exact(to)]
  const scaled = (bound: typeof least, places: number, inward: bigint): bigint | null => {
    if (bound === null) return null
    const shift = places - bound.places
    if (shift >= 0) {
      const value = bound.digits * 10n ** BigInt(shift)
      return bound.exclusive ? value + inward : value
    }
    const unit = 10n ** BigInt(-shift)
    const whole = bound.digits / unit
    if (whole * unit === bound.digits) return bound.exclusive ? whole + inward : whole
    // Division goes towards zero.
    return bound.digits > 0n === inward > 0n ? whole + inward : whole
  }
  const at = (places: number): ReadonlyArray<Regex> => {
    const limit = LIMIT * 10n ** BigInt(places)
    const low = scaled(least, places, 1n) ?? -limit
    const high = scaled(most, places, -1n) ?? limit
    return low > high ? [] : signed(low, high, places)
  }
  const places = options.integer ? 0 : Math.max(least?.places ?? 0, most?.places ?? 0) + EXTRA_PLACES
  const all = Array.from({ length: places + 1 }, (_, i) => at(i)).flat()
  if (all.length === 0) throw options.refuse(NOTHING)
  return oneOfThese(all)
}
