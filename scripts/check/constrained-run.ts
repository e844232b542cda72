/** Answers of a model without sense, held to a grammar: every allowed token may come. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { type AnswerModel, constraintGrammar } from "../../src/chat/constrained/Constraints.js"
import type { Tokenizer } from "../../src/chat/Tokenizer.js"
import type { Constraint } from "../../src/domain/Constraint.js"
import { type Grammars, grammarEntry, makeGrammars } from "../../src/runner/Grammars.js"
import type { Random } from "./Random.js"
import { loadTokenizer } from "./tokenizers.js"

const golden = fileURLToPath(new URL("../../test/golden/tokenizers", import.meta.url))

export interface Subject {
  readonly tokenizer: Tokenizer
  readonly endIds: ReadonlySet<number>
  readonly grammars: Grammars
  readonly model: AnswerModel
}

/** A family of the golden tokenizers, all of whose special tokens but the marks end an answer. */
export const subject = async (
  family: string,
  model: Pick<AnswerModel, "harmony" | "toolFormat">,
  entry: URL = grammarEntry()
): Promise<Subject> => {
  const tokenizer = await loadTokenizer(join(golden, family))
  const endIds = new Set([...tokenizer.specialIds].slice(0, 2))
  return {
    tokenizer,
    endIds,
    grammars: makeGrammars({ tokenizer, endIds, entry }),
    model: { ...model, hasToken: (text) => tokenizer.idOf(text) !== null }
  }
}

const allowedBy = (mask: Int32Array): ReadonlyArray<number> => {
  const ids: Array<number> = []
  mask.forEach((word, index) => {
    for (let bit = 0; bit < 32; bit++) if ((word >>> bit) & 1) ids.push(index * 32 + bit)
  })
  return ids
}

/** Tokens that end something: without a taste for them most texts would be cut off. */
const closing = (subject: Subject): ReadonlySet<number> =>
  new Set(
    ['"', "}", "]", '"}', "],", '",', "0"]
      .flatMap((text) => subject.tokenizer.idOf(text) ?? [])
      .concat(...subject.endIds)
  )

/** Answers of one constraint, each at most so many tokens long. */
export const writer = (subject: Subject, constraint: Constraint, random: Random, maxTokens: number) =>
  Effect.gen(function* () {
    const grammar = yield* constraintGrammar(constraint, subject.model)
    const marks = new Set([...grammar.marks].flatMap((mark) => subject.tokenizer.idOf(mark) ?? []))
    const closers = closing(subject)
    const choose = (allowed: ReadonlyArray<number>): number | undefined => {
      const preferred = random.chance(0.3) ? allowed.filter((id) => closers.has(id)) : []
      const from = preferred.length > 0 ? preferred : allowed
      return from[random.below(Math.max(1, from.length))]
    }
    return Effect.gen(function* () {
      const matcher = yield* subject.grammars.start(grammar)
      const { finish, push } = subject.tokenizer.detokenizer((id) => marks.has(id))
      let text = ""
      for (let tokens = 1; tokens <= maxTokens; tokens++) {
        const mask = yield* matcher.mask
        const id = mask === null ? undefined : choose(allowedBy(mask))
        if (id === undefined || subject.endIds.has(id)) return { text: text + finish(), finished: true, tokens }
        text += push(id)
        matcher.accept(id)
      }
      return { text: text + finish(), finished: false, tokens: maxTokens }
    }).pipe(Effect.scoped)
  })
