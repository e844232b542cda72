/** The operations of decoders on lazy MLX arrays: nothing here computes, a step is evaluated once at its end. */
import type { AttentionSpec, Ops } from "../../inference/Ops.js"
import { makeRope } from "./MlxRope.js"
import type { MlxArray } from "./Mx.js"
import { memoized, type Step } from "./Step.js"
import type { LoadedMatrix } from "./Weights.js"

/** A name that the architecture didn't ask for when the checkpoint was checked: a bug in the architecture. */
const named = <A>(map: ReadonlyMap<string, A>, name: string): A => {
  const found = map.get(name)
  if (found === undefined) throw new Error(`weight ${name} was never asked for`)
  return found
}

/**
 * From this many rows on, the CPU's quantized kernel, which takes each row by itself, is slower than making the matrix dense
 * and multiplying that (measured: equal between 8 and 32 rows, 20 times at 256).
 */
const DENSE_ROWS = 16

const multiply = ({ arena, binding: { gpu, mx } }: Step, x: MlxArray, { bias, packed }: LoadedMatrix): MlxArray => {
  const t = arena.track
  const [, rows = 1] = x.shape
  const dense = (weight: MlxArray) => t(mx.matmul(x, t(mx.transpose(weight))))
  const product = (): MlxArray => {
    if (packed._tag === "Dense") return dense(packed.weight)
    const { biases, bits, groupSize, scales, words } = packed
    return !gpu && rows >= DENSE_ROWS
      ? dense(t(mx.dequantize(words, scales, biases, groupSize, bits)))
      : t(mx.quantizedMatmul(x, words, scales, biases, true, groupSize, bits))
  }
  return bias === null ? product() : t(mx.add(product(), bias))
}

const embed = ({ arena, binding: { mx } }: Step, ids: MlxArray, { packed }: LoadedMatrix): MlxArray => {
  const t = arena.track
  const [batch = 1, length = 1] = ids.shape
  const flat = t(mx.reshape(ids, [-1]))
  const rows = (array: MlxArray) => t(mx.take(array, flat, 0))
  const found =
    packed._tag === "Dense"
      ? rows(packed.weight)
      : t(mx.dequantize(rows(packed.words), rows(packed.scales), rows(packed.biases), packed.groupSize, packed.bits))
  return t(mx.reshape(found, [batch, length, -1]))
}

/** Added to the scores [length, keys from `first`]: 0 where a query sees a key, minus infinity elsewhere. */
const mask = ({ arena, binding: { mx }, dtype, length, offset }: Step, first: number, window: number | null) => {
  const t = arena.track
  const end = offset + length
  const queries = t(mx.reshape(t(mx.arange(offset, end, 1, mx.int32)), [length, 1]))
  const distance = t(mx.subtract(queries, t(mx.arange(first, end, 1, mx.int32))))
  const past = t(mx.greaterEqual(distance, 0))
  const seen = window === null ? past : t(mx.logicalAnd(past, t(mx.less(distance, window))))
  return t(t(mx.where(seen, 0, -Infinity)).astype(dtype))
}

const makeAttention = (step: Step): Ops<MlxArray>["attention"] => {
  const { arena, binding, caches, length, offset } = step
  const { mx } = binding
  const t = arena.track
  const rope = makeRope(step)
  /** The first key that the chunk's first query sees. */
  const firstKey = (window: number | null) => (window === null ? 0 : Math.max(0, offset - window + 1))
  const maskOf = memoized((window: number | null) => mask(step, firstKey(window), window))
  const byHead = (x: MlxArray) => t(mx.transpose(x, [0, 2, 1, 3]))

  return (queries, keys, values, spec: AttentionSpec) => {
    const turned = (x: MlxArray) => (spec.rope === null ? byHead(x) : rope(byHead(x), spec.rope))
    const cache = caches[spec.layer]
    if (cache === undefined) throw new Error(`layer ${spec.layer} has no cache`)
    const at = { offset, first: firstKey(spec.window) }
    const [allKeys, allValues] = cache.append(turned(keys), byHead(values), at)
    // A single query sees exactly the keys that are passed.
    const seen = length === 1 ? undefined : maskOf(spec.window)
    const mixed = t(mx.fast.scaledDotProductAttention(turned(queries), allKeys, allValues, spec.scale, seen))
    const [batch = 1] = mixed.shape
    return t(mx.reshape(byHead(mixed), [batch, length, -1]))
  }
}

/** The operations of one step. */
export const makeOps = (step: Step): Ops<MlxArray> => {
  const { arena, binding, length, weights } = step
  const { mx } = binding
  const t = arena.track
  const linear = (x: MlxArray, path: string) => multiply(step, x, named(weights.matrices, path))
  return {
    linear,
    embedding: (ids, path) => embed(step, ids, named(weights.matrices, path)),
    rmsNorm: (x, weight, eps) => t(mx.fast.rmsNorm(x, named(weights.vectors, weight), eps)),
    splitHeads: (x, heads) => {
      const [batch = 1] = x.shape
      return t(mx.reshape(x, [batch, length, heads, -1]))
    },
    attention: makeAttention(step),
    gatedMlp: (x, { down, gate, up }) => {
      const gated = linear(x, gate)
      const activated = t(mx.multiply(gated, t(mx.sigmoid(gated))))
      return linear(t(mx.multiply(activated, linear(x, up))), down)
    },
    add: (a, b) => t(mx.add(a, b)),
    lastPosition: (x) => t(x.index(mx.Slice(), mx.Slice(length - 1, length)))
  }
}
