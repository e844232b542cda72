/** Kimi delta attention (arXiv 2510.26692): the gated delta rule with a decay for every number of a key. */
import type { Ops } from "../Ops.js"
import { convolved, deltaRule, unitQueriesAndKeys } from "./DeltaRule.js"
import { norm } from "./Norm.js"
import type { Part } from "./Part.js"

export interface KimiDelta {
  readonly path: string
  /** In and out. */
  readonly width: number
  readonly heads: number
  readonly size: number
  readonly taps: number
  readonly eps: number
  /** Behind the letters q, k and v: the modules of their convolutions. */
  readonly conv: string
  /** [batch, length, heads * size]: what the decay is made of, and the gate of the result. */
  readonly decayInput: Part
  readonly gate: Part
  /** Shape of the stored `A_log`. */
  readonly ratesShape: ReadonlyArray<number>
  /** From the decay's input with its bias, and the exponential of the rates: what is kept of the state. */
  readonly kept: <T>(ops: Ops<T>, input: T, rates: T) => T
}

/** exp(-rates * softplus(input)). */
export const keptBySoftplus: KimiDelta["kept"] = (ops, input, rates) =>
  ops.unary("exp", ops.unary("negative", ops.binary("multiply", ops.unary("softplus", input), rates)))

/** exp(bound * sigmoid(rates * input)), for a negative bound. */
export const keptAbove =
  (bound: number): KimiDelta["kept"] =>
  (ops, input, rates) =>
    ops.unary("exp", ops.binary("multiply", ops.unary("sigmoid", ops.binary("multiply", rates, input)), bound))

export const kimiDelta =
  (spec: KimiDelta): Part =>
  (ops, x) => {
    const { conv, heads, path, size, taps, width } = spec
    const channels = heads * size
    const byHead = (y: typeof x) => ops.reshape(y, [0, 0, heads, size])
    const seen = (name: string) => {
      const projected = ops.linear(x, `${path}.${name}_proj`, { rows: channels })
      return byHead(convolved(ops, projected, { path: `${path}.${name}${conv}`, channels, taps }))
    }
    const rates = ops.reshape(ops.unary("exp", ops.float32(ops.weight(`${path}.A_log`, spec.ratesShape))), [heads, 1])
    const bias = ops.reshape(ops.float32(ops.weight(`${path}.dt_bias`, [channels])), [heads, size])
    const input = ops.binary("add", ops.float32(byHead(spec.decayInput(ops, x))), bias)
    const strength = ops.unary("sigmoid", ops.float32(ops.linear(x, `${path}.b_proj`, { rows: heads })))
    const found = deltaRule(
      ops,
      {
        ...unitQueriesAndKeys(ops, seen("q"), seen("k"), size),
        values: seen("v"),
        decay: spec.kept(ops, input, rates),
        strength: ops.reshape(strength, [0, 0, heads, 1])
      },
      { state: `${path}.state`, keyHeads: heads, keySize: size, valueHeads: heads, valueSize: size }
    )
    const normed = norm({ kind: "rms", path: `${path}.o_norm`, eps: spec.eps }, size)(ops, found)
    const open = ops.unary("sigmoid", byHead(spec.gate(ops, x)))
    const merged = ops.reshape(ops.binary("multiply", normed, open), [0, 0, channels])
    return ops.linear(merged, `${path}.o_proj`, { rows: width })
  }
