/** Sets of Unicode code points as ascending ranges that don't touch. Surrogates are in none: no text in UTF-8 has them. Pure. */

export type Range = readonly [from: number, to: number]
export type CodePoints = ReadonlyArray<Range>

const LAST = 0x10ffff
const SURROGATES: Range = [0xd800, 0xdfff]

/** Ranges in any order, overlapping or not, as a set. */
export const setOf = (ranges: ReadonlyArray<Range>): CodePoints => {
  const merged: Array<[number, number]> = []
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged.flatMap(([from, to]): ReadonlyArray<Range> => {
    if (to < SURROGATES[0] || from > SURROGATES[1]) return [[from, to]]
    const below: ReadonlyArray<Range> = from < SURROGATES[0] ? [[from, SURROGATES[0] - 1]] : []
    return to > SURROGATES[1] ? [...below, [SURROGATES[1] + 1, to]] : below
  })
}

export const complement = (set: CodePoints): CodePoints => {
  const starts = [0, ...set.map(([, to]) => to + 1)]
  const ends = [...set.map(([from]) => from - 1), LAST]
  return setOf(
    starts.flatMap((from, i): ReadonlyArray<Range> => (from <= (ends[i] ?? -1) ? [[from, ends[i] ?? 0]] : []))
  )
}

export const intersection = (a: CodePoints, b: CodePoints): CodePoints =>
  complement(setOf([...complement(a), ...complement(b)]))

export const difference = (a: CodePoints, b: CodePoints): CodePoints => complement(setOf([...complement(a), ...b]))

export const charactersOf = (text: string): CodePoints =>
  setOf(Array.from(text, (character): Range => [character.codePointAt(0) ?? 0, character.codePointAt(0) ?? 0]))

export const has = (set: CodePoints, point: number): boolean => set.some(([from, to]) => from <= point && point <= to)

export const ALL: CodePoints = complement([])
