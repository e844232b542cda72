/** Rotary embeddings on MLX arrays. */
import { dynamicBase, type RopeSpec, type TableRates } from "../../inference/Rope.js"
import type { MlxArray } from "./Mx.js"
import { memo, type Step } from "./Step.js"

/** What turning needs of a step. */
type Turning = Pick<Step, "arena" | "binding" | "offset" | "length">

/** Cosine and sine [length, dims / 2] of a table's angles, times its magnitude. */
const turns = ({ arena, binding: { mx }, length, offset }: Turning, { magnitude, rates }: TableRates) => {
  const t = arena.track
  const positions = t(mx.reshape(t(mx.arange(offset, offset + length, 1, mx.float32)), [length, 1]))
  const angles = t(mx.multiply(positions, t(mx.array(Array.from(rates), mx.float32))))
  return { cos: t(mx.multiply(t(mx.cos(angles)), magnitude)), sin: t(mx.multiply(t(mx.sin(angles)), magnitude)) }
}

/** The pairs of the rotated dimensions as two arrays, and the dimensions that stay. */
const pairs = ({ arena, binding: { mx }, length }: Turning, x: MlxArray, { dims, interleaved }: RopeSpec) => {
  const t = arena.track
  const [batch = 1, heads = 1, , size = dims] = x.shape
  const part = (from: number, to: number) => t(x.index(mx.Slice(), mx.Slice(), mx.Slice(), mx.Slice(from, to)))
  const rest = size > dims ? [part(dims, size)] : []
  if (!interleaved) return { first: part(0, dims / 2), second: part(dims / 2, dims), rest }
  const neighbours = t(mx.reshape(part(0, dims), [batch, heads, length, dims / 2, 2]))
  const side = (which: number) => t(neighbours.index(mx.Slice(), mx.Slice(), mx.Slice(), mx.Slice(), which))
  return { first: side(0), second: side(1), rest }
}

/** Turns x [batch, heads, length, size] by its positions. */
export const makeRope = (step: Turning): ((x: MlxArray, spec: RopeSpec) => MlxArray) => {
  const { arena, binding, length, offset } = step
  const { mx } = binding
  const t = arena.track
  const turnsOf = memo<TableRates, ReturnType<typeof turns>>()

  const byTable = (x: MlxArray, spec: RopeSpec, rates: TableRates): MlxArray => {
    const { cos, sin } = turnsOf(rates, () => turns(step, rates))
    const { first, rest, second } = pairs(step, x, spec)
    const turned = [
      t(mx.subtract(t(mx.multiply(first, cos)), t(mx.multiply(second, sin)))),
      t(mx.add(t(mx.multiply(first, sin)), t(mx.multiply(second, cos))))
    ]
    const [batch = 1, heads = 1] = x.shape
    const rotated = spec.interleaved
      ? [t(mx.reshape(t(mx.stack(turned, -1)), [batch, heads, length, spec.dims]))]
      : turned
    return t(t(mx.concatenate([...rotated, ...rest], -1)).astype(x.dtype))
  }

  return (x, spec) => {
    const { dims, interleaved, rates } = spec
    const byBase = (base: number, scale: number) => t(mx.fast.rope(x, dims, interleaved, base, scale, offset))
    switch (rates._tag) {
      case "Base":
        return byBase(rates.base, rates.positionScale)
      case "Dynamic":
        return byBase(dynamicBase(rates, dims, offset + length), 1)
      case "Table":
        return byTable(x, spec, rates)
    }
  }
}
