/**
 * Linear attention with a fixed decay per head (lightning attention, arXiv 2401.04658): a matrix from keys to values that
 * fades a little at each step. A chunk is computed at once, as attention with fading scores, and only its end is kept.
 */
import type { Ops } from "../Ops.js"

export interface FadingAttention<T> {
  /** All [batch, heads, length, size]. */
  readonly queries: T
  readonly keys: T
  readonly values: T
}

export interface FadingSpec {
  /** Name of its state. */
  readonly state: string
  readonly size: number
  readonly scale: number
  /** The logarithm of what is left after a step, per head. */
  readonly decay: ReadonlyArray<number>
}

/** -> [batch, heads, length, size]. */
export const fadingAttention = <T>(ops: Ops<T>, parts: FadingAttention<T>, spec: FadingSpec): T => {
  const { decay, scale, size, state } = spec
  const heads = decay.length
  const rate = ops.constant(decay, [heads, 1, 1])
  const [keys, values] = [ops.float32(parts.keys), ops.float32(parts.values)]
  const queries = ops.binary("multiply", ops.float32(parts.queries), scale)
  const flip = (x: T) => ops.transpose(x, [0, 1, 3, 2])
  const fade = (steps: T) => ops.unary("exp", ops.binary("multiply", rate, steps))

  const positions = ops.positions()
  const column = ops.reshape(positions, [-1, 1])
  const row = ops.reshape(positions, [1, -1])
  const distance = ops.binary("subtract", column, row)
  const between = ops.where(ops.binary("less", distance, 0), 0, fade(ops.binary("maximum", distance, 0)))
  const within = ops.matmul(ops.binary("multiply", ops.matmul(queries, flip(keys)), between), values)

  const before = ops.state(state, { shape: [heads, size, size] })
  const steps = ops.binary("add", ops.binary("subtract", column, ops.slice(positions, 0, 0, 1)), 1)
  const remembered = ops.binary("multiply", ops.matmul(queries, before), fade(steps))

  const left = fade(ops.binary("subtract", ops.slice(positions, 0, -1, null), column))
  const added = ops.matmul(flip(ops.binary("multiply", keys, left)), values)
  const kept = ops.binary("multiply", before, fade(ops.slice(steps, 0, -1, null)))
  ops.remember(state, ops.binary("add", kept, added))
  return ops.native(ops.binary("add", within, remembered))
}
