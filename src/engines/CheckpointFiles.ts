/**
 * Opening a checkpoint: its config, the headers of its safetensors files, and what both together say about the model. Shared
 * by all engines; reads no tensor data.
 */
import { type FileHandle, open, readdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Either, Schema } from "effect"
import { CheckpointInvalid, ModelIncompatible } from "../domain/Errors.js"
import { MAX_JSON_DEPTH, parseJson } from "../domain/Json.js"
import { buildDecoder } from "../inference/architectures/Architectures.js"
import { Section } from "../inference/Config.js"
import type { Decoder } from "../inference/Decoder.js"
import type { CheckpointSource } from "../inference/Engine.js"
import { quantization } from "../inference/Quantization.js"
import { headerLength, LENGTH_BYTES, parseHeader, type TensorInfo } from "../inference/Safetensors.js"
import {
  type PlannedWeight,
  planWeights,
  type StoredTensor,
  type TensorTable,
  type WeightProblem
} from "../inference/Weights.js"

/** Far above any real config.json or index. */
const MAX_JSON_BYTES = 16 * 2 ** 20

const CONFIG = "config.json"
const INDEX = "model.safetensors.index.json"
const SINGLE = "model.safetensors"

/** A checkpoint whose files fit together and fit the architecture. */
export interface OpenCheckpoint {
  readonly decoder: Decoder
  readonly weights: ReadonlyArray<PlannedWeight>
  readonly tensors: TensorTable
  /** Names of the files that hold `tensors`. */
  readonly files: ReadonlyArray<string>
}

const invalid = (source: CheckpointSource, file: string, problem: string) =>
  new CheckpointInvalid({ model: source.name, file, problem })

const ioProblem = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error"
  return code === "ENOENT" ? "missing" : `cannot be read (${code})`
}

const io = <A>(source: CheckpointSource, file: string, run: () => Promise<A>): Effect.Effect<A, CheckpointInvalid> =>
  Effect.tryPromise({ try: run, catch: (cause) => invalid(source, file, ioProblem(cause)) })

/** Opens a file of the checkpoint for one use and gives its size in bytes. */
const withFile = <A>(
  source: CheckpointSource,
  file: string,
  use: (handle: FileHandle, bytes: number) => Effect.Effect<A, CheckpointInvalid>
): Effect.Effect<A, CheckpointInvalid> =>
  Effect.acquireUseRelease(
    io(source, file, () => open(join(source.directory, file))),
    (handle) =>
      Effect.flatMap(
        io(source, file, () => handle.stat()),
        (stat) => use(handle, stat.size)
      ),
    (handle) => Effect.promise(() => handle.close())
  )

/** `length` bytes from `position`; fewer where the file ends. */
const readBytes = (source: CheckpointSource, file: string, handle: FileHandle, position: number, length: number) =>
  Effect.map(
    io(source, file, () => handle.read(new Uint8Array(length), 0, length, position)),
    ({ buffer, bytesRead }) => buffer.subarray(0, bytesRead)
  )

const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)

const readJson = <A, I>(source: CheckpointSource, file: string, schema: Schema.Schema<A, I>) =>
  withFile(source, file, (handle, bytes) =>
    Effect.gen(function* () {
      if (bytes > MAX_JSON_BYTES) return yield* invalid(source, file, `larger than ${MAX_JSON_BYTES} bytes`)
      const content = text(yield* readBytes(source, file, handle, 0, bytes))
      const parsed = Either.mapLeft(parseJson(content, { maxDepth: MAX_JSON_DEPTH }), (problem) =>
        invalid(source, file, problem)
      )
      const decode = Schema.decodeUnknown(schema)
      return yield* Effect.mapError(decode(yield* parsed), () => invalid(source, file, "not what it must be"))
    })
  )

const readHeader = (
  source: CheckpointSource,
  file: string
): Effect.Effect<ReadonlyMap<string, TensorInfo>, CheckpointInvalid> =>
  withFile(source, file, (handle, bytes) =>
    Effect.gen(function* () {
      const checked = <A>(result: Either.Either<A, string>) =>
        Either.mapLeft(result, (problem) => invalid(source, file, problem))
      const prefix = yield* readBytes(source, file, handle, 0, LENGTH_BYTES)
      const length = yield* checked(headerLength(prefix, bytes))
      const json = text(yield* readBytes(source, file, handle, LENGTH_BYTES, length))
      return yield* checked(parseHeader(json, length, bytes))
    })
  )

const Index = Schema.Struct({
  weight_map: Schema.Record({ key: Schema.String, value: Schema.String.pipe(Schema.pattern(/^[^/\\]+\.safetensors$/)) })
})

/** The files of the index when there is one, else every model*.safetensors. */
const weightFiles = (source: CheckpointSource): Effect.Effect<ReadonlyArray<string>, CheckpointInvalid> =>
  Effect.gen(function* () {
    const names = yield* io(source, CONFIG, () => readdir(source.directory))
    if (names.includes(INDEX)) {
      const index = yield* readJson(source, INDEX, Index)
      return [...new Set(Object.values(index.weight_map))].sort()
    }
    const found = names.filter((name) => name.startsWith("model") && name.endsWith(".safetensors")).sort()
    return found.length > 0 ? found : yield* invalid(source, SINGLE, "missing")
  })

const tensorTable = (
  source: CheckpointSource,
  files: ReadonlyArray<string>
): Effect.Effect<TensorTable, CheckpointInvalid> =>
  Effect.gen(function* () {
    const table = new Map<string, StoredTensor>()
    for (const file of files) {
      for (const [name, info] of yield* readHeader(source, file)) {
        const other = table.get(name)
        if (other !== undefined) return yield* invalid(source, file, `tensor ${name} is also in ${other.file}`)
        table.set(name, { ...info, file })
      }
    }
    return table
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
  const config = yield* readJson(source, CONFIG, Section)
  const refuse = (problem: WeightProblem) => failure(source, problem, null)
  const decoder = yield* Either.mapLeft(buildDecoder(config), refuse)
  const rule = yield* Either.mapLeft(quantization(config), refuse)
  const files = yield* weightFiles(source)
  const tensors = yield* tensorTable(source, files)
  const weights = yield* Either.mapLeft(planWeights(decoder.needs, rule, tensors), (problem) =>
    failure(source, problem, tensors)
  )
  return { decoder, weights, tensors, files }
})
