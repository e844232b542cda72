/**
 * Choosing the next token from logits. Pure but for the history and the random state that a sampler carries. The order is
 * mlx-lm's: mask, bias, penalties; top-p, min-p, XTC, top-k; temperature, draw. Temperature 0 skips every filter.
 */
import { PCGRandom } from "effect/Utils"
import type { Sampling } from "../domain/Generation.js"
import {
  atTemperature,
  type Candidates,
  candidatesOf,
  excludeTop,
  keepMinP,
  keepTopK,
  keepTopP,
  tokenAt
} from "./Candidates.js"
import { applyBias, applyMask, penalizeFrequency, penalizePresence, penalizeRepetition } from "./LogitProcessors.js"
import { type LogProbabilities, logProbabilities } from "./LogProbabilities.js"

/** How many recent tokens the penalties see. */
export const PENALTY_WINDOW = 20

export interface Choice {
  readonly token: number
  /** Where the settings ask for it: after mask, bias and penalties, before the filters. */
  readonly logProbabilities: LogProbabilities | null
}

export interface Sampler {
  /**
   * Takes the logits of one position (one value per vocabulary entry, left unchanged). A mask has a bit per token, set where
   * it is allowed.
   */
  readonly next: (logits: Float32Array, mask?: Int32Array) => Choice
}

/** The first index of the greatest value; 0 when nothing compares. */
export const argmax = (values: Float32Array): number => {
  let best = 0
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i
  return best
}

/** What of the settings doesn't fit a model with this vocabulary; null when all of it does. */
export const samplingProblem = (
  { logitBias = {}, topK }: Sampling,
  vocabSize: number
): { readonly setting: "logitBias" | "topK"; readonly problem: string } | null => {
  if (topK !== undefined && topK >= vocabSize) {
    return { setting: "topK", problem: `must be below the vocabulary's ${vocabSize} tokens` }
  }
  const stray = Object.keys(logitBias).find((id) => Number(id) >= vocabSize)
  if (stray === undefined) return null
  return { setting: "logitBias", problem: `has token id ${stray}, but the vocabulary has ${vocabSize} tokens` }
}

/**
 * The logits that the settings make of raw ones; the same array where there is nothing to change. `history` is the prompt's
 * last token and all that were generated, or the last of them.
 */
export const processed = (
  logits: Float32Array,
  sampling: Sampling,
  history: ReadonlyArray<number>,
  mask?: Int32Array
): Float32Array => {
  const { frequencyPenalty = 0, logitBias, presencePenalty = 0, repetitionPenalty } = sampling
  const { penalizeWholeAnswer = false, penaltyWindow } = sampling
  const bias = Object.entries(logitBias ?? {}).map(([id, value]) => [Number(id), value] as const)
  const penalized = repetitionPenalty > 1 || presencePenalty !== 0 || frequencyPenalty !== 0
  if (mask === undefined && bias.length === 0 && !penalized) return logits
  const result = logits.slice()
  const recent = history.slice(-(penaltyWindow ?? PENALTY_WINDOW))
  if (mask !== undefined) applyMask(result, mask)
  applyBias(result, new Map(bias))
  // Not below 1: the original doesn't reward repetition either (spec 02 §7).
  if (repetitionPenalty > 1) penalizeRepetition(result, recent, repetitionPenalty)
  const counted = penalizeWholeAnswer ? history.slice(1) : recent
  if (presencePenalty !== 0) penalizePresence(result, counted, presencePenalty)
  if (frequencyPenalty !== 0) penalizeFrequency(result, counted, frequencyPenalty)
  return result
}

/** Tokens that XTC never drops, and its throw of the dice, from 0 to 1. */
export interface XtcChance {
  readonly spared: ReadonlySet<number>
  readonly point: () => number
}

/** What may be drawn, with its chances, for a temperature that isn't 0. Null when the logits hold no distribution. */
export const candidates = (logits: Float32Array, sampling: Sampling, xtc: XtcChance): Candidates | null => {
  const { minP = 0, temperature, topK = 0, topP, xtcProbability = 0, xtcThreshold = 0 } = sampling
  const all = candidatesOf(logits, logits[argmax(logits)] ?? Number.NaN)
  if (all === null) return null
  const likely = topP > 0 && topP < 1 ? keepTopP(all, topP) : all
  const near = minP > 0 ? keepMinP(likely, minP) : likely
  const excluding = xtcProbability > 0 && xtc.point() <= xtcProbability
  const surprising = excluding ? excludeTop(near, xtcThreshold, xtc.spared) : near
  return atTemperature(topK > 0 ? keepTopK(surprising, topK) : surprising, logits, temperature)
}

/** A seed of its own for each sampler that wasn't given one. */
const freshSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0

/** `seed` may be any integer: both halves count. */
const randomFrom = (seed: number): PCGRandom => new PCGRandom(Math.floor(seed / 2 ** 32) | 0, seed | 0)

/**
 * A sampler for one answer. It remembers what it returned: the penalties look at the last tokens of the last prompt token
 * and the generated ones. The same seed and the same logits give the same tokens. `spared` are tokens that XTC never drops,
 * such as those that end an answer.
 */
export const makeSampler = (
  sampling: Sampling,
  promptIds: ReadonlyArray<number>,
  spared: ReadonlySet<number> = new Set()
): Sampler => {
  const { logProbabilities: top, penalizeWholeAnswer = false, penaltyWindow = PENALTY_WINDOW, temperature } = sampling
  const most = penalizeWholeAnswer ? 0 : penaltyWindow
  const random = randomFrom(sampling.seed ?? freshSeed())
  const history: Array<number> = promptIds.slice(-1)
  const xtc = { spared, point: () => random.number() }
  const choose = (logits: Float32Array): number => {
    const chances = temperature === 0 ? null : candidates(logits, sampling, xtc)
    return chances === null ? argmax(logits) : tokenAt(chances, random.number())
  }
  return {
    next: (raw, mask) => {
      const logits = processed(raw, sampling, history, mask)
      const token = choose(logits)
      history.push(token)
      if (most > 0 && history.length > most) history.shift()
      return { token, logProbabilities: top === undefined ? null : logProbabilities(logits, token, top) }
    }
  }
}
