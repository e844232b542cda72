/** How a layer of experts decides which of them see a token, and how much each of their answers counts. */
import type { Ops } from "../Ops.js"
import { chain, softcap, times } from "./Part.js"

/**
 * From logits to scores. `chosenSoftmax` chooses by the logits themselves and takes the softmax over the chosen ones only;
 * `sqrtSoftplus` is the root of the softplus.
 */
export type ScoreName = "chosenSoftmax" | "sigmoid" | "softmax" | "sqrtSoftplus"

/** Experts compete in groups first: those of all but the `keep` best groups have the score `dropped` while choosing. */
export interface ExpertGroups {
  readonly count: number
  readonly keep: number
  /** A group's rank: its best score, or the sum of its two best. */
  readonly by: "best" | "bestTwo"
  /** 0, which can beat a negative score, unless told otherwise. */
  readonly dropped?: number
  /** Of dropped experts that are needed after all, as too few others are left, the last comes first. */
  readonly lastFirst?: boolean
}

export interface Router {
  /** The matrix from a token to logits. */
  readonly path: string
  /** Whether the matrix has a bias. */
  readonly bias?: boolean
  readonly score: ScoreName
  /** How many experts a token goes to. */
  readonly chosen: number
  /** Logits become cap * tanh(logit / cap) first. */
  readonly softcap?: number
  /** Name of a tensor [experts] that is added to the scores while choosing; the weights are without it. */
  readonly choiceBias?: string | null
  readonly groups?: ExpertGroups | null
  /** The chosen scores are divided by their sum plus this number; null leaves them. */
  readonly normalize?: number | null
  /** The weights are multiplied by it. */
  readonly scale?: number
}

/** Both [batch, length, chosen]; the weights in float32. */
export interface Routing<T> {
  readonly chosen: T
  readonly weights: T
}

const scored = <T>(ops: Ops<T>, logits: T, name: ScoreName): T => {
  switch (name) {
    case "chosenSoftmax":
      return logits
    case "sigmoid":
      return ops.unary("sigmoid", logits)
    case "softmax":
      return ops.softmax(logits, -1)
    case "sqrtSoftplus":
      return ops.unary("sqrt", ops.unary("softplus", logits))
  }
}

/** So little more for each expert that it settles nothing but ties of 0. */
const ORDER = 1e-30

const grouped = <T>(ops: Ops<T>, scores: T, experts: number, spec: ExpertGroups): T => {
  const { by, count, dropped = 0, keep, lastFirst = false } = spec
  const groups = ops.reshape(scores, [0, 0, count, experts / count])
  const best = by === "best" ? groups : ops.takeAlong(groups, ops.topIndices(groups, 2))
  const ranks = ops.reshape(ops.reduce(by === "best" ? "max" : "sum", best, -1), [0, 0, count])
  const isKept = ops.binary("greater", ops.keepTop(ranks, keep), Number.NEGATIVE_INFINITY)
  const kept = ops.reshape(ops.where(ops.reshape(isKept, [0, 0, count, 1]), groups, dropped), [0, 0, experts])
  if (!lastFirst) return kept
  const order = Float32Array.from({ length: experts }, (_, expert) => (expert + 1) * ORDER)
  return ops.where(ops.binary("equal", kept, 0), ops.constant(order, [experts]), kept)
}

/** The decision by the logits [batch, length, experts] of `experts` experts. */
export const decide = <T>(
  ops: Ops<T>,
  logits: T,
  experts: number,
  router: Omit<Router, "path" | "bias">
): Routing<T> => {
  const {
    choiceBias = null,
    chosen: count,
    groups = null,
    normalize = null,
    scale = 1,
    score,
    softcap: cap = 0
  } = router
  const precise = ops.float32(logits)
  const scores = scored(ops, cap > 0 ? softcap(cap)(ops, precise) : precise, score)
  const biased = choiceBias === null ? scores : ops.binary("add", scores, ops.weight(choiceBias, [experts]))
  const chosen = ops.topIndices(groups === null ? biased : grouped(ops, biased, experts, groups), count)
  const picked = ops.takeAlong(scores, chosen)
  const shares = score === "chosenSoftmax" ? ops.softmax(picked, -1) : picked
  const total = (added: number) => ops.binary("add", ops.reduce("sum", shares, -1), added)
  const weights = normalize === null ? shares : ops.binary("divide", shares, total(normalize))
  return { chosen, weights: chain(times(scale))(ops, weights) }
}

/** Where the tokens x [batch, length, width] go. */
export const route = <T>(ops: Ops<T>, x: T, experts: number, router: Router): Routing<T> =>
  decide(ops, ops.linear(x, router.path, { rows: experts, bias: router.bias ?? false }), experts, router)
