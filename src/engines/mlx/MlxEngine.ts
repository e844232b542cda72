/** The engine on node-mlx: Apple's GPU where there is one, else the CPU. */
import { join } from "node:path"
import { Effect } from "effect"
import type { EngineUnavailable } from "../../domain/Errors.js"
import { cacheBytes, type KvBits, rewinds } from "../../inference/CachePolicy.js"
import type { CheckpointSource, Engine, LoadedModel, MemoryStats } from "../../inference/Engine.js"
import { type OpenCheckpoint, openCheckpoint } from "../CheckpointFiles.js"
import { invalid } from "../Reader.js"
import { type Binding, limitMemory, loadBinding, loadTensors } from "./Binding.js"
import { startSequence } from "./MlxSequence.js"
import type { MlxArray } from "./Mx.js"
import { loadWeights, releaseWeights } from "./Weights.js"

/** The binding counts only what lies on the GPU. */
const memoryStats = ({ gpu, mx }: Binding): MemoryStats =>
  gpu
    ? {
        activeBytes: mx.metal.getActiveMemory(),
        peakBytes: mx.metal.getPeakMemory(),
        cacheBytes: mx.metal.getCacheMemory()
      }
    : { activeBytes: null, peakBytes: null, cacheBytes: null }

const acquireWeights = (binding: Binding, source: CheckpointSource, checkpoint: OpenCheckpoint) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const stored = new Map<string, MlxArray>()
      for (const file of checkpoint.files) {
        const tensors = yield* Effect.try({
          try: () => loadTensors(binding.mx, join(source.directory, file)),
          catch: () => invalid(source, file, "MLX cannot read its tensors")
        })
        for (const [name, array] of tensors) stored.set(name, array)
      }
      // The checkpoint fits its architecture, so what fails from here on is a bug or the machine.
      return yield* Effect.sync(() => loadWeights(binding, checkpoint, stored))
    }),
    (weights) => Effect.sync(() => releaseWeights(binding, weights))
  )

const GPU_CHUNK = 512
/** Multiply-adds of a step on the CPU: with a billion weights 64 tokens, one or two seconds on two cores. */
const CPU_STEP = 64e9
const MIN_CPU_CHUNK = 32

/** Prompt tokens per step. Longer steps are faster on the whole, as each begins by unpacking all weights. */
const prefillChunk = ({ gpu }: Binding, { weights }: OpenCheckpoint): number => {
  if (gpu) return GPU_CHUNK
  const size = weights.reduce(
    (sum, plan) => sum + (plan._tag === "Matrix" ? (plan.count ?? 1) * plan.rows * plan.columns : 0),
    1
  )
  return 2 ** Math.floor(Math.log2(Math.min(GPU_CHUNK, Math.max(MIN_CPU_CHUNK, CPU_STEP / size))))
}

export interface MlxSettings {
  /** Keys and values are packed to so many bits, which halves or quarters what a long sequence takes; null for not. */
  readonly kvBits: KvBits | null
}

/** The engine on this binding. Almost everything that can be wrong with a checkpoint is found before the binding is loaded. */
export const engineOn = (
  acquireBinding: Effect.Effect<Binding, EngineUnavailable>,
  { kvBits }: MlxSettings = { kvBits: null }
): Engine => {
  const load = Effect.fn("MlxEngine.load")(function* (source: CheckpointSource) {
    const checkpoint = yield* openCheckpoint(source)
    const binding = yield* acquireBinding
    limitMemory(binding)
    const weights = yield* acquireWeights(binding, source, checkpoint)
    const { decoder, needs } = checkpoint
    const chunk = prefillChunk(binding, checkpoint)
    const storage = { bytes: weights.dtype.size, bits: kvBits }
    const model: LoadedModel = {
      vocabSize: decoder.vocabSize,
      maxPositions: needs.maxPositions,
      prefillChunk: chunk,
      rewinds: rewinds(needs),
      cacheBytes: (positions) => cacheBytes(needs, positions, chunk, storage),
      start: () => startSequence(binding, checkpoint, weights, kvBits),
      memory: () => memoryStats(binding)
    }
    return model
  })
  return { name: "MLX", load }
}

export const mlxEngine: Engine = engineOn(loadBinding)
