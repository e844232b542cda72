/** Queries that grow with their position, as far keys would be drowned by many near ones. */
import type { Part } from "./Part.js"

export interface PositionScale {
  /** What the first position counts as. */
  readonly first: number
  /** The factor stays the same for so many positions. */
  readonly every: number
  readonly strength: number
}

/** Queries [..., length, size] times 1 + strength * ln(1 + floor(position / every)). */
export const positionScale =
  ({ every, first, strength }: PositionScale): Part =>
  (ops, queries) => {
    const positions = ops.binary("add", ops.float32(ops.positions()), first)
    const blocks = ops.unary("floor", ops.binary("divide", positions, every))
    const growth = ops.binary("multiply", ops.unary("log", ops.binary("add", blocks, 1)), strength)
    const factors = ops.native(ops.binary("add", growth, 1))
    return ops.binary("multiply", queries, ops.reshape(factors, [-1, 1]))
  }
