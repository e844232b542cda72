/** What moves values along axes and picks them. */
import { Record } from "effect"
import type { Ops } from "../../inference/Ops.js"
import { axisOf, lengthOf, reshaped, transposed } from "../../inference/Shape.js"
import { scalar } from "./Elementwise.js"
import { solid } from "./Layout.js"
import type { MlxArray } from "./Mx.js"
import type { Step } from "./Step.js"

type Axes = Pick<
  Ops<MlxArray>,
  "reshape" | "transpose" | "slice" | "concat" | "repeat" | "topIndices" | "keepTop" | "takeAlong" | "takeRows" | "scan"
>

export const axes = (step: Step): Axes => {
  const { arena, binding, length } = step
  const { mx } = binding
  const t = arena.track
  const whole = (axis: number) => Array.from({ length: axis }, () => mx.Slice())
  const slice: Axes["slice"] = (x, axis, from, to) =>
    t(x.index(...whole(axisOf(x.shape, axis)), mx.Slice(from, to ?? undefined)))
  const integers = (x: MlxArray) => (x.dtype === mx.int32 ? x : t(x.astype(mx.int32)))
  const sorted = (x: MlxArray) => t(mx.argsort(solid(step, x), -1))
  /** Positions of the last axis, those of the greatest values first. */
  const descending = (x: MlxArray) => sorted(t(mx.negative(x)))

  return {
    reshape: (x, shape) => t(mx.reshape(x, reshaped(x.shape, shape))),
    transpose: (x, order) => {
      const moved = order.map((axis) => axisOf(x.shape, axis)).filter((axis) => x.shape[axis] !== 1)
      // Where only axes of length 1 change places nothing moves. Of views that say otherwise, MLX on the CPU reads and
      // writes stray memory when their buffer is used again for a result.
      return moved.every((axis, i) => i === 0 || axis > (moved[i - 1] ?? 0))
        ? t(mx.reshape(x, transposed(x.shape, order)))
        : t(mx.transpose(x, order))
    },
    slice,
    concat: (parts, axis) => t(mx.concatenate(parts, axis)),
    repeat: (x, count, axis) => t(mx.repeat(x, count, axis)),
    topIndices: (x, k) => integers(slice(descending(x), -1, 0, k)),
    keepTop: (x, k) => {
      if (lengthOf(x.shape, -1) <= k) return x
      const rank = sorted(descending(x))
      return t(mx.where(t(mx.less(rank, k)), x, scalar(step, -Infinity, x)))
    },
    takeAlong: (x, indices) => t(mx.takeAlongAxis(x, integers(indices), -1)),
    takeRows: (x, indices) => t(mx.take(solid(step, x), integers(indices), 0)),
    scan: (inputs, before, body) => {
      const parts = Record.map(inputs, (x) => mx.split(x, length, 1).map(t))
      const outputs: Array<MlxArray> = []
      let states = before
      for (let position = 0; position < length; position++) {
        const result = body(
          Record.map(inputs, (x, name) => t(mx.reshape(parts[name][position] ?? x, x.shape.toSpliced(1, 1)))),
          states
        )
        states = result.states
        outputs.push(result.output)
      }
      return { states, output: t(mx.stack(outputs, 1)) }
    }
  }
}
