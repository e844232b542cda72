/** The seam between the generation loop and whatever computes: an engine turns a checkpoint into logits. */
import type { Effect, Scope } from "effect"
import type { CheckpointInvalid, EngineUnavailable, ModelIncompatible } from "../domain/Errors.js"

/** A checkpoint on disk. `name` is for messages; `directory` holds config.json and the safetensors files (absolute). */
export interface CheckpointSource {
  readonly name: string
  readonly directory: string
}

/**
 * One sequence and its KV cache, for one caller at a time. A step may block the thread or be computed elsewhere; then it is
 * uninterruptible, because nobody knows the cache after half a step.
 */
export interface Sequence {
  /** Tokens in the KV cache. */
  readonly length: number
  /**
   * Appends `ids` (at least one, each below `vocabSize`, no more in all than `maxPositions`) to the KV cache. Returns float32 logits: `vocabSize` values for the last position, or
   * `ids.length * vocabSize` in row-major order for `"all"`.
   */
  readonly forward: (ids: ReadonlyArray<number>, rows: "last" | "all") => Effect.Effect<Float32Array>
  /**
   * Goes on as if only the first `length` tokens had been given; false (and nothing is changed) where that can't be: recurrent
   * states know only the present, windows what they still hold. The start is always in reach, and so are the positions of the
   * last step when the model `rewinds`.
   */
  readonly rewind: (length: number) => boolean
  /** Bytes of its caches and states. */
  readonly bytes: number
  /** Frees the KV cache. */
  readonly close: () => void
}

/** Bytes the engine holds; null where the engine can't tell. */
export interface MemoryStats {
  readonly activeBytes: number | null
  readonly peakBytes: number | null
  readonly cacheBytes: number | null
}

/** A checkpoint ready to compute. */
export interface LoadedModel {
  readonly vocabSize: number
  /** Most tokens that a sequence can have, where a table of positions ends; null where only memory limits it. */
  readonly maxPositions: number | null
  /** Most prompt tokens to give to one step: an interruption arrives between steps, so one should take a second or two. */
  readonly prefillChunk: number
  /** Whether sequences can be taken back into their last step. */
  readonly rewinds: boolean
  /** Most bytes that a sequence of so many tokens holds, known before it is started. */
  readonly cacheBytes: (positions: number) => number
  readonly start: () => Sequence
  readonly memory: () => MemoryStats
}

export interface Engine {
  readonly name: string
  /** Reads config and weights; the model lives as long as the scope. Refuses before reading tensors what it can't compute. */
  readonly load: (
    source: CheckpointSource
  ) => Effect.Effect<LoadedModel, CheckpointInvalid | ModelIncompatible | EngineUnavailable, Scope.Scope>
}
