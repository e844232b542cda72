/** A router that chooses experts one after another, each with a weight of its own. */
import type { Ops } from "../Ops.js"
import type { Routing } from "./Router.js"

export interface SparseMixer {
  readonly chosen: number
  /** Half the share by which a logit may be below the best one and still count beside it. */
  readonly jitter: number
}

/**
 * A weight is the softmax over the logits that are not chosen yet and not far below the best of them. Logits are
 * [batch, length, experts].
 */
export const sparseMixer = <T>(
  ops: Ops<T>,
  logits: T,
  experts: number,
  { chosen, jitter }: SparseMixer
): Routing<T> => {
  const scores = ops.float32(logits)
  const numbers = ops.constant(
    Array.from({ length: experts }, (_, expert) => expert),
    [experts]
  )
  const picks: Array<Routing<T>> = []
  let left = scores
  for (let i = 0; i < chosen; i++) {
    const best = ops.reduce("max", left, -1)
    const pick = ops.topIndices(left, 1)
    const distance = ops.binary("subtract", best, scores)
    const unit = ops.binary("maximum", ops.unary("abs", scores), best)
    const far = ops.binary("greater", ops.binary("divide", distance, unit), 2 * jitter)
    const shares = ops.softmax(ops.where(far, Number.NEGATIVE_INFINITY, left), -1)
    picks.push({ chosen: pick, weights: ops.takeAlong(shares, pick) })
    left = ops.where(ops.binary("equal", numbers, pick), Number.NEGATIVE_INFINITY, left)
  }
  const joined = (of: keyof Routing<T>) =>
    ops.concat(
      picks.map((pick) => pick[of]),
      -1
    )
  return { chosen: joined("chosen"), weights: joined("weights") }
}
