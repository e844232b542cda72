/** Parts of a text between marks, in one pass: regular expressions take quadratic time where end marks are missing. Pure. */

export interface Section {
  readonly inside: string
  /** Of the whole section, marks and all. */
  readonly start: number
  readonly end: number
}

/** Each from an opening mark to the first closing one after it. */
export const sections = (text: string, open: string, close: string): ReadonlyArray<Section> => {
  const found: Array<Section> = []
  for (let at = 0; ; ) {
    const start = text.indexOf(open, at)
    const end = start < 0 ? -1 : text.indexOf(close, start + open.length)
    if (end < 0) return found
    at = end + close.length
    found.push({ inside: text.slice(start + open.length, end), start, end: at })
  }
}

/** A text in two at the first of a mark, which belongs to neither; null without one. */
export const cut = (text: string, mark: string): readonly [string, string] | null => {
  const at = text.indexOf(mark)
  return at < 0 ? null : [text.slice(0, at), text.slice(at + mark.length)]
}
