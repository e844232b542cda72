/** What an architecture is to an engine, made from config.json alone. */
import type { Ops } from "./Ops.js"
import type { WeightNeeds } from "./Weights.js"

export interface Decoder {
  readonly vocabSize: number
  /** Layers that keep keys and values. */
  readonly cacheLayers: number
  readonly needs: WeightNeeds
  /**
   * ids [batch, length] -> logits [batch, length, vocabSize], or [batch, 1, vocabSize] of the last position. Runs the same
   * operations in the same order for every call with the same `rows`.
   */
  readonly forward: <T>(ops: Ops<T>, ids: T, rows: "last" | "all") => T
}
