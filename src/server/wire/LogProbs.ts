/** How likely the tokens of an answer were, as OpenAI's clients read it (spec 03 §11). Pure. */
import { Schema } from "effect"
import type { TokenLikelihood } from "../../domain/Generation.js"

const entry = {
  token: Schema.String,
  logprob: Schema.Number,
  /** UTF-8; null where the token adds no text. */
  bytes: Schema.NullOr(Schema.Array(Schema.Int))
}

export const LogProbs = Schema.Struct({
  content: Schema.Array(Schema.Struct({ ...entry, top_logprobs: Schema.Array(Schema.Struct(entry)) })),
  refusal: Schema.Null
})
export type LogProbs = typeof LogProbs.Type

/** "Practically never": JSON has no infinity. */
const NEVER = -9999

const wireEntry = ({ bytes, logProbability, text }: Omit<TokenLikelihood, "top">) => ({
  token: text,
  logprob: Math.max(logProbability, NEVER),
  bytes: bytes.length === 0 ? null : bytes
})

export const logProbs = (likelihoods: ReadonlyArray<TokenLikelihood>): LogProbs => ({
  content: likelihoods.map((token) => ({ ...wireEntry(token), top_logprobs: token.top.map(wireEntry) })),
  refusal: null
})
