/** How tokens are chosen, in a request's words (spec 03 §3, §8, §11). Pure. */
import { Schema } from "effect"
import { InvalidRequest } from "../../domain/Errors.js"
import { defaultSampling, type Sampling } from "../../domain/Generation.js"
import { atLeast, byTokenId, flag, optional, positive, whole, wholeWithin, within } from "./Fields.js"

export const samplingFields = {
  temperature: optional(within(0, 2)),
  top_p: optional(within(0, 1)),
  /** 0 and -1 are off. */
  top_k: optional(atLeast(-1)),
  min_p: optional(within(0, 1)),
  xtc_probability: optional(within(0, 1)),
  xtc_threshold: optional(within(0, 0.5)),
  repetition_penalty: optional(positive),
  repetition_context_size: optional(atLeast(0)),
  frequency_penalty: optional(within(-2, 2)),
  presence_penalty: optional(within(-2, 2)),
  logit_bias: optional(byTokenId(within(-100, 100))),
  logprobs: optional(flag),
  top_logprobs: optional(wholeWithin(0, 20)),
  seed: optional(whole)
}

const Fields = Schema.Struct(samplingFields)
type Fields = typeof Fields.Type

/** Where the fields don't fit each other. */
export const samplingProblem = ({ logprobs, top_logprobs }: Fields): InvalidRequest | null =>
  top_logprobs !== null && top_logprobs > 0 && logprobs !== true
    ? new InvalidRequest({ param: "top_logprobs", problem: "needs logprobs" })
    : null

export const toSampling = (request: Fields): Sampling => ({
  temperature: request.temperature ?? defaultSampling.temperature,
  topP: request.top_p ?? defaultSampling.topP,
  repetitionPenalty: request.repetition_penalty ?? defaultSampling.repetitionPenalty,
  seed: request.seed ?? defaultSampling.seed,
  topK: request.top_k !== null && request.top_k > 0 ? request.top_k : undefined,
  minP: request.min_p ?? undefined,
  xtcProbability: request.xtc_probability ?? undefined,
  xtcThreshold: request.xtc_threshold ?? undefined,
  presencePenalty: request.presence_penalty ?? undefined,
  frequencyPenalty: request.frequency_penalty ?? undefined,
  penalizeWholeAnswer: true,
  penaltyWindow: request.repetition_context_size ?? undefined,
  logitBias: request.logit_bias ?? undefined,
  logProbabilities: request.logprobs === true ? (request.top_logprobs ?? 0) : undefined
})
