/**
 * Regular expressions as rules of a grammar, for texts that no quote ends; without the texts that begin or end with some
 * characters, and what one matches of a short text. Pure.
 */
import { type CodePoints, difference, has } from "./CodePoints.js"
import { choice, type Expression, literal, oneOf, type Rules, sequence } from "./Grammar.js"
import type { Regex } from "./Regex.js"
import { matchesNothing } from "./WrittenRegex.js"

const NOTHING: Regex = { _tag: "Sequence", parts: [] }

/** Null where no text matches that has none of the characters. */
export const rawExpression = (regex: Regex, without: CodePoints, rules: Rules): Expression | null => {
  switch (regex._tag) {
    case "Texts":
      return choice(regex.texts.map(literal))
    case "Characters": {
      const set = difference(regex.set, without)
      return set.length === 0 ? null : oneOf(set)
    }
    case "Sequence": {
      const parts = regex.parts.map((part) => rawExpression(part, without, rules))
      return parts.includes(null) ? null : sequence(...parts.filter((part) => part !== null))
    }
    case "Choice": {
      const some = regex.alternatives.flatMap((part) => rawExpression(part, without, rules) ?? [])
      return some.length === 0 ? null : choice(some)
    }
    case "Repeat": {
      const part = rawExpression(regex.part, without, rules)
      if (part === null) return regex.min === 0 ? sequence() : null
      return rules.repeat(part, regex.min, regex.max)
    }
  }
}

const choiceOf = (alternatives: ReadonlyArray<Regex>): Regex | null =>
  alternatives.length === 0 ? null : { _tag: "Choice", alternatives }

/** The texts that aren't empty and don't begin, or end, with a character of the set; null where there are none. */
const restricted = (regex: Regex, set: CodePoints, end: "first" | "last"): Regex | null => {
  const ordered = (here: Regex, ...others: ReadonlyArray<Regex>): Regex => ({
    _tag: "Sequence",
    parts: end === "first" ? [here, ...others] : [...others, here]
  })
  switch (regex._tag) {
    case "Texts":
      // Patterns are read without any.
      return null
    case "Characters": {
      const rest = difference(regex.set, set)
      return rest.length === 0 ? null : { _tag: "Characters", set: rest }
    }
    case "Choice":
      return choiceOf(regex.alternatives.flatMap((one) => restricted(one, set, end) ?? []))
    case "Sequence": {
      const some: Array<Regex> = []
      for (let rest = regex.parts; rest.length > 0; ) {
        const part = end === "first" ? rest[0] : rest.at(-1)
        rest = end === "first" ? rest.slice(1) : rest.slice(0, -1)
        const here = part === undefined ? null : restricted(part, set, end)
        if (here !== null) some.push(ordered(here, ...rest))
        if (part === undefined || !matchesNothing(part)) break
      }
      return choiceOf(some)
    }
    case "Repeat": {
      const { max, min, part } = regex
      const here = max === 0 ? null : restricted(part, set, end)
      if (here === null) return null
      return ordered(here, { ...regex, min: Math.max(0, min - 1), max: max === null ? null : max - 1 })
    }
  }
}

/** The texts that neither begin with a character of one set nor end with one of the other; null where there are none. */
export const withEnds = (regex: Regex, notFirst: CodePoints, notLast: CodePoints): Regex | null => {
  const begun = restricted(regex, notFirst, "first")
  const both = begun === null ? null : restricted(begun, notLast, "last")
  return choiceOf([...(matchesNothing(regex) ? [NOTHING] : []), ...(both === null ? [] : [both])])
}

/** Where matches end that begin at `from`; for short texts. */
const endsOf = (regex: Regex, text: string, from: number): ReadonlySet<number> => {
  switch (regex._tag) {
    case "Texts":
      return new Set(regex.texts.filter((one) => text.startsWith(one, from)).map((one) => from + one.length))
    case "Characters":
      return new Set(from < text.length && has(regex.set, text.charCodeAt(from)) ? [from + 1] : [])
    case "Sequence":
      return regex.parts.reduce(
        (ends, part) => new Set(Array.from(ends).flatMap((at) => Array.from(endsOf(part, text, at)))),
        new Set([from])
      )
    case "Choice":
      return new Set(regex.alternatives.flatMap((one) => [...endsOf(one, text, from)]))
    case "Repeat": {
      const enough = matchesNothing(regex.part) ? 0 : regex.min
      const found = new Set(enough === 0 ? [from] : [])
      let reached = [from]
      for (let count = 1; reached.length > 0 && count <= (regex.max ?? count); count++) {
        reached = reached.flatMap((at) => [...endsOf(regex.part, text, at)].filter((end) => end > at))
        if (count >= enough) for (const end of reached) found.add(end)
      }
      return found
    }
  }
}

const cases = (word: string): ReadonlyArray<string> =>
  Array.from(word).reduce<ReadonlyArray<string>>(
    (all, letter) => all.flatMap((text) => [text + letter, text + letter.toUpperCase()]),
    [""]
  )

/** Whether the expression matches a word of ASCII in some case. */
export const matchesWord = (regex: Regex, word: string): boolean =>
  cases(word).some((text) => endsOf(regex, text, 0).has(text.length))
