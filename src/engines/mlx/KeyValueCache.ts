/** Keys or values of one layer, in buffers that grow in steps and are written in place. */
import { capacity, firstVisible } from "../../inference/CachePolicy.js"
import type { Visibility } from "../../inference/Ops.js"
import type { Arena } from "./Arena.js"
import type { Binding } from "./Binding.js"
import type { MlxArray } from "./Mx.js"

/** How positions are stored: `encode` gives arrays [batch, heads, length, …], `decode` the values again. */
export interface Codec {
  readonly encode: (chunk: MlxArray, arena: Arena) => ReadonlyArray<MlxArray>
  readonly decode: (stored: ReadonlyArray<MlxArray>, arena: Arena) => MlxArray
}

/** As they are. */
export const plainCodec: Codec = {
  encode: (chunk) => [chunk],
  decode: ([stored]) => {
    if (stored === undefined) throw new Error("nothing is stored")
    return stored
  }
}

export interface KeyValueCache {
  /**
   * Writes a chunk [batch, heads, length, size] behind position `offset` and returns all that its queries may see: lazy, in
   * the arena.
   */
  readonly append: (chunk: MlxArray, offset: number, arena: Arena) => MlxArray
  /** Whether everything that a query at position `length` may see is still there. */
  readonly reaches: (length: number) => boolean
  /** What must be evaluated with a step. */
  readonly arrays: () => ReadonlyArray<MlxArray>
  readonly release: () => void
}

export const makeKeyValueCache = (binding: Binding, visibility: Visibility, codec: Codec): KeyValueCache => {
  const { mx } = binding
  let buffers: ReadonlyArray<MlxArray> = []
  /** Position of the buffers' first row, and how many rows they have. */
  let first = 0
  let rows = 0

  const span = (from: number, to: number) => [mx.Slice(), mx.Slice(), mx.Slice(from - first, to - first)]

  /** Room behind the old buffer's rows of positions `from` to `to`. */
  const moved = (like: MlxArray, old: MlxArray | undefined, from: number, to: number, room: number, arena: Arena) => {
    const [batch = 1, heads = 1, , size = 1] = like.shape
    const space = arena.track(mx.zeros([batch, heads, room, size], like.dtype))
    if (old === undefined || from === to) return space.astype(like.dtype)
    return mx.concatenate([arena.track(arena.track(old).index(...span(from, to))), space], 2)
  }

  const makeRoom = (parts: ReadonlyArray<MlxArray>, offset: number, length: number, arena: Arena) => {
    const from = firstVisible(visibility, offset)
    const wanted = capacity(visibility, offset - from, length)
    buffers = parts.map((part, i) => moved(part, buffers[i], from, offset, wanted - (offset - from), arena))
    first = from
    rows = wanted
  }

  return {
    append: (chunk, offset, arena) => {
      const parts = codec.encode(chunk, arena)
      const [, , length = 0] = chunk.shape
      const end = offset + length
      if (end > first + rows) makeRoom(parts, offset, length, arena)
      const seen = buffers.map((buffer, i) => {
        const part = parts[i]
        if (part !== undefined) buffer.indexPut_(span(offset, end), part)
        return arena.track(buffer.index(...span(firstVisible(visibility, offset), end)))
      })
      return codec.decode(seen, arena)
    },
    reaches: (length) => first <= firstVisible(visibility, length),
    arrays: () => buffers,
    release: () => {
      buffers.forEach(binding.release)
      buffers = []
      first = 0
      rows = 0
    }
  }
}
