/** Attention: positions that cached keys have, masks and products. */

import { firstVisible } from "../../inference/CachePolicy.js"
import type { AttendSpec, Ops, Visibility } from "../../inference/Ops.js"
import { lengthOf } from "../../inference/Shape.js"
import { scalar } from "./Elementwise.js"
import { makeRope } from "./MlxRope.js"
import type { MlxArray } from "./Mx.js"
import { memo, type Step } from "./Step.js"

/** Added to the scores [length, keys]: 0 where a query sees a key, minus infinity elsewhere. The last key is the chunk's. */
const mask = ({ arena, binding: { mx }, dtype, length, offset }: Step, keys: number, visibility: Visibility) => {
  const t = arena.track
  const end = offset + length
  const queries = t(mx.reshape(t(mx.arange(offset, end, 1, mx.int32)), [length, 1]))
  const positions = t(mx.arange(end - keys, end, 1, mx.int32))
  const past = t(mx.lessEqual(positions, queries))
  const near = (): MlxArray => {
    switch (visibility._tag) {
      case "All":
        return past
      case "Window": {
        const limit = t(mx.add(positions, t(mx.array(visibility.size, mx.int32))))
        return t(mx.logicalAnd(past, t(mx.less(queries, limit))))
      }
      case "Chunk": {
        const size = t(mx.array(visibility.size, mx.int32))
        const block = t(mx.subtract(queries, t(mx.remainder(queries, size))))
        return t(mx.logicalAnd(past, t(mx.greaterEqual(positions, block))))
      }
    }
  }
  return t(t(mx.where(near(), 0, -Infinity)).astype(dtype))
}

/** Whether a single query sees all of so many keys. */
const seesAll = (offset: number, keys: number, visibility: Visibility) =>
  offset + 1 - keys >= firstVisible(visibility, offset)

type Attention = Pick<Ops<MlxArray>, "rope" | "positions" | "cached" | "attend" | "visible" | "state" | "remember">

export const attention = (step: Step): Attention => {
  const { arena, binding, dtype, length, memory, offset } = step
  const { mx } = binding
  const t = arena.track
  const masks = memo<string, MlxArray>()
  const visible: Attention["visible"] = (keys, visibility) => {
    const positions = lengthOf(keys.shape, 2)
    const size = visibility._tag === "All" ? 0 : visibility.size
    return masks(`${visibility._tag} ${size} ${positions}`, () => mask(step, positions, visibility))
  }

  const softmaxWithSinks = (scores: MlxArray, sinks: MlxArray): MlxArray => {
    const [batch = 1, heads = 1, , positions = 0] = scores.shape
    const column = t(mx.broadcastTo(t(mx.reshape(sinks, [1, heads, 1, 1])), [batch, heads, length, 1]))
    const joined = t(mx.softmax(t(mx.concatenate([column, scores], -1)), -1, true))
    return t(joined.index(mx.Slice(), mx.Slice(), mx.Slice(), mx.Slice(1, positions + 1)))
  }

  /** Scores, their softmax and the mix of the values one after the other, for what MLX's kernel doesn't know. */
  const spelledOut = (
    queries: MlxArray,
    keys: MlxArray,
    values: MlxArray,
    hidden: MlxArray | null,
    spec: AttendSpec<MlxArray>
  ) => {
    const { bias, scale, sinks, softcap } = spec
    const [batch = 1, heads = 1] = queries.shape
    const [, keyHeads = 1] = keys.shape
    /** [batch, keyHeads, heads per key head, …] */
    const grouped = (x: MlxArray) => t(mx.reshape(x, [batch, keyHeads, heads / keyHeads, ...x.shape.slice(2)]))
    const ungrouped = (x: MlxArray) => t(mx.reshape(x, [batch, heads, ...x.shape.slice(3)]))
    const scaled = grouped(t(mx.multiply(queries, scalar(step, scale, queries))))
    const turned = t(mx.transpose(t(mx.expandDims(keys, 2)), [0, 1, 2, 4, 3]))
    const raw = ungrouped(t(mx.matmul(scaled, turned)))
    const cap = (cap: number) => {
      const limit = scalar(step, cap, raw)
      return t(mx.multiply(t(mx.tanh(t(mx.divide(raw, limit)))), limit))
    }
    const added = (scores: MlxArray, term: MlxArray | null | undefined) => (term ? t(mx.add(scores, term)) : scores)
    const scores = added(added(softcap ? cap(softcap) : raw, bias), hidden)
    const weights = sinks ? softmaxWithSinks(scores, sinks) : t(mx.softmax(scores, -1, true))
    return ungrouped(t(mx.matmul(grouped(weights), t(mx.expandDims(values, 2)))))
  }

  return {
    rope: makeRope(step),
    positions: () => t(mx.arange(offset, offset + length, 1, mx.int32)),
    visible,
    cached: (name, chunk, visibility) => memory.cached(name, chunk, visibility, offset),
    attend: (queries, keys, values, spec) => {
      const all = length === 1 && seesAll(offset, lengthOf(keys.shape, 2), spec.visibility)
      const hidden = all ? null : visible(keys, spec.visibility)
      return spec.softcap || spec.sinks || spec.bias
        ? spelledOut(queries, keys, values, hidden, spec)
        : t(mx.fast.scaledDotProductAttention(queries, keys, values, spec.scale, hidden ?? undefined))
    },
    state: (name, { shape }) => memory.state(name) ?? t(mx.zeros([1, ...shape], dtype)),
    remember: memory.remember
  }
}
