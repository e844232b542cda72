/** Characters as the bytes of their UTF-8. Pure. */
import type { CodePoints, Range } from "./CodePoints.js"

type Bytes = ReadonlyArray<number>
/** One text of bytes for each choice of a byte from each range. */
export type ByteRanges = ReadonlyArray<Range>

const utf8 = new TextEncoder()
const CONTINUATION = [0x80, 0xbf] as const

/** Characters between two of the same length in UTF-8. */
const bytesBetween = (low: Bytes, high: Bytes): ReadonlyArray<ByteRanges> => {
  const [first = 0, ...lowRest] = low
  const [last = 0, ...highRest] = high
  if (lowRest.length === 0) return [[[first, last]]]
  const step = (from: number, to: number, rest: ReadonlyArray<ByteRanges>): ReadonlyArray<ByteRanges> =>
    from > to ? [] : rest.map((ranges) => [[from, to], ...ranges])
  if (first === last) return step(first, last, bytesBetween(lowRest, highRest))
  const least = lowRest.map(() => CONTINUATION[0])
  const most = highRest.map(() => CONTINUATION[1])
  const from = lowRest.every((byte) => byte === CONTINUATION[0]) ? first : first + 1
  const to = highRest.every((byte) => byte === CONTINUATION[1]) ? last : last - 1
  return [
    ...(from > first ? step(first, first, bytesBetween(lowRest, most)) : []),
    ...step(from, to, bytesBetween(least, most)),
    ...(to < last ? step(last, last, bytesBetween(least, highRest)) : [])
  ]
}

/** The last code points of so many bytes in UTF-8. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff]

const rangeBytes = ([from, to]: Range): ReadonlyArray<ByteRanges> =>
  LAST_OF_LENGTH.flatMap((last, i) => {
    const [low, high] = [Math.max(from, (LAST_OF_LENGTH[i - 1] ?? -1) + 1), Math.min(to, last)]
    const bytes = (point: number) => [...utf8.encode(String.fromCodePoint(point))]
    return low <= high ? bytesBetween(bytes(low), bytes(high)) : []
  })

/** All characters of a set, each once. */
export const utf8Ranges = (set: CodePoints): ReadonlyArray<ByteRanges> => set.flatMap(rangeBytes)
