/**
 * What decoders are made of: the seam between architectures and engines. `T` is whatever an engine computes with: a lazy
 * array, a graph edge, numbers. Shapes are [batch, length, width] unless said otherwise, and depend only on the batch, the
 * length of the chunk and the cache's capacity: no operation looks at values, so an architecture can be traced once.
 * Weights are named as in the checkpoint: `path` for a matrix with its scales and bias, a tensor's full name for a vector.
 */
import type { RopeSpec } from "./Rope.js"

/** How a layer attends. The engine owns the layer's keys and values and knows the position of the chunk. */
export interface AttentionSpec {
  /** Which cache, counting from 0 and below `Decoder.cacheLayers`. */
  readonly layer: number
  /** Scores are multiplied by it. */
  readonly scale: number
  /** Turns queries and keys before the keys are kept; null for none. */
  readonly rope: RopeSpec | null
  /** A query sees itself and the `window - 1` keys before it; null sees all before it. */
  readonly window: number | null
}

/** `down(activation(gate x) * up x)`; the three are matrix paths. */
export interface GatedMlpSpec {
  readonly gate: string
  readonly up: string
  readonly down: string
  readonly activation: "silu"
}

export interface Ops<T> {
  /** Rows of a matrix: ids [batch, length] -> [batch, length, columns]. */
  readonly embedding: (ids: T, path: string) => T
  /** Multiplies with the transposed matrix and adds its bias, if it has one. */
  readonly linear: (x: T, path: string) => T
  /** Over the last axis; `weight` is a vector's name. */
  readonly rmsNorm: (x: T, weight: string, eps: number) => T
  /** [batch, length, heads * size] -> [batch, length, heads, size]. */
  readonly splitHeads: (x: T, heads: number) => T
  /**
   * Causal attention over the cache and the chunk, whose keys and values join the cache. Queries [batch, length, heads,
   * size], keys and values with as many heads or a divisor of it; result [batch, length, heads * size].
   */
  readonly attention: (queries: T, keys: T, values: T, spec: AttentionSpec) => T
  readonly gatedMlp: (x: T, spec: GatedMlpSpec) => T
  readonly add: (a: T, b: T) => T
  /** The last position of the chunk: [batch, length, width] -> [batch, 1, width]. */
  readonly lastPosition: (x: T) => T
}
