/** Keys and values of one layer, in buffers that grow in steps and are written in place. */
import type { Arena } from "./Arena.js"
import type { Binding } from "./Binding.js"
import type { MlxArray, MlxDtype } from "./Mx.js"

/** Positions by which a buffer grows. */
const STEP = 256

export interface LayerCache {
  /**
   * Writes keys and values [batch, heads, length, size] behind position `offset` and returns both from position `first`
   * on, lazy and in the arena.
   */
  readonly append: (
    keys: MlxArray,
    values: MlxArray,
    at: { readonly offset: number; readonly first: number }
  ) => readonly [keys: MlxArray, values: MlxArray]
  /** What must be evaluated with a step. */
  readonly arrays: () => ReadonlyArray<MlxArray>
  readonly release: () => void
}

export const makeLayerCache = (binding: Binding, dtype: MlxDtype, arena: Arena): LayerCache => {
  const { mx } = binding
  let buffers: ReadonlyArray<MlxArray> = []
  let capacity = 0

  const positions = (from: number, to: number) => [mx.Slice(), mx.Slice(), mx.Slice(from, to)]

  /** The used part of the old buffer and zeros behind it. */
  const grown = (like: MlxArray, old: MlxArray | undefined, offset: number, extra: number): MlxArray => {
    const [batch = 1, heads = 1, , size = 1] = like.shape
    const space = arena.track(mx.zeros([batch, heads, extra, size], dtype))
    if (old === undefined) return mx.add(space, 0)
    const used = arena.track(arena.track(old).index(...positions(0, offset)))
    return mx.concatenate([used, space], 2)
  }

  const append: LayerCache["append"] = (keys, values, { first, offset }) => {
    const end = offset + (keys.shape[2] ?? 0)
    if (end > capacity) {
      const wanted = Math.ceil(end / STEP) * STEP
      const [oldKeys, oldValues] = buffers
      buffers = [grown(keys, oldKeys, offset, wanted - offset), grown(values, oldValues, offset, wanted - offset)]
      capacity = wanted
    }
    const written = (buffer: MlxArray | undefined, chunk: MlxArray): MlxArray => {
      if (buffer === undefined) return chunk
      buffer.indexPut_(positions(offset, end), chunk)
      return arena.track(buffer.index(...positions(first, end)))
    }
    return [written(buffers[0], keys), written(buffers[1], values)]
  }

  return {
    append,
    arrays: () => buffers,
    release: () => {
      buffers.forEach(binding.release)
      buffers = []
      capacity = 0
    }
  }
}
