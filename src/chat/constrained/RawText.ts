/** Texts that a format writes as they are, up to the mark that ends them, as rules of a grammar. Pure. */
import { type CodePoints, charactersOf, complement, difference, has, type Range, setOf } from "./CodePoints.js"
import { choice, type Expression, literal, noneOf, oneOf, type Rules, sequence } from "./Grammar.js"

export interface RawText {
  /** Ends the text. */
  readonly close: string
  /** What the text mustn't have beside it. */
  readonly never: ReadonlyArray<string>
  /** Whether white space at its ends is lost when it is read. */
  readonly trimmed: boolean
  /** Texts that are read as something else in whatever case; here in lower case. */
  readonly words: ReadonlyArray<string>
  /** What a value has on both sides, which is lost when it is read. */
  readonly wrap: "" | "\n"
}

/** All that JavaScript trims. */
export const WHITE = setOf(
  Array.from({ length: 0x10000 }, (_, point): Range => [point, point]).filter(([point]) =>
    /\s/.test(String.fromCharCode(point))
  )
)
/** Control characters but the three of layout: other programs don't show them, and grammars use some as marks. */
export const CONTROLS = setOf([
  [0, 8],
  [11, 12],
  [14, 31],
  [127, 127]
])
const ASCII: CodePoints = [[0, 127]]
const LAYOUT = " \t\n\r"

/** What was read of a text. */
interface State {
  /** The end of it that may become a mark. */
  readonly pending: string
  /** What stands before that, as long as it may become one of the words; null for any other text. */
  readonly word: string | null
}

/** A text up to its mark, and the mark. */
export const anyText = ({ close, never, words }: RawText, rules: Rules): Expression => {
  const marks = [close, ...never]
  const letters = new Set([...marks, LAYOUT, ...words, ...words.map((word) => word.toUpperCase())].join(""))

  const openEnd = (text: string): string => {
    const ends = Array.from(text, (_, at) => text.slice(at))
    return ends.find((end) => marks.some((mark) => mark.startsWith(end))) ?? ""
  }
  const withLetter = (word: string | null, letter: string): string | null => {
    if (word === null) return null
    const isSpace = LAYOUT.includes(letter)
    if (isSpace && (word === "" || word.endsWith(" "))) return word
    if (isSpace) return words.includes(word) ? `${word} ` : null
    const longer = word + letter.toLowerCase()
    return words.some((one) => one.startsWith(longer)) ? longer : null
  }
  const isWord = (word: string | null): boolean => word !== null && words.includes(word.trimEnd())

  /** Null where the letter mustn't follow. */
  const after = (state: State, letter: string): State | "end" | null => {
    const seen = state.pending + letter
    const mark = marks.find((mark) => seen.endsWith(mark))
    if (mark !== undefined) return mark === close && !isWord(state.word) ? "end" : null
    const pending = openEnd(seen)
    const passed = seen.slice(0, seen.length - pending.length)
    const word = Array.from(passed).reduce(withLetter, state.word)
    // What may be a mark is no part of a word: only whether one is complete matters then, whichever it is.
    return { pending, word: pending === "" ? word : isWord(word) ? (words[0] ?? null) : null }
  }
  // White space beyond ASCII might stand around one of the words.
  const beyond = rules.rule(oneOf(complement(setOf([...ASCII, ...WHITE]))))
  const rule = (state: State): Expression =>
    rules.recursive(`raw ${JSON.stringify([marks, words, state])}`, () => {
      const targets = new Map<string, { letters: string; readonly next: State | "end" }>()
      for (const letter of letters) {
        const next = after(state, letter)
        if (next === null) continue
        const key = JSON.stringify(next)
        const known = targets.get(key)
        if (known === undefined) targets.set(key, { letters: letter, next })
        else known.letters += letter
      }
      const free: State = { pending: "", word: null }
      const same = targets.get(JSON.stringify(free))?.letters ?? ""
      const named = charactersOf([...letters].filter((letter) => !same.includes(letter)).join(""))
      const taken = setOf([...named, ...CONTROLS])
      // White space beyond ASCII might stand around one of the words.
      const others = state.word === null ? noneOf(taken) : choice([oneOf(difference(ASCII, taken)), beyond])
      const exceptions = [...targets.values()].filter(
        ({ next }) => next === "end" || JSON.stringify(next) !== JSON.stringify(free)
      )
      return choice([
        sequence(others, rule(free)),
        ...exceptions.map(({ letters, next }) =>
          next === "end" ? oneOf(charactersOf(letters)) : sequence(oneOf(charactersOf(letters)), rule(next))
        )
      ])
    })
  return rule({ pending: "", word: words.length === 0 ? null : "" })
}

/** Whether a text is read back as it is. */
export const isWritable = (text: string, { close, never, trimmed, words }: RawText): boolean =>
  ![close, ...never].some((mark) => text.includes(mark)) &&
  !(trimmed && text !== text.trim()) &&
  !words.includes(text.toLowerCase()) &&
  Array.from(text).every((letter) => !has(CONTROLS, letter.codePointAt(0) ?? 0) && !/\p{Surrogate}/u.test(letter))

export const exactText = (text: string, { close, wrap }: RawText): Expression => literal(`${text}${wrap}${close}`)
