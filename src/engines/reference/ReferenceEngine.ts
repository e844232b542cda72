/** The engine in plain TypeScript: the oracle of the tests, and good enough for very small models on any machine. */
import { Effect } from "effect"
import { rewinds } from "../../inference/CachePolicy.js"
import type { CheckpointSource, Engine, LoadedModel, Sequence } from "../../inference/Engine.js"
import { type Shape, sizeOf } from "../../inference/Shape.js"
import { type OpenCheckpoint, openCheckpoint } from "../CheckpointFiles.js"
import { refuseStray } from "../Stray.js"
import { slice } from "./Axes.js"
import { type Memory, makeOps } from "./ReferenceOps.js"
import { tensor } from "./Tensor.js"
import { type ReferenceWeights, readWeights } from "./Weights.js"

const BYTES = Float32Array.BYTES_PER_ELEMENT

const numbersIn = (shapes: ReadonlyArray<Shape>) => shapes.reduce((sum, shape) => sum + sizeOf(shape), 0)

const forget = ({ caches, states }: Memory) => {
  caches.clear()
  states.clear()
}

const startSequence = (checkpoint: OpenCheckpoint, weights: ReferenceWeights): Sequence => {
  const memory: Memory = { caches: new Map(), states: new Map() }
  let length = 0
  return {
    get length() {
      return length
    },
    forward: (ids, rows) =>
      Effect.sync(() => {
        refuseStray(checkpoint, ids, length)
        const ops = makeOps(weights, memory, ids.length, length + ids.length)
        const { data } = checkpoint.decoder.forward(ops, tensor([1, ids.length], ids), rows)
        length += ids.length
        return data
      }),
    rewind: (to) => {
      const possible = to === length || to === 0 || (to > 0 && to < length && memory.states.size === 0)
      if (!possible) return false
      if (to === 0) forget(memory)
      for (const [name, cache] of memory.caches) memory.caches.set(name, slice(cache, 2, 0, to))
      length = to
      return true
    },
    get bytes() {
      return numbersIn([...memory.caches.values(), ...memory.states.values()].map(({ shape }) => shape)) * BYTES
    },
    close: () => forget(memory)
  }
}

/** A second or two of work for the models that this engine is good for. */
const PREFILL_CHUNK = 32

const load = Effect.fn("ReferenceEngine.load")(function* (source: CheckpointSource) {
  const checkpoint = yield* openCheckpoint(source)
  const weights = yield* readWeights(source, checkpoint)
  const model: LoadedModel = {
    vocabSize: checkpoint.decoder.vocabSize,
    maxPositions: checkpoint.needs.maxPositions,
    prefillChunk: PREFILL_CHUNK,
    rewinds: rewinds(checkpoint.needs),
    cacheBytes: (positions) => {
      const { caches, states } = checkpoint.needs
      const whole = [...caches.values()].map(({ heads, size }) => [heads, positions, size])
      return numbersIn([...whole, ...states.values()]) * BYTES
    },
    start: () => startSequence(checkpoint, weights),
    memory: () => ({ activeBytes: null, peakBytes: null, cacheBytes: null })
  }
  return model
})

export const referenceEngine: Engine = { name: "reference", load }
