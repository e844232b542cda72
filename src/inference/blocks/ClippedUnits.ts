/** Gated units that keep their numbers within a limit. */
import type { GatedUnit } from "./Mlp.js"

/** GPT-OSS: the gate is limited from above, the other part from both sides; gate * sigmoid(alpha * gate) * (up + 1). */
export const clippedSwish =
  (alpha: number, limit: number): GatedUnit =>
  (ops, gate, up) => {
    const open = ops.clip(gate, null, limit)
    const swish = ops.binary("multiply", open, ops.unary("sigmoid", ops.binary("multiply", open, alpha)))
    return ops.binary("multiply", ops.binary("add", ops.clip(up, -limit, limit), 1), swish)
  }

/** Step: silu(gate) is limited from above, the other part from both sides. */
export const limitedSwiglu =
  (limit: number): GatedUnit =>
  (ops, gate, up) =>
    ops.binary("multiply", ops.clip(ops.unary("silu", gate), null, limit), ops.clip(up, -limit, limit))
