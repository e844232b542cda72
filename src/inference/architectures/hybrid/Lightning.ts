/** Lightning attention, as Ling has it. */
import { fadingAttention } from "../../blocks/FadingAttention.js"
import { norm } from "../../blocks/Norm.js"
import type { Part } from "../../blocks/Part.js"
import type { RopeSpec } from "../../Rope.js"
import { rms } from "./Frame.js"

/** Slopes of ALiBi (arXiv 2108.12409) for any number of heads. */
const slopes = (heads: number): ReadonlyArray<number> => {
  const powers = (count: number) => Array.from({ length: count }, (_, i) => 2 ** ((-8 * (i + 1)) / count))
  const whole = 2 ** Math.floor(Math.log2(heads))
  const between = powers(2 * whole).filter((_, i) => i % 2 === 0)
  return [...powers(whole), ...between.slice(0, heads - whole)]
}

export interface Lightning {
  readonly path: string
  readonly width: number
  readonly heads: number
  readonly size: number
  readonly qkvBias: boolean
  readonly bias: boolean
  readonly headNorm: boolean
  readonly eps: number
  readonly rope: RopeSpec
  /** Groups that the result is normalized in. */
  readonly groups: number
  /** The slopes are multiplied by it. */
  readonly factor: number
}

/** Linear attention whose memory fades at a fixed rate per head, beside an output gate. */
export const lightningAttention = (spec: Lightning): Part => {
  const { eps: epsilon, groups, heads, path, rope, size, width } = spec
  const inner = heads * size
  return (ops, x) => {
    const all = ops.linear(x, `${path}.query_key_value`, { rows: 3 * inner, bias: spec.qkvBias })
    const part = (index: number) => {
      const flat = ops.slice(all, -1, index * inner, (index + 1) * inner)
      return ops.transpose(ops.reshape(flat, [0, 0, heads, size]), [0, 2, 1, 3])
    }
    const positioned = (index: number, name: string) => {
      const normed = spec.headNorm
        ? norm(rms(`${path}.${name}_layernorm`, epsilon), size)(ops, part(index))
        : part(index)
      return ops.rope(normed, rope)
    }
    const found = fadingAttention(
      ops,
      { queries: positioned(0, "query"), keys: positioned(1, "key"), values: part(2) },
      { state: `${path}.state`, size, scale: size ** -0.5, decay: slopes(heads).map((slope) => -slope * spec.factor) }
    )
    const merged = ops.reshape(ops.transpose(found, [0, 2, 1, 3]), [0, 0, groups, inner / groups])
    const normed = ops.reshape(ops.rmsNorm(merged, null, epsilon), [0, 0, inner])
    const weighted = ops.binary("multiply", normed, ops.weight(`${path}.g_norm.weight`, [inner]))
    const open = ops.unary("sigmoid", ops.linear(x, `${path}.g_proj`, { rows: inner }))
    return ops.linear(ops.binary("multiply", weighted, open), `${path}.dense`, { rows: width, bias: spec.bias })
  }
}
