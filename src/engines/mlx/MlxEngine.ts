/** The engine on node-mlx: Apple's GPU where there is one, else the CPU. */
import { join } from "node:path"
import { Effect } from "effect"
import type { EngineUnavailable } from "../../domain/Errors.js"
import type { Decoder } from "../../inference/Decoder.js"
import type { CheckpointSource, Engine, LoadedModel, MemoryStats, Sequence } from "../../inference/Engine.js"
import { type OpenCheckpoint, openCheckpoint } from "../CheckpointFiles.js"
import { invalid } from "../Reader.js"
import { makeArena } from "./Arena.js"
import { type Binding, loadBinding, loadTensors, toFloat32 } from "./Binding.js"
import { plainCodec } from "./KeyValueCache.js"
import { makeOps } from "./MlxOps.js"
import type { MlxArray } from "./Mx.js"
import { makeSequenceMemory } from "./SequenceMemory.js"
import { type LoadedWeights, loadWeights, releaseWeights } from "./Weights.js"

const startSequence = (binding: Binding, decoder: Decoder, weights: LoadedWeights): Sequence => {
  const { mx } = binding
  const { dtype } = weights
  const arena = makeArena(binding.release)
  const memory = makeSequenceMemory(binding, plainCodec, arena)
  let offset = 0

  const compute = (ids: ReadonlyArray<number>, rows: "last" | "all"): Float32Array => {
    const ops = makeOps({ binding, weights, dtype, arena, memory, offset, length: ids.length })
    const input = arena.track(mx.array([[...ids]], mx.int32))
    const logits = arena.track(decoder.forward(ops, input, rows).astype(mx.float32))
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
      }),
    close: memory.release
  }
}

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

/** The engine on this binding. Almost everything that can be wrong with a checkpoint is found before the binding is loaded. */
export const engineOn = (acquireBinding: Effect.Effect<Binding, EngineUnavailable>): Engine => {
  const load = Effect.fn("MlxEngine.load")(function* (source: CheckpointSource) {
    const checkpoint = yield* openCheckpoint(source)
    const binding = yield* acquireBinding
    const weights = yield* acquireWeights(binding, source, checkpoint)
    const { decoder } = checkpoint
    const model: LoadedModel = {
      vocabSize: decoder.vocabSize,
      prefillChunk: prefillChunk(binding, checkpoint),
      start: () => startSequence(binding, decoder, weights),
      memory: () => memoryStats(binding)
    }
    return model
  })
  return { name: "MLX", load }
}

export const mlxEngine: Engine = engineOn(loadBinding)
