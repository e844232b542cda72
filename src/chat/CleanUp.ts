/**
 * `clean_up_tokenization_spaces`: removes the spaces that word tokenizers put before punctuation and contractions. Done on a
 * stream, as early as no further text can change what was sent. Pure.
 */

/** In this order, one after the other over the whole text. */
const REPLACEMENTS: ReadonlyArray<readonly [string, string]> = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"]
]

/** Without one of these nothing is replaced, the first time or later. */
const ANY = / (?:[.?!,']|n't)/

/** A whole text cleaned up. */
export const cleanUp = (text: string): string =>
  ANY.test(text) ? REPLACEMENTS.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text) : text

/** What the WordPiece decoder does to each token by itself: the same and one more. */
export const cleanUpWord = (word: string): string => cleanUp(word.replaceAll(" do not", " don't"))

/** What matches consist of up to their last character. A match begins with a space, at most two of the others follow. */
const OPEN = new Set([" ", "'", "n", "v", "r"])

const isSpace = (character: string | undefined) => character === " "

/** Where the part begins that a later match can reach: after any other character, or after three of these that aren't spaces. */
const openStart = (text: string): number => {
  for (let end = text.length; end > 0; end--) {
    if (!OPEN.has(text[end - 1] ?? "")) return end
    if (end >= 3 && ![text[end - 1], text[end - 2], text[end - 3]].some(isSpace)) return end
  }
  return 0
}

const UNITS = ["", " ", ".", "'", "n", "t", "s", "e", "ve", "re", "x"]
/** Texts that stand for all that can follow: every way in which three parts of the patterns can be put together. */
const CONTINUATIONS: ReadonlyArray<string> = [
  ...new Set(UNITS.flatMap((a) => UNITS.flatMap((b) => UNITS.map((c) => a + b + c))))
]

const commonStart = (a: string, b: string): string => {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length)
}

/** Open ends that are looked up instead of worked out, and how many of them are kept. */
const MEMO = { chars: 8, entries: 4_096 }
const memo = new Map<string, string>()

/** What of an open end is the same whatever follows, cleaned up. */
const certainOf = (open: string): string => {
  const known = memo.get(open)
  if (known !== undefined) return known
  const certain = CONTINUATIONS.reduce((common, more) => commonStart(common, cleanUp(open + more)), cleanUp(open))
  if (memo.size >= MEMO.entries) memo.clear()
  if (open.length <= MEMO.chars) memo.set(open, certain)
  return certain
}

/** So much text of only spaces, quotes and three letters isn't language: its first part is sent as it is. */
const MAX_OPEN = 256

export interface CleanUpStream {
  readonly push: (text: string) => string
  readonly finish: () => string
}

export const cleanUpStream = (): CleanUpStream => {
  let open = "" // not cleaned up
  let sent = 0 // characters of the open end that are out already, cleaned up
  const take = (cleaned: string): string => {
    const fresh = cleaned.slice(sent)
    sent = Math.max(sent, cleaned.length)
    return fresh
  }
  /** Sends all of the text up to `end`: no replacement reaches over it. */
  const close = (end: number): string => {
    const fresh = take(cleanUp(open.slice(0, end)))
    open = open.slice(end)
    sent = 0
    return fresh
  }
  return {
    push: (text) => {
      open += text
      const start = openStart(open)
      const closed = start > 0 ? close(start) : ""
      const bounded = open.length > MAX_OPEN ? close(open.length - MAX_OPEN / 2) : ""
      return closed + bounded + (open === "" ? "" : take(certainOf(open)))
    },
    finish: () => close(open.length)
  }
}
