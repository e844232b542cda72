/**
 * How much of a sequence a KV cache holds: everything, a window, or the current block, in buffers that grow in steps. From it
 * follows what a sequence costs before it is started. Pure.
 */
import type { Visibility } from "./Ops.js"
import { sizeOf } from "./Shape.js"
import type { CacheNeed, DecoderNeeds } from "./Trace.js"

/** Positions by which a buffer grows. */
const STEP = 256
/** Positions by which a bounded buffer is longer than what must be kept: it moves its content that rarely. */
const SPARE = 64

/** The first position that a query sees. */
export const firstVisible = (visibility: Visibility, query: number): number => {
  switch (visibility._tag) {
    case "All":
      return 0
    case "Window":
      return Math.max(0, query - visibility.size + 1)
    case "Chunk":
      return query - (query % visibility.size)
  }
}

/** Positions that a new buffer has, for `kept` ones and a chunk of `length` tokens. */
export const capacity = (visibility: Visibility, kept: number, length: number): number => {
  const grown = Math.ceil((kept + length) / STEP) * STEP
  return visibility._tag === "All" ? grown : Math.min(grown, visibility.size + Math.max(length, SPARE))
}

/** How an engine stores keys and values: numbers of so many bytes, or packed codes with a scale and a bias per group. */
export interface CacheStorage {
  readonly bytes: number
  readonly bits: KvBits | null
}
export type KvBits = 4 | 8

const GROUPS = [64, 32] as const

/** Numbers that share a scale where keys or values of this size are packed; null where they can't be. */
export const packedGroup = (size: number): number | null => GROUPS.find((group) => size % group === 0) ?? null

const bytesPerNumber = (size: number, { bits, bytes }: CacheStorage): number => {
  const group = packedGroup(size)
  return bits === null || group === null ? bytes : bits / 8 + (2 * bytes) / group
}

/** Recurrences keep their states in float32 where they lose too much otherwise. */
const STATE_BYTES = 4

/**
 * Bytes that a sequence's caches and states take at most while it grows to `positions` tokens in steps of at most `chunk`
 * tokens. A buffer that grows needs its old size beside it for a moment.
 */
export const cacheBytes = (
  { caches, states }: Pick<DecoderNeeds, "caches" | "states">,
  positions: number,
  chunk: number,
  storage: CacheStorage
): number => {
  const ofCache = ({ heads, size, visibility }: CacheNeed) =>
    capacity(visibility, positions - Math.min(chunk, positions), Math.min(chunk, positions)) *
    heads *
    size *
    bytesPerNumber(size, storage)
  const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0)
  return (
    total([...caches.values()].map(ofCache)) + total([...states.values()].map((shape) => sizeOf(shape) * STATE_BYTES))
  )
}

/** Whether a sequence can be taken back into its last step: a state is what all tokens left behind. */
export const rewinds = ({ states }: Pick<DecoderNeeds, "states">): boolean => states.size === 0
