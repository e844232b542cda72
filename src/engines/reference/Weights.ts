/** Every weight of a checkpoint as plain numbers. */
import { Effect } from "effect"
import type { CheckpointInvalid } from "../../domain/Errors.js"
import type { CheckpointSource } from "../../inference/Engine.js"
import type { PlannedMatrix, TensorTable } from "../../inference/Weights.js"
import type { OpenCheckpoint } from "../CheckpointFiles.js"
import { readBytes, withFile } from "../Reader.js"
import { dequantize, floats } from "./Numbers.js"
import { type Tensor, tensor } from "./Tensor.js"

export interface ReferenceMatrix {
  /** [rows, columns], or [count, rows, columns]. */
  readonly matrix: Tensor
  readonly bias: Tensor | null
}

export interface ReferenceWeights {
  readonly matrices: ReadonlyMap<string, ReferenceMatrix>
  readonly tensors: ReadonlyMap<string, Tensor>
}

const stored = (source: CheckpointSource, table: TensorTable, name: string) => {
  const info = table.get(name)
  if (info === undefined) return Effect.succeed(null)
  const { begin, dtype, end, file, shape } = info
  return Effect.map(
    withFile(source, file, (handle) => readBytes(source, file, handle, begin, end - begin)),
    (bytes) => ({ bytes, dtype, shape })
  )
}

/** A tensor that the checkpoint was found to have. */
const present = (source: CheckpointSource, table: TensorTable, name: string) =>
  Effect.flatMap(stored(source, table, name), (found) =>
    found === null ? Effect.dieMessage(`tensor ${name} was there a moment ago`) : Effect.succeed(found)
  )

const readTensor = (source: CheckpointSource, table: TensorTable, name: string) =>
  Effect.map(present(source, table, name), ({ bytes, dtype, shape }) => tensor(shape, floats(bytes, dtype)))

const readMatrix = (source: CheckpointSource, table: TensorTable, plan: PlannedMatrix) =>
  Effect.gen(function* () {
    const { bias, columns, count, format, path, rows } = plan
    const parts = {
      weight: yield* present(source, table, `${path}.weight`),
      scales: yield* stored(source, table, `${path}.${format._tag === "Ternary" ? "weight_scale" : "scales"}`),
      biases: yield* stored(source, table, `${path}.biases`)
    }
    const values = dequantize(parts, format, (count ?? 1) * rows, columns)
    return {
      matrix: tensor(count === null ? [rows, columns] : [count, rows, columns], values),
      bias: bias ? yield* readTensor(source, table, `${path}.bias`) : null
    }
  })

/** Reads and unpacks everything that the architecture needs. */
export const readWeights = (
  source: CheckpointSource,
  { tensors: table, weights }: OpenCheckpoint
): Effect.Effect<ReferenceWeights, CheckpointInvalid> =>
  Effect.gen(function* () {
    const matrices = new Map<string, ReferenceMatrix>()
    const tensors = new Map<string, Tensor>()
    for (const plan of weights) {
      if (plan._tag === "Tensor") tensors.set(plan.name, yield* readTensor(source, table, plan.name))
      else matrices.set(plan.path, yield* readMatrix(source, table, plan))
    }
    return { matrices, tensors }
  })
