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

/** What of an open end is the same whatever follows, cleaned up. */
const certainOf = (open: string): string =>
  open === "" ? "" : CONTINUATIONS.reduce((common, more) => commonStart(common, cleanUp(open + more)), cleanUp(open))

/** So much text of only spaces, quotes and three letters isn't language: its first part is sent as it is. */
const MAX_OPEN = 256

/** A stream between two texts, and what was already worked out of the texts that came next. */
interface State {
  /** The text that isn't settled, not cleaned up. */
  readonly open: string
  /** Characters of it that are out already, cleaned up. */
  readonly sent: number
  readonly steps: Map<string, Step>
}

interface Step {
  readonly text: string
  readonly next: State
}

/** Tokens come again and again: so many steps are kept, of texts and open ends up to so long. */
const MEMO = { steps: 65_536, chars: 32 }
const states = new Map<string, State>()
let kept = 0

const stateOf = (open: string, sent: number): State => {
  if (open.length > MEMO.chars) return { open, sent, steps: new Map() }
  const key = `${sent} ${open}`
  const state = states.get(key) ?? { open, sent, steps: new Map<string, Step>() }
  states.set(key, state)
  return state
}

const workedOut = ({ open, sent }: State, text: string): Step => {
  const whole = open + text
  const end = Math.max(openStart(whole), whole.length > MAX_OPEN ? whole.length - MAX_OPEN / 2 : 0)
  // No replacement reaches over the end of what is settled.
  const settled = cleanUp(whole.slice(0, end)).slice(sent)
  const rest = whole.slice(end)
  const certain = certainOf(rest)
  const before = end > 0 ? 0 : sent
  return { text: settled + certain.slice(before), next: stateOf(rest, Math.max(before, certain.length)) }
}

const step = (state: State, text: string): Step => {
  const known = state.steps.get(text)
  if (known !== undefined) return known
  const found = workedOut(state, text)
  if (text.length > MEMO.chars) return found
  if (++kept > MEMO.steps) {
    states.clear()
    kept = 0
  }
  state.steps.set(text, found)
  return found
}

export interface CleanUpStream {
  readonly push: (text: string) => string
  readonly finish: () => string
}

export const cleanUpStream = (): CleanUpStream => {
  let state = stateOf("", 0)
  return {
    push: (text) => {
      const { next, text: fresh } = step(state, text)
      state = next
      return fresh
    },
    finish: () => {
      const rest = cleanUp(state.open).slice(state.sent)
      state = stateOf("", 0)
      return rest
    }
  }
}
