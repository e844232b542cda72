/**
 * Opening a checkpoint: its config, the headers of its safetensors files, and what both together say about the model. Shared
 * by all engines; reads no tensor data.
 */
import { Effect, Either, Schema } from "effect"
import { type CheckpointInvalid, ModelIncompatible } from "../domain/Errors.js"
import { excerpt } from "../domain/Excerpt.js"
import { fileText } from "../domain/JsonText.js"
import { buildDecoder } from "../inference/architectures/Architectures.js"
import { Section } from "../inference/Config.js"
import type { Decoder } from "../inference/Decoder.js"
import type { CheckpointSource } from "../inference/Engine.js"
import { quantization } from "../inference/Quantization.js"
import { architectureProblem } from "../inference/registry.js"
import { headerLength, LENGTH_BYTES, parseHeader, type TensorInfo } from "../inference/Safetensors.js"
import { type DecoderNeeds, traceDecoder } from "../inference/Trace.js"
import {
  type PlannedWeight,
  planWeights,
  renamed,
  type StoredTensor,
  type TensorTable,
  type WeightProblem
} from "../inference/Weights.js"
import { checked, invalid, names, readBytes, readJson, withFile } from "./Reader.js"

const CONFIG = "config.json"
const INDEX = "model.safetensors.index.json"
const SINGLE = "model.safetensors"

/** A checkpoint whose files fit together and fit the architecture. */
export interface OpenCheckpoint {
  readonly decoder: Decoder
  readonly needs: DecoderNeeds
  readonly weights: ReadonlyArray<PlannedWeight>
  readonly tensors: TensorTable
  /** Names of the files that hold `tensors`. */
  readonly files: ReadonlyArray<string>
}

/** A JSON file of a known form. */
const readForm = <A, I>(source: CheckpointSource, file: string, schema: Schema.Schema<A, I>) =>
  Effect.flatMap(readJson(source, file), (value) =>
    Effect.mapError(Schema.decodeUnknown(schema)(value), () => invalid(source, file, "not what it must be"))
  )

const readHeader = (
  source: CheckpointSource,
  file: string
): Effect.Effect<ReadonlyMap<string, TensorInfo>, CheckpointInvalid> =>
  withFile(source, file, (handle, bytes) =>
    Effect.gen(function* () {
      const prefix = yield* readBytes(source, file, handle, 0, LENGTH_BYTES)
      const length = yield* checked(source, file, headerLength(prefix, bytes))
      const header = yield* readBytes(source, file, handle, LENGTH_BYTES, length)
      const json = yield* checked(source, file, fileText(header))
      return yield* checked(source, file, parseHeader(json, length, bytes))
    })
  )

const Index = Schema.Struct({
  weight_map: Schema.Record({
    key: Schema.String,
    // No longer than file systems allow: the names stand in messages.
    value: Schema.String.pipe(Schema.pattern(/^[^/\\]+\.safetensors$/), Schema.maxLength(255))
  })
})

/** The files of the index when there is one, else every model*.safetensors. */
const weightFiles = (source: CheckpointSource): Effect.Effect<ReadonlyArray<string>, CheckpointInvalid> =>
  Effect.gen(function* () {
    const all = yield* names(source, CONFIG)
    if (all.includes(INDEX)) {
      const index = yield* readForm(source, INDEX, Index)
      return [...new Set(Object.values(index.weight_map))].sort()
    }
    const found = all.filter((name) => name.startsWith("model") && name.endsWith(".safetensors")).sort()
    return found.length > 0 ? found : yield* invalid(source, SINGLE, "missing")
  })

/** All tensors of the files. */
const storedTensors = (
  source: CheckpointSource,
  files: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<StoredTensor>, CheckpointInvalid> =>
  Effect.gen(function* () {
    const found = new Map<string, StoredTensor>()
    for (const file of files) {
      for (const [stored, info] of yield* readHeader(source, file)) {
        const other = found.get(stored)
        if (other !== undefined)
          return yield* invalid(source, file, `tensor ${excerpt(stored)} is also in ${other.file}`)
        found.set(stored, { ...info, stored, file })
      }
    }
    return [...found.values()]
  })

const failure = (source: CheckpointSource, problem: WeightProblem, files: TensorTable | null) => {
  switch (problem._tag) {
    case "Unsupported":
      return new ModelIncompatible({ model: source.name, reason: problem.reason })
    case "BadConfig":
      return invalid(source, CONFIG, problem.problem)
    case "BadTensor":
      return invalid(source, files?.get(problem.tensor)?.file ?? SINGLE, `tensor ${problem.tensor}: ${problem.problem}`)
    case "Tensor":
      return invalid(source, problem.file ?? SINGLE, problem.problem)
  }
}

/**
 * Reads config.json and the headers, and matches every tensor with the architecture: after this, loading meets no
 * surprise but a failing disk.
 */
export const openCheckpoint = Effect.fn("CheckpointFiles.openCheckpoint")(function* (
  source: CheckpointSource
): Effect.fn.Return<OpenCheckpoint, CheckpointInvalid | ModelIncompatible> {
  const config = yield* readForm(source, CONFIG, Section)
  const refuse = (problem: WeightProblem) => failure(source, problem, null)
  const problem = architectureProblem(config)
  if (problem !== null) return yield* new ModelIncompatible({ model: source.name, reason: problem })
  const rule = yield* Either.mapLeft(quantization(config), refuse)
  const files = yield* weightFiles(source)
  const stored = yield* storedTensors(source, files)
  const names = new Set(stored.map((tensor) => tensor.stored))
  const decoder = yield* Either.mapLeft(buildDecoder(config, names), refuse)
  const needs = yield* Either.mapLeft(traceDecoder(decoder), refuse)
  const tensors = yield* Either.mapLeft(renamed(stored, decoder.storedAs), refuse)
  const weights = yield* Either.mapLeft(planWeights(needs.weights, rule, tensors), (wrong) =>
    failure(source, wrong, tensors)
  )
  return { decoder, needs, weights, tensors, files }
})
