/**
 * Strings of a template. Text that came with the request keeps its origin through every operation, so that the prompt can be
 * encoded without reading control tokens out of it (spec 03 §0.1(10)). Text of the template alone is a plain string.
 */

/** Starts and ends of the request's text, in UTF-16 units, sorted, not touching: [start, end, start, end, …]. */
export type Ranges = ReadonlyArray<number>

export type Str = string | Text

/** Most parts of a concatenation that wait for their ranges: keeps deep chains and shared halves cheap. */
const MAX_PENDING = 256
const NONE: Ranges = []

const appendRange = (ranges: Array<number>, start: number, end: number): void => {
  if (end <= start) return
  if (ranges.length > 0 && ranges[ranges.length - 1] === start) ranges[ranges.length - 1] = end
  else ranges.push(start, end)
}

/** A string with parts of the request in it, or one that is marked as safe HTML. */
export class Text {
  #ranges: Ranges | null
  #parts: ReadonlyArray<Str>
  readonly pending: number

  constructor(
    readonly s: string,
    ranges: Ranges | null,
    readonly markup: boolean,
    parts: ReadonlyArray<Str> = []
  ) {
    this.#ranges = ranges
    this.#parts = parts
    this.pending = ranges === null ? parts.reduce((sum, part) => sum + (part instanceof Text ? part.pending : 1), 0) : 1
  }

  /** Computed when first asked for: a concatenation costs no more than its parts. */
  get ranges(): Ranges {
    if (this.#ranges !== null) return this.#ranges
    const ranges: Array<number> = []
    let offset = 0
    const stack: Array<Str> = [...this.#parts].reverse()
    for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
      if (typeof part === "string") offset += part.length
      else if (part.#ranges === null) for (let i = part.#parts.length - 1; i >= 0; i--) stack.push(part.#parts[i] ?? "")
      else {
        for (let i = 0; i + 1 < part.#ranges.length; i += 2) {
          appendRange(ranges, offset + (part.#ranges[i] ?? 0), offset + (part.#ranges[i + 1] ?? 0))
        }
        offset += part.s.length
      }
    }
    this.#ranges = ranges
    this.#parts = []
    return ranges
  }
}

/** Text that came with the request. */
export const userText = (s: string): Str => (s === "" ? s : new Text(s, [0, s.length], false))

export const raw = (text: Str): string => (typeof text === "string" ? text : text.s)
export const rangesOf = (text: Str): Ranges => (typeof text === "string" ? NONE : text.ranges)
export const isMarkup = (text: Str): boolean => typeof text !== "string" && text.markup
export const asMarkup = (text: Str): Str => (isMarkup(text) ? text : new Text(raw(text), rangesOf(text), true))
export const withoutMarkup = (text: Str): Str =>
  typeof text === "string" || !text.markup ? text : fromRanges(text.s, text.ranges, false)

const fromRanges = (s: string, ranges: Ranges, markup: boolean): Str =>
  ranges.length === 0 && !markup ? s : new Text(s, ranges, markup)

/** The parts after one another. `markup` says what the result is. */
export const joined = (parts: ReadonlyArray<Str>, markup = false): Str => {
  if (parts.length === 1 && !markup) return withoutMarkup(parts[0] ?? "")
  const s = parts.length === 2 ? raw(parts[0] ?? "") + raw(parts[1] ?? "") : parts.map(raw).join("")
  if (parts.every((part) => typeof part === "string" || (part.markup && part.ranges.length === 0)))
    return fromRanges(s, NONE, markup)
  const text = new Text(s, null, markup, parts)
  if (text.pending > MAX_PENDING) return fromRanges(s, text.ranges, markup)
  return text
}

/** Where the first range that goes on after `start` stands: a text that is cut into many parts has each range looked at once. */
const firstRange = (ranges: Ranges, start: number): number => {
  let [low, high] = [0, ranges.length / 2]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ranges[2 * middle + 1] ?? 0) > start) high = middle
    else low = middle + 1
  }
  return 2 * low
}

/** The part from `start` to `end`, in UTF-16 units. */
export const sliced = (text: Str, start: number, end = raw(text).length): Str => {
  if (typeof text === "string") return text.slice(start, end)
  const s = text.s.slice(start, end)
  const all = text.ranges
  if (all.length === 2 && (all[0] ?? 0) <= start && (all[1] ?? 0) >= end && s !== "") {
    return new Text(s, [0, s.length], text.markup)
  }
  const ranges: Array<number> = []
  for (let i = firstRange(all, start); (all[i] ?? end) < end; i += 2) {
    appendRange(ranges, Math.max(all[i] ?? 0, start) - start, Math.min(all[i + 1] ?? 0, end) - start)
  }
  return fromRanges(s, ranges, text.markup)
}

/** A changed text: with the same ranges when it kept its length, else wholly of the request if any of it was. */
export const changed = (source: Str, s: string): Str => {
  if (typeof source === "string") return s
  if (s === source.s) return source
  const { ranges } = source
  if (ranges.length === 0) return fromRanges(s, NONE, source.markup)
  return fromRanges(s, s.length === source.s.length ? ranges : s === "" ? NONE : [0, s.length], source.markup)
}

/** `change` for each stretch of one origin; for changes that look at single characters only. */
export const mapped = (source: Str, change: (s: string) => string): Str => {
  if (typeof source === "string") return change(source)
  const { ranges, s } = source
  const parts: Array<Str> = []
  let at = 0
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    const [start, end] = [ranges[i] ?? 0, ranges[i + 1] ?? 0]
    parts.push(change(s.slice(at, start)), userText(change(s.slice(start, end))))
    at = end
  }
  parts.push(change(s.slice(at)))
  return joined(parts, source.markup)
}

const SURROGATES = /[\ud800-\udfff]/

/** Whether a unit of UTF-16 is a character everywhere in `s`. */
export const isUnitwise = (s: string): boolean => !SURROGATES.test(s)

/** Length in characters, as Python counts. */
export const lengthOf = (s: string): number => {
  if (isUnitwise(s)) return s.length
  let count = 0
  for (const _ of s) count++
  return count
}

/** Offsets of all characters in UTF-16 units, and the end. */
export const offsetsOf = (s: string): ReadonlyArray<number> => {
  const offsets: Array<number> = [0]
  let at = 0
  for (const c of s) {
    at += c.length
    offsets.push(at)
  }
  return offsets
}

/** The part between two positions in characters. */
export const slicedChars = (text: Str, start: number, end: number): Str => {
  const s = raw(text)
  if (isUnitwise(s)) return sliced(text, start, Math.max(start, end))
  const offsets = offsetsOf(s)
  const at = (i: number) => offsets[Math.min(Math.max(i, 0), offsets.length - 1)] ?? s.length
  return sliced(text, at(start), Math.max(at(start), at(end)))
}

export const charsOf = (text: Str): ReadonlyArray<Str> => {
  if (typeof text === "string") return Array.from(text)
  const offsets = offsetsOf(text.s)
  return offsets.slice(0, -1).map((offset, i) => sliced(text, offset, offsets[i + 1]))
}
