/** Depthwise convolution over time, where each position sees itself and the few before it. */
import type { Ops } from "../Ops.js"

export interface CausalConv {
  /** Its module: `weight` [channels, taps, 1], oldest tap first, and `bias` [channels]. */
  readonly path: string
  readonly channels: number
  readonly taps: number
  readonly bias: boolean
}

/** x [batch, length, channels] -> the same shape. */
export const causalConv = <T>(ops: Ops<T>, x: T, { bias, channels, path, taps }: CausalConv): T => {
  const earlier = taps - 1
  const before = ops.state(`${path}.inputs`, { shape: [earlier, channels] })
  const inputs = ops.concat([before, x], 1)
  ops.remember(`${path}.inputs`, ops.slice(inputs, 1, -earlier, null))
  const weight = ops.transpose(ops.reshape(ops.weight(`${path}.weight`, [channels, taps, 1]), [0, 0]), [1, 0])
  const products = Array.from({ length: taps }, (_, tap) => {
    const seen = ops.slice(inputs, 1, tap, tap === earlier ? null : tap - earlier)
    return ops.binary("multiply", seen, ops.slice(weight, 0, tap, tap + 1))
  })
  const sum = products.reduce((a, b) => ops.binary("add", a, b))
  return bias ? ops.binary("add", sum, ops.weight(`${path}.bias`, [channels])) : sum
}
