/** Regular expressions as grammars, in plain text or inside JSON strings. Pure. */
import type { CodePoints } from "./CodePoints.js"
import { choice, type Expression, type Rules, sequence } from "./Grammar.js"
import { type Alternative, ANY_CHARACTER, type Regex } from "./Regex.js"

/** How one character of a set is written; null where none of them can be. */
export type WriteCharacter = (set: CodePoints) => Expression | null

/** Null where no text matches. */
const expressionOf = (regex: Regex, rules: Rules, write: WriteCharacter): Expression | null => {
  switch (regex._tag) {
    case "Characters":
      return write(regex.set)
    case "Sequence": {
      const parts = regex.parts.map((part) => expressionOf(part, rules, write))
      return parts.includes(null) ? null : sequence(...parts.filter((part) => part !== null))
    }
    case "Choice": {
      const some = regex.alternatives.flatMap((part) => expressionOf(part, rules, write) ?? [])
      return some.length === 0 ? null : choice(some)
    }
    case "Repeat": {
      const part = expressionOf(regex.part, rules, write)
      if (part === null) return regex.min === 0 ? '""' : null
      return rules.repeat(part, regex.min, regex.max)
    }
  }
}

const ANY_TEXT: Regex = { _tag: "Repeat", part: ANY_CHARACTER, min: 0, max: null }

/** Texts in which an alternative is found. */
const search = ({ fromStart, regex, toEnd }: Alternative): Regex => ({
  _tag: "Sequence",
  parts: [...(fromStart ? [] : [ANY_TEXT]), regex, ...(toEnd ? [] : [ANY_TEXT])]
})

/** `whole`: the expression must match the whole text, anchors or not. Null where no text matches. */
export const regexGrammar = (
  alternatives: ReadonlyArray<Alternative>,
  options: { readonly rules: Rules; readonly write: WriteCharacter; readonly whole: boolean }
): Expression | null =>
  expressionOf(
    {
      _tag: "Choice",
      alternatives: alternatives.map((one) => (options.whole ? one.regex : search(one)))
    },
    options.rules,
    options.write
  )
