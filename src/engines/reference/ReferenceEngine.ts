/** The engine in plain TypeScript: the oracle of the tests, and good enough for very small models on any machine. */
import { Effect } from "effect"
import type { CheckpointSource, Engine, LoadedModel, Sequence } from "../../inference/Engine.js"
import { type OpenCheckpoint, openCheckpoint } from "../CheckpointFiles.js"
import { type Memory, makeOps } from "./ReferenceOps.js"
import { tensor } from "./Tensor.js"
import { type ReferenceWeights, readWeights } from "./Weights.js"

const startSequence = ({ decoder }: OpenCheckpoint, weights: ReferenceWeights): Sequence => {
  const memory: Memory = { caches: new Map(), states: new Map() }
  let length = 0
  return {
    get length() {
      return length
    },
    forward: (ids, rows) =>
      Effect.sync(() => {
        const ops = makeOps(weights, memory, ids.length, length + ids.length)
        const { data } = decoder.forward(ops, tensor([1, ids.length], ids), rows)
        length += ids.length
        return data
      }),
    close: () => {
      memory.caches.clear()
      memory.states.clear()
    }
  }
}

/** A second or two of work for the models that this engine is good for. */
const PREFILL_CHUNK = 32

const load = Effect.fn("ReferenceEngine.load")(function* (source: CheckpointSource) {
  const checkpoint = yield* openCheckpoint(source)
  const weights = yield* readWeights(source, checkpoint)
  const model: LoadedModel = {
    vocabSize: checkpoint.decoder.vocabSize,
    prefillChunk: PREFILL_CHUNK,
    start: () => startSequence(checkpoint, weights),
    memory: () => ({ activeBytes: null, peakBytes: null, cacheBytes: null })
  }
  return model
})

export const referenceEngine: Engine = { name: "reference", load }
