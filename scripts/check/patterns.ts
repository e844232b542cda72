/**
 * Random regular expressions against JavaScript's: what the automaton takes the expression matches, and the other way round, for
 * texts that match, texts that nearly do, and what a walk through the automaton over the tokens writes.
 */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { hasBit, type Language } from "../../src/chat/constrained/Choices.js"
import { DEAD } from "../../src/chat/constrained/Dfa.js"
import { languageOf } from "../../src/chat/constrained/Language.js"
import { Refusal } from "../../src/chat/constrained/Refusal.js"
import { parseRegex } from "../../src/chat/constrained/Regex.js"
import { makeTokens, type Tokens } from "../../src/chat/constrained/TokenWalk.js"
import { vocabularyTexts } from "../../src/chat/constrained/Vocabulary.js"
import { writtenRegex } from "../../src/chat/constrained/WrittenRegex.js"
import { makeRandom, type Random } from "./Random.js"
import { randomPattern } from "./random-patterns.js"
import { loadTokenizer } from "./tokenizers.js"
import type { Verdict } from "./Verdict.js"

const utf8 = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true })
const MAX_TOKENS = 30

const goldenTokens = async (): Promise<Tokens> =>
  makeTokens(
    vocabularyTexts(
      await loadTokenizer(join(fileURLToPath(new URL("../../test/golden/tokenizers", import.meta.url)), "qwen3")),
      new Set()
    )
  )

const takes = ({ mayEnd, start, step }: Language, text: string): boolean => {
  let state = start
  for (const byte of utf8.encode(text)) if (state !== DEAD) state = step(state, byte)
  return state !== DEAD && mayEnd(state)
}

/** A text of allowed tokens; null when it doesn't come to an end. */
const walked = (language: Language, tokens: Tokens, random: Random): string | null => {
  const bytes: Array<number> = []
  let state = language.start
  for (let count = 0; count < MAX_TOKENS; count++) {
    const { inside } = language.choices(state)
    const allowed = Array.from({ length: tokens.count }, (_, token) => token).filter((token) => hasBit(inside, token))
    if (language.mayEnd(state) && (allowed.length === 0 || random.chance(0.3)))
      return decoder.decode(Uint8Array.from(bytes))
    for (const byte of tokens.bytesOf(allowed[random.below(Math.max(1, allowed.length))] ?? 0)) {
      bytes.push(byte)
      state = language.step(state, byte)
    }
  }
  return null
}

/** A text with a character less, more or another. */
const changed = (text: string, random: Random): string => {
  const all = Array.from(text)
  all.splice(
    random.below(all.length + 1),
    random.below(2),
    ...(random.chance(0.7) ? [random.pick(["a", "0", "é", " ", "\n"])] : [])
  )
  return all.join("")
}

const problemOf = (seed: number, tokens: Tokens): string | null => {
  const { pattern, sample } = randomPattern(seed)
  const random = makeRandom(seed)
  const refuse = (problem: string) => new Refusal(null, "#", problem)
  const regex = writtenRegex(parseRegex(pattern, refuse), {
    write: (set) => (set.length === 0 ? null : { _tag: "Characters", set }),
    whole: true,
    refuse
  })
  if (regex === null) return `nothing matches ${pattern}`
  const language = languageOf(regex, tokens)
  const expression = new RegExp(`^(?:${pattern})$`, "u")
  const samples = Array.from({ length: 5 }, sample)
  const texts = [...samples, ...samples.map((text) => changed(text, random)), ""]
  const wrong = texts.find((text) => takes(language, text) !== expression.test(text))
  if (wrong !== undefined) return `${JSON.stringify(wrong)} is told otherwise by ${pattern}`
  const written = walked(language, tokens, random)
  return written === null || expression.test(written) ? null : `wrote ${JSON.stringify(written)} for ${pattern}`
}

export async function* checkPatterns(options: {
  readonly runs: number
  readonly seed: number
}): AsyncGenerator<Verdict> {
  const tokens = await goldenTokens()
  for (let run = 0; run < options.runs; run++) {
    const seed = options.seed * 1_000_003 + run
    yield { name: `pattern ${seed}`, problem: problemOf(seed, tokens) }
  }
}
