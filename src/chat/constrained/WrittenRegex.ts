/** Regular expressions over characters as such over the texts in which they are written, plain or inside of JSON strings. Pure. */
import type { CodePoints } from "./CodePoints.js"
import type { Refusal } from "./Refusal.js"
import { type Alternative, ANY_CHARACTER, type Regex } from "./Regex.js"
import { utf8Ranges } from "./Utf8.js"

/** How one character of a set is written; null where none of them can be. */
export type WriteCharacter = (set: CodePoints) => Regex | null

const NOTHING: Regex = { _tag: "Sequence", parts: [] }

/** Null where no text matches. */
const written = (regex: Regex, write: WriteCharacter): Regex | null => {
  switch (regex._tag) {
    case "Texts":
      return regex
    case "Characters":
      return write(regex.set)
    case "Sequence": {
      const parts = regex.parts.map((part) => written(part, write))
      return parts.includes(null) ? null : { _tag: "Sequence", parts: parts.filter((part) => part !== null) }
    }
    case "Choice": {
      const alternatives = regex.alternatives.flatMap((part) => written(part, write) ?? [])
      return alternatives.length === 0 ? null : { _tag: "Choice", alternatives }
    }
    case "Repeat": {
      const part = written(regex.part, write)
      if (part === null) return regex.min === 0 ? NOTHING : null
      return { ...regex, part }
    }
  }
}

const ANY_TEXT: Regex = { _tag: "Repeat", part: ANY_CHARACTER, min: 0, max: null }

/** Texts in which an alternative is found. */
const search = ({ fromStart, regex, toEnd }: Alternative): Regex => ({
  _tag: "Sequence",
  parts: [...(fromStart ? [] : [ANY_TEXT]), regex, ...(toEnd ? [] : [ANY_TEXT])]
})

/** States of an automaton for it, about. */
const statesOf = (regex: Regex): number => {
  switch (regex._tag) {
    case "Texts":
      return regex.texts.reduce((sum, text) => sum + text.length, 1)
    case "Characters":
      return utf8Ranges(regex.set).flat().length
    case "Sequence":
      return regex.parts.reduce((sum, part) => sum + statesOf(part), 1)
    case "Choice":
      return regex.alternatives.reduce((sum, part) => sum + statesOf(part), 1)
    case "Repeat":
      return statesOf(regex.part) * Math.max(1, regex.min, regex.max ?? 0)
  }
}

/** Of one grammar's slots, or of one pattern. */
export const MAX_STATES = 2 ** 18

/** As `statesOf`; repeated characters are counted, which takes no states (CountedLanguage.ts). */
export const slotStates = (regex: Regex): number => statesOf(regex._tag === "Repeat" ? regex.part : regex)

/** `whole`: the expression must match the whole text, anchors or not. Null where no text matches. */
export const writtenRegex = (
  alternatives: ReadonlyArray<Alternative>,
  options: {
    readonly write: WriteCharacter
    readonly whole: boolean
    readonly refuse: (problem: string) => Refusal
  }
): Regex | null => {
  const regex = alternatives.map((one) => (options.whole ? one.regex : search(one)))
  const result = written({ _tag: "Choice", alternatives: regex }, options.write)
  if (result !== null && statesOf(result) > MAX_STATES) throw options.refuse("the pattern is too large")
  return result
}

/** Whether the empty text matches. */
export const matchesNothing = (regex: Regex): boolean => {
  switch (regex._tag) {
    case "Texts":
      return regex.texts.includes("")
    case "Characters":
      return false
    case "Sequence":
      return regex.parts.every(matchesNothing)
    case "Choice":
      return regex.alternatives.some(matchesNothing)
    case "Repeat":
      return regex.min === 0 || matchesNothing(regex.part)
  }
}
