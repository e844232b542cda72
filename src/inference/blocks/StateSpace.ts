/**
 * The recurrence of Mamba 2 (arXiv 2405.21060): heads whose state [size, state] decays by one number per step. A chunk is
 * computed at once, as attention with decaying scores, and only its end is kept.
 */
import type { Ops } from "../Ops.js"
import { causalConv } from "./CausalConv.js"
import { type Norm, norm } from "./Norm.js"
import { type Part, split } from "./Part.js"

export interface StateSpace {
  /** Holds `A_log`, `D` and `dt_bias` [heads]. */
  readonly path: string
  readonly heads: number
  readonly headSize: number
  /** Groups of heads that share inputs and outputs of the state. */
  readonly groups: number
  readonly state: number
  /** Least and greatest step. */
  readonly stepLimit: readonly [number, number]
}

/** Rows i, columns j: exp of the decay between them, 0 where j comes later. `total` [batch, heads, length] sums the decay. */
const decayBetween = <T>(ops: Ops<T>, total: T): T => {
  const positions = ops.positions()
  const later = ops.binary("less", ops.reshape(positions, [-1, 1]), ops.reshape(positions, [1, -1]))
  const column = ops.reshape(total, [0, 0, -1, 1])
  const difference = ops.binary("subtract", column, ops.transpose(column, [0, 1, 3, 2]))
  return ops.unary("exp", ops.where(later, Number.NEGATIVE_INFINITY, difference))
}

/**
 * x [batch, length, heads * headSize], inputs and outputs [batch, length, groups * state], steps [batch, length, heads] ->
 * [batch, length, heads * headSize].
 */
export const stateSpace = <T>(
  ops: Ops<T>,
  { inputs, outputs, steps, x }: { readonly x: T; readonly inputs: T; readonly outputs: T; readonly steps: T },
  { groups, headSize, heads, path, state: size, stepLimit }: StateSpace
): T => {
  const perHead = (name: string) => ops.float32(ops.weight(`${path}.${name}`, [heads]))
  const biased = ops.binary("add", ops.float32(steps), perHead("dt_bias"))
  const step = ops.clip(ops.unary("softplus", biased), ...stepLimit)
  const decay = ops.binary("multiply", step, ops.unary("negative", ops.unary("exp", perHead("A_log"))))
  const total = ops.transpose(ops.cumsum(decay, 1), [0, 2, 1])
  const column = (y: T) => ops.reshape(y, [0, 0, -1, 1])

  const byHead = (y: T, count: number, width: number) =>
    ops.transpose(ops.reshape(y, [0, 0, count, width]), [0, 2, 1, 3])
  const shared = (y: T) => ops.repeat(byHead(ops.float32(y), groups, size), heads / groups, 1)
  const values = byHead(ops.float32(x), heads, headSize)
  const stepped = ops.binary("multiply", values, column(ops.transpose(step, [0, 2, 1])))
  const into = shared(inputs)
  const outOf = shared(outputs)

  const scores = ops.matmul(outOf, ops.transpose(into, [0, 1, 3, 2]))
  const within = ops.matmul(ops.binary("multiply", scores, decayBetween(ops, total)), stepped)

  const name = `${path}.state`
  const before = ops.state(name, { shape: [heads, headSize, size] })
  const remembered = ops.matmul(outOf, ops.transpose(before, [0, 1, 3, 2]))
  const found = ops.binary("add", within, ops.binary("multiply", remembered, ops.unary("exp", column(total))))

  const end = ops.slice(total, 2, -1, null)
  const left = column(ops.unary("exp", ops.binary("subtract", end, total)))
  const added = ops.matmul(ops.transpose(ops.binary("multiply", stepped, left), [0, 1, 3, 2]), into)
  const faded = ops.binary("multiply", before, column(ops.unary("exp", end)))
  ops.remember(name, ops.binary("add", added, faded))

  const passed = ops.binary("multiply", values, ops.reshape(perHead("D"), [heads, 1, 1]))
  const all = ops.transpose(ops.binary("add", found, passed), [0, 2, 1, 3])
  return ops.native(ops.reshape(all, [0, 0, heads * headSize]))
}

export interface Mamba2 extends StateSpace {
  /** In and out. */
  readonly width: number
  readonly taps: number
  readonly bias: boolean
  readonly convBias: boolean
  readonly outputBias: boolean
  /** What the gate does to the result: both [batch, length, heads * headSize]. */
  readonly close: <T>(ops: Ops<T>, found: T, gate: T) => T
}

/** Multiplies by the gate's silu. */
export const gateOnly: Mamba2["close"] = (ops, found, gate) => ops.binary("multiply", ops.unary("silu", gate), found)

/** Multiplies by the gate's silu, then normalizes. */
export const gateThenNorm =
  (spec: Norm, width: number): Mamba2["close"] =>
  (ops, found, gate) =>
    norm(spec, width)(ops, gateOnly(ops, found, gate))

/** Normalizes, then multiplies by the gate's silu. */
export const normThenGate =
  (spec: Norm, width: number): Mamba2["close"] =>
  (ops, found, gate) =>
    gateOnly(ops, norm(spec, width)(ops, found), gate)

/** Multiplies by the gate's silu, then normalizes `size` numbers at a time; one weight for all. */
export const gateThenGroupNorm =
  (spec: Norm & { readonly path: string }, width: number, size: number): Mamba2["close"] =>
  (ops, found, gate) => {
    const groups = ops.reshape(gateOnly(ops, found, gate), [0, 0, width / size, size])
    const normed = ops.reshape(norm({ ...spec, path: null }, size)(ops, groups), [0, 0, width])
    return ops.binary("multiply", normed, ops.weight(`${spec.path}.weight`, [width]))
  }

/** Gate, values, inputs, outputs and steps from one matrix; all but gate and steps through a convolution. */
export const mamba2 = (spec: Mamba2): Part => {
  const { bias, close, convBias, groups, headSize, heads, outputBias, path, state, taps, width } = spec
  const inner = heads * headSize
  const shared = groups * state
  const channels = inner + 2 * shared
  return (ops, x) => {
    const all = ops.linear(x, `${path}.in_proj`, { rows: inner + channels + heads, bias })
    const [gate = all, raw = all, steps = all] = split(ops, all, [inner, channels, heads])
    const conv = { path: `${path}.conv1d`, channels, taps, bias: convBias }
    const seen = ops.unary("silu", causalConv(ops, raw, conv))
    const [values = seen, inputs = seen, outputs = seen] = split(ops, seen, [inner, shared, shared])
    const found = stateSpace(ops, { x: values, inputs, outputs, steps }, spec)
    return ops.linear(close(ops, found, gate), `${path}.out_proj`, { rows: width, bias: outputBias })
  }
}
