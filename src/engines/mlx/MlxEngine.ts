/** The engine on node-mlx: Apple's GPU where there is one, else the CPU. */
import { Effect } from "effect"
import { CheckpointInvalid } from "../../domain/Errors.js"
import type { Decoder } from "../../inference/Decoder.js"
import type { CheckpointSource, Engine, LoadedModel, MemoryStats, Sequence } from "../../inference/Engine.js"
import { type OpenCheckpoint, openCheckpoint } from "../CheckpointFiles.js"
import { makeArena } from "./Arena.js"
import { type Binding, loadBinding, toFloat32 } from "./Binding.js"
import { makeLayerCache } from "./KeyValueCache.js"
import { makeOps } from "./MlxOps.js"
import { type LoadedWeights, loadWeights, releaseWeights } from "./Weights.js"

const startSequence = (binding: Binding, decoder: Decoder, weights: LoadedWeights): Sequence => {
  const { mx } = binding
  const { dtype } = weights
  const arena = makeArena(binding.release)
  const caches = Array.from({ length: decoder.cacheLayers }, () => makeLayerCache(binding, dtype, arena))
  let offset = 0

  const compute = (ids: ReadonlyArray<number>, rows: "last" | "all"): Float32Array => {
    const ops = makeOps({ binding, weights, dtype, arena, caches, offset, length: ids.length })
    const input = arena.track(mx.array([[...ids]], mx.uint32))
    const logits = arena.track(decoder.forward(ops, input, rows).astype(mx.float32))
    const flat = mx.reshape(logits, [-1])
    // Before the evaluation, so that MLX frees each intermediate as soon as it is used.
    arena.release()
    mx.eval(flat, ...caches.flatMap((cache) => cache.arrays()))
    const values = toFloat32(flat)
    binding.release(flat)
    return values
  }

  return {
    get length() {
      return offset
    },
    forward: (ids, rows) => {
      // MLX reads whatever lies at an index outside the table.
      const stray = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < decoder.vocabSize))
      if (stray !== undefined) throw new RangeError(`token id ${stray} is not in the vocabulary`)
      try {
        const logits = compute(ids, rows)
        offset += ids.length
        return logits
      } finally {
        arena.release()
      }
    },
    close: () => {
      for (const cache of caches) cache.release()
    }
  }
}

/** The binding counts only what lies on the GPU. */
const memory = ({ gpu, mx }: Binding): MemoryStats =>
  gpu
    ? {
        activeBytes: mx.metal.getActiveMemory(),
        peakBytes: mx.metal.getPeakMemory(),
        cacheBytes: mx.metal.getCacheMemory()
      }
    : { activeBytes: null, peakBytes: null, cacheBytes: null }

const acquireWeights = (binding: Binding, source: CheckpointSource, checkpoint: OpenCheckpoint) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => loadWeights(binding, source.directory, checkpoint),
      catch: () =>
        new CheckpointInvalid({
          model: source.name,
          file: checkpoint.files[0] ?? "model.safetensors",
          problem: "MLX cannot read its tensors"
        })
    }),
    (weights) => Effect.sync(() => releaseWeights(binding, weights))
  )

/** Everything that can be wrong with the checkpoint is found before the native library is loaded. */
const load = Effect.fn("MlxEngine.load")(function* (source: CheckpointSource) {
  const checkpoint = yield* openCheckpoint(source)
  const binding = yield* loadBinding
  const weights = yield* acquireWeights(binding, source, checkpoint)
  const { decoder } = checkpoint
  const model: LoadedModel = {
    vocabSize: decoder.vocabSize,
    start: () => startSequence(binding, decoder, weights),
    memory: () => memory(binding)
  }
  return model
})

export const mlxEngine: Engine = { name: "MLX", load }
