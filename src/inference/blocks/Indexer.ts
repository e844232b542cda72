/** Sparse attention by single keys: a small attention of its own picks the keys that each query may look at. */
import type { Ops } from "../Ops.js"
import type { RopeSpec } from "../Rope.js"
import { ALL } from "./Attention.js"
import { norm } from "./Norm.js"
import { splitHeads } from "./Part.js"

export interface Indexer {
  readonly path: string
  readonly heads: number
  readonly headSize: number
  /** Keys that stay for a query. */
  readonly keep: number
  readonly rope: RopeSpec
}

const EPS = 1e-5

/**
 * 1 for the `count` greatest of the last axis, 0 for the rest; of equal ones, such as keys that no head matches, the last
 * ones are kept.
 */
const greatest = <T>(ops: Ops<T>, scores: T, count: number): T => {
  const any = ops.binary("greater", ops.keepTop(scores, count), Number.NEGATIVE_INFINITY)
  const least = ops.reduce("min", ops.where(any, scores, Number.POSITIVE_INFINITY), -1)
  const above = ops.binary("greater", scores, least)
  const equal = ops.binary("equal", scores, least)
  const left = ops.binary("add", ops.binary("multiply", ops.reduce("sum", above, -1), -1), count)
  const before = ops.binary("subtract", ops.cumsum(equal, -1), equal)
  const fromHere = ops.binary("subtract", ops.reduce("sum", equal, -1), before)
  const last = ops.binary("multiply", equal, ops.binary("less", fromHere, ops.binary("add", left, 1)))
  return ops.binary("maximum", above, last)
}

/**
 * What to add to the scores of an attention, [batch, 1, length, positions]: 0 for a kept key, minus infinity for the rest.
 * x is [batch, length, width], `vector` what the attention makes its queries of.
 */
export const indexedKeys = <T>(ops: Ops<T>, x: T, vector: T, { headSize, heads, keep, path, rope }: Indexer): T => {
  const matrix = (y: T, name: string, rows: number) => ops.linear(y, `${path}.${name}`, { rows })
  const normed = norm({ kind: "layer", eps: EPS, path: `${path}.k_norm`, bias: true }, headSize)
  const chunk = splitHeads(ops, normed(ops, matrix(x, "wk", headSize)), 1, headSize)
  const keys = ops.cached(path, ops.rope(chunk, rope), ALL)
  const queries = ops.rope(splitHeads(ops, matrix(vector, "wq_b", heads * headSize), heads, headSize), rope)
  const matches = ops.unary("relu", ops.matmul(queries, ops.transpose(keys, [0, 1, 3, 2])))
  const importance = ops.binary("multiply", matrix(x, "weights_proj", heads), (heads * headSize) ** -0.5)
  const scores = ops.reduce("sum", ops.binary("multiply", matches, splitHeads(ops, importance, heads, 1)), 1)
  const kept = greatest(ops, ops.float32(ops.binary("add", scores, ops.visible(keys, ALL))), keep)
  return ops.where(kept, 0, Number.NEGATIVE_INFINITY)
}
