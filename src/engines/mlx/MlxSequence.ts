/** One sequence on node-mlx: a step is built lazily, evaluated once, and leaves nothing behind but caches and states. */
import { Effect } from "effect"
import type { KvBits } from "../../inference/CachePolicy.js"
import type { Sequence } from "../../inference/Engine.js"
import type { OpenCheckpoint } from "../CheckpointFiles.js"
import { refuseStray } from "../Stray.js"
import { makeArena } from "./Arena.js"
import { type Binding, toFloat32 } from "./Binding.js"
import { plainCodec } from "./KeyValueCache.js"
import { makeOps } from "./MlxOps.js"
import { packingCodec } from "./PackedCache.js"
import { makeSequenceMemory } from "./SequenceMemory.js"
import type { LoadedWeights } from "./Weights.js"

export const startSequence = (
  binding: Binding,
  checkpoint: OpenCheckpoint,
  weights: LoadedWeights,
  kvBits: KvBits | null
): Sequence => {
  const { mx } = binding
  const { dtype } = weights
  const arena = makeArena(binding.release)
  const memory = makeSequenceMemory(binding, kvBits === null ? plainCodec : packingCodec(binding, kvBits), arena)
  let offset = 0

  const compute = (ids: ReadonlyArray<number>, rows: "last" | "all"): Float32Array => {
    const ops = makeOps({ binding, weights, dtype, arena, memory, offset, length: ids.length })
    const input = arena.track(mx.array([[...ids]], mx.int32))
    const logits = arena.track(checkpoint.decoder.forward(ops, input, rows).astype(mx.float32))
    const flat = mx.reshape(logits, [-1])
    // Before the evaluation, so that MLX frees each intermediate as soon as it is used.
    arena.release()
    mx.eval(flat, ...memory.arrays())
    const values = toFloat32(flat)
    binding.release(flat)
    return values
  }

  return {
    get length() {
      return offset
    },
    forward: (ids, rows) =>
      Effect.sync(() => {
        refuseStray(checkpoint, ids, offset)
        try {
          const logits = compute(ids, rows)
          offset += ids.length
          return logits
        } finally {
          arena.release()
        }
      }),
    rewind: (length) => {
      const possible = length === offset || (length >= 0 && length < offset && memory.rewind(length))
      if (possible) offset = length
      return possible
    },
    get bytes() {
      return memory.arrays().reduce((sum, { nbytes }) => sum + nbytes, 0)
    },
    close: memory.release
  }
}
