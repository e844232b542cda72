/** Layers with the gated delta rule, as Qwen has them. */
import { causalConv } from "../../blocks/CausalConv.js"
import { decayOf, deltaRule, unitQueriesAndKeys } from "../../blocks/DeltaRule.js"
import { norm } from "../../blocks/Norm.js"
import { type Part, split } from "../../blocks/Part.js"
import type { Ops } from "../../Ops.js"
import { rms } from "./Frame.js"

/** Sizes of a layer with the delta rule. */
export interface DeltaSizes {
  readonly width: number
  readonly keyHeads: number
  readonly keySize: number
  readonly valueHeads: number
  readonly valueSize: number
  readonly taps: number
  readonly eps: number
}

/** Queries, keys and values side by side, and per value head the gate, the strength and the decay. */
interface Projected<T> {
  readonly mixed: T
  readonly gate: T
  readonly strength: T
  readonly decay: T
}

export type Projection = <T>(ops: Ops<T>, x: T, path: string, sizes: DeltaSizes) => Projected<T>

/** The rows of two matrices, grouped by key head. */
export const grouped: Projection = (ops, x, path, sizes) => {
  const { keyHeads, keySize, valueHeads, valueSize } = sizes
  const perKey = valueHeads / keyHeads
  const values = perKey * valueSize
  const grouped = <T>(o: Ops<T>, y: T, name: string, width: number) =>
    o.reshape(o.linear(y, `${path}.${name}`, { rows: keyHeads * width }), [0, 0, keyHeads, width])
  const all = grouped(ops, x, "in_proj_qkvz", 2 * keySize + 2 * values)
  const [q = all, k = all, v = all, z = all] = split(ops, all, [keySize, keySize, values, values])
  const both = grouped(ops, x, "in_proj_ba", 2 * perKey)
  const [b = both, a = both] = split(ops, both, [perKey, perKey])
  const flat = (y: typeof q, width: number) => ops.reshape(y, [0, 0, keyHeads * width])
  return {
    mixed: ops.concat([flat(q, keySize), flat(k, keySize), flat(v, values)], -1),
    gate: flat(z, values),
    strength: flat(b, perKey),
    decay: flat(a, perKey)
  }
}

/** A matrix for each. */
export const separate: Projection = (ops, x, path, { keyHeads, keySize, valueHeads, valueSize }) => {
  const matrix = (name: string, rows: number) => ops.linear(x, `${path}.${name}`, { rows })
  return {
    mixed: matrix("in_proj_qkv", 2 * keyHeads * keySize + valueHeads * valueSize),
    gate: matrix("in_proj_z", valueHeads * valueSize),
    strength: matrix("in_proj_b", valueHeads),
    decay: matrix("in_proj_a", valueHeads)
  }
}

/** A layer with the delta rule, its convolution before and its gate behind it. */
export const deltaLayer =
  (path: string, sizes: DeltaSizes, projection: Projection): Part =>
  (ops, x) => {
    const { keyHeads, keySize, valueHeads, valueSize } = sizes
    const [keys, values] = [keyHeads * keySize, valueHeads * valueSize]
    const { decay, gate, mixed, strength } = projection(ops, x, path, sizes)
    const conv = { path: `${path}.conv1d`, channels: 2 * keys + values, taps: sizes.taps, bias: false }
    const seen = ops.unary("silu", causalConv(ops, mixed, conv))
    const [q = seen, k = seen, v = seen] = split(ops, seen, [keys, keys, values])
    const byHead = (y: typeof q, count: number, width: number) => ops.reshape(y, [0, 0, count, width])
    const perValueHead = (name: string) => ops.weight(`${path}.${name}`, [valueHeads])
    const found = deltaRule(
      ops,
      {
        ...unitQueriesAndKeys(ops, byHead(q, keyHeads, keySize), byHead(k, keyHeads, keySize), keySize),
        values: byHead(v, valueHeads, valueSize),
        decay: decayOf(ops, decay, perValueHead("A_log"), perValueHead("dt_bias")),
        strength: byHead(ops.unary("sigmoid", strength), valueHeads, 1)
      },
      { ...sizes, state: `${path}.state` }
    )
    const normed = norm(rms(`${path}.norm`, sizes.eps), valueSize)(ops, found)
    const open = ops.unary("silu", ops.float32(byHead(gate, valueHeads, valueSize)))
    const gated = ops.native(ops.binary("multiply", open, normed))
    return ops.linear(ops.reshape(gated, [0, 0, values]), `${path}.out_proj`, { rows: sizes.width })
  }
