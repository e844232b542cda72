/** What may stand in a slot, over the tokens of a vocabulary. */
import { type Closing, keeping, type Language, maskFor, setBit } from "./Choices.js"
import { countedLanguage } from "./CountedLanguage.js"
import { type ClassDfa, dfaOf } from "./Dfa.js"
import type { Regex } from "./Regex.js"
import { walkTokens } from "./TokenClasses.js"
import type { Tokens } from "./TokenWalk.js"

const plainLanguage = (dfa: ClassDfa, tokens: Tokens): Language => ({
  ...dfa,
  choices: keeping(tokens, (start) => {
    const inside = maskFor(tokens)
    const closing: Array<Closing> = []
    walkTokens(tokens, dfa.bytes, {
      start,
      step: dfa.step,
      take: (token) => setBit(inside, token),
      quote: (quote, state) => {
        if (dfa.mayEnd(state)) closing.push(quote)
      }
    })
    return { inside, closing }
  })
})

/** The same language without lists of one. */
const unwrapped = (regex: Regex): Regex => {
  const parts = regex._tag === "Sequence" ? regex.parts : regex._tag === "Choice" ? regex.alternatives : []
  const [only] = parts
  return only !== undefined && parts.length === 1 ? unwrapped(only) : regex
}

/** Throws where an automaton would be too large. */
export const languageOf = (regex: Regex, tokens: Tokens): Language => {
  const inner = unwrapped(regex)
  return (inner._tag === "Repeat" ? countedLanguage(inner, tokens) : null) ?? plainLanguage(dfaOf(inner), tokens)
}
