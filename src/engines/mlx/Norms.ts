/** Normalization over the last axis. */
import type { Ops } from "../../inference/Ops.js"
import { lengthOf } from "../../inference/Shape.js"
import type { MlxArray } from "./Mx.js"
import { memo, type Step } from "./Step.js"

export const norms = ({ arena, binding: { mx } }: Step): Pick<Ops<MlxArray>, "rmsNorm" | "layerNorm"> => {
  const t = arena.track
  const vectors = memo<number, MlxArray>()
  const ones = (size: number) => vectors(size, () => t(mx.ones([size], mx.float32)))
  const like = (weight: MlxArray, x: MlxArray) => (weight.dtype === x.dtype ? weight : t(weight.astype(x.dtype)))
  /** MLX's kernels take vectors; anything larger, such as a weight per head, is applied behind them. */
  const split = (parameter: MlxArray | null, x: MlxArray) => {
    const fitting = parameter === null ? null : like(parameter, x)
    return fitting === null || fitting.ndim === 1
      ? { inside: fitting, behind: null }
      : { inside: null, behind: fitting }
  }

  return {
    rmsNorm: (x, weight, eps) => {
      const { behind, inside } = split(weight, x)
      const size = lengthOf(x.shape, -1)
      const normed = t(mx.fast.rmsNorm(x, inside ?? like(ones(size), x), eps))
      return behind === null ? normed : t(mx.multiply(normed, behind))
    },
    layerNorm: (x, weight, bias, eps) => {
      const { behind, inside } = split(weight, x)
      const shift = split(bias, x)
      const within = behind === null ? (shift.inside ?? undefined) : undefined
      const normed = t(mx.fast.layerNorm(x, inside ?? undefined, within, eps))
      const scaled = behind === null ? normed : t(mx.multiply(normed, behind))
      return bias === null || within !== undefined ? scaled : t(mx.add(scaled, like(bias, x)))
    }
  }
}
