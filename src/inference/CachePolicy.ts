/**
 * How much of a sequence a KV cache holds: everything, a window, or the current block. Buffers grow in steps, and a few
 * positions more than the next query sees stay, so that a sequence can be taken back by some tokens. Pure.
 */
import type { Visibility } from "./Ops.js"

/** Positions by which a buffer grows. */
const STEP = 256
/** Positions by which a bounded buffer is longer than what it must hold; it moves its content that rarely. */
const SPARE = 64
/** Tokens that a sequence can be taken back at least, when they came in chunks of at most so many. */
const REACH = 32

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

/** The first position that a new buffer keeps, before a chunk of `length` tokens that begins at `offset`. */
export const firstKept = (visibility: Visibility, offset: number, length: number): number =>
  firstVisible(visibility, length <= REACH ? Math.max(0, offset - REACH) : offset)

/** Positions that a new buffer has, for `kept` ones and a chunk of `length` tokens. */
export const capacity = (visibility: Visibility, kept: number, length: number): number => {
  const grown = Math.ceil((kept + length) / STEP) * STEP
  return visibility._tag === "All" ? grown : Math.min(grown, visibility.size + Math.max(length, SPARE))
}
