/** Sparse attention by blocks of keys: a query sees the blocks whose best key matches it best. */
import type { Ops } from "../Ops.js"
import type { RopeSpec } from "../Rope.js"
import { ALL } from "./Attention.js"
import { type Norm, norm } from "./Norm.js"
import { type Part, splitHeads } from "./Part.js"

export interface BlockIndexer {
  readonly path: string
  /** Of the attention that is served, a multiple of the indexer's own. */
  readonly attentionHeads: number
  readonly heads: number
  readonly headSize: number
  readonly blockSize: number
  /** Blocks that stay for a query, the local ones among them. */
  readonly keep: number
  /** The newest blocks that always stay. */
  readonly local: number
  readonly rope: RopeSpec
  /** Of queries and keys, whose modules it names. */
  readonly norm: Omit<Norm, "path">
}

/** 1, 2, 4, … below `limit`. */
const powers = (limit: number): ReadonlyArray<number> =>
  limit <= 1 ? [] : Array.from({ length: Math.ceil(Math.log2(limit)) }, (_, i) => 2 ** i)

/**
 * The maximum over each key's block, from the key on (`ahead`) or up to it. The number of blocks isn't known when an
 * architecture is traced, so the last axis can't be cut into blocks; maxima over spans that double do the same.
 */
const spread = <T>(ops: Ops<T>, x: T, offsets: T, blockSize: number, ahead: boolean): T =>
  powers(blockSize).reduce((best, step) => {
    const edge = ops.repeat(ahead ? ops.slice(best, -1, -1, null) : ops.slice(best, -1, 0, 1), step, -1)
    const shifted = ahead
      ? ops.slice(ops.concat([best, edge], -1), -1, step, null)
      : ops.slice(ops.concat([edge, best], -1), -1, 0, -step)
    const inBlock = ahead ? ops.binary("less", offsets, blockSize - step) : ops.binary("greater", offsets, step - 1)
    return ops.where(inBlock, ops.binary("maximum", best, shifted), best)
  }, x)

const projected = <T>(ops: Ops<T>, x: T, kind: "q" | "k", heads: number, spec: BlockIndexer): T => {
  const { headSize, path, rope } = spec
  const flat = ops.linear(x, `${path}.index_${kind}_proj`, { rows: heads * headSize })
  const normed = norm({ ...spec.norm, path: `${path}.index_${kind}_norm` }, headSize)
  return ops.rope(normed(ops, splitHeads(ops, flat, heads, headSize)), rope)
}

/** Positions of all keys, [positions], counted from 0. */
const keyPositions = <T>(ops: Ops<T>, keys: T): T => {
  const one = ops.reshape(ops.slice(ops.slice(keys, 0, 0, 1), -1, 0, 1), [-1])
  const ones = ops.binary("add", ops.binary("multiply", one, 0), 1)
  return ops.binary("subtract", ops.cumsum(ones, 0), 1)
}

/** The best score of each block at the block's first key, minus infinity elsewhere; infinity for blocks that always stay. */
const ranked = <T>(ops: Ops<T>, scores: T, positions: T, offsets: T, { blockSize, local }: BlockIndexer): T => {
  const blockOf = (y: T) => ops.unary("floor", ops.binary("divide", y, blockSize))
  const own = ops.reshape(blockOf(ops.float32(ops.positions())), [-1, 1])
  const age = ops.binary("subtract", own, blockOf(positions))
  const recent = ops.binary("multiply", ops.binary("less", age, local), ops.binary("greater", age, -1))
  const best = ops.where(recent, Number.POSITIVE_INFINITY, spread(ops, scores, offsets, blockSize, true))
  return ops.where(ops.binary("equal", offsets, 0), best, Number.NEGATIVE_INFINITY)
}

/**
 * From a layer's input to what is added to the scores of its attention, [batch, heads, length, positions]: 0 for the keys
 * of kept blocks, minus infinity for the rest.
 */
export const indexedBlocks =
  (spec: BlockIndexer): Part =>
  (ops, x) => {
    const keys = ops.float32(ops.cached(`${spec.path}.index`, projected(ops, x, "k", 1, spec), ALL))
    const queries = ops.float32(projected(ops, x, "q", spec.heads, spec))
    const positions = keyPositions(ops, keys)
    const offsets = ops.binary("remainder", positions, spec.blockSize)
    const matches = ops.matmul(queries, ops.transpose(keys, [0, 1, 3, 2]))
    const scores = ops.binary("add", matches, ops.visible(keys, ALL))
    const kept = ops.keepTop(ranked(ops, scores, positions, offsets, spec), spec.keep)
    const seen = spread(ops, ops.binary("greater", kept, Number.NEGATIVE_INFINITY), offsets, spec.blockSize, false)
    const bias = ops.where(ops.binary("greater", seen, 0), 0, Number.NEGATIVE_INFINITY)
    return ops.repeat(bias, spec.attentionHeads / spec.heads, 1)
  }
