/**
 * What an architecture needs against what a checkpoint has, decided from names, shapes and dtypes alone: after this nothing
 * about a tensor can surprise an engine. Pure.
 */
import { Either } from "effect"
import { excerpt } from "../domain/Excerpt.js"
import {
  type MatrixFormat,
  packing,
  type Quantization,
  type QuantizationProblem,
  type StoredMatrix
} from "./Quantization.js"
import type { Dtype, TensorInfo } from "./Safetensors.js"

/** A tensor, its name inside a file, and the file (its name inside the checkpoint) that holds it. */
export interface StoredTensor extends TensorInfo {
  readonly stored: string
  readonly file: string
}

/** Tensors by the names that the architecture uses. */
export type TensorTable = ReadonlyMap<string, StoredTensor>

/**
 * `Matrix`: `path.weight` [rows, columns] and what its format needs beside it, `path.bias` [rows] when `bias`; with a `count`
 * so many of them in one tensor, [count, rows, columns] and bias [count, rows].
 * `Tensor`: the tensor `name` as it is.
 */
export interface MatrixSpec {
  readonly _tag: "Matrix"
  readonly kind: "linear" | "embedding"
  readonly path: string
  readonly count: number | null
  readonly rows: number
  readonly columns: number
  readonly bias: boolean
}
export interface TensorSpec {
  readonly _tag: "Tensor"
  readonly name: string
  readonly shape: ReadonlyArray<number>
}
export type WeightSpec = MatrixSpec | TensorSpec

export interface PlannedMatrix extends MatrixSpec {
  readonly format: MatrixFormat
}
export type PlannedWeight = PlannedMatrix | TensorSpec

/** `Tensor`: a tensor is missing, superfluous or not what it must be; `file` is null when no file has it. */
export type WeightProblem =
  | QuantizationProblem
  | { readonly _tag: "Tensor"; readonly file: string | null; readonly problem: string }

const FLOATS: ReadonlySet<Dtype> = new Set(["F32", "F16", "BF16"])
const WORDS: ReadonlySet<Dtype> = new Set(["U32"])
const BYTES: ReadonlySet<Dtype> = new Set(["U8"])

interface Expected {
  readonly name: string
  readonly shape: ReadonlyArray<number>
  readonly dtypes: ReadonlySet<Dtype>
}

const tensorProblem = (file: string | null, problem: string): WeightProblem => ({ _tag: "Tensor", file, problem })

const bracket = (shape: ReadonlyArray<number>) => `[${shape.join(", ")}]`

const check = (table: TensorTable, { dtypes, name, shape }: Expected): WeightProblem | null => {
  const tensor = table.get(name)
  if (tensor === undefined) return tensorProblem(null, `tensor ${name} is missing`)
  if (bracket(tensor.shape) !== bracket(shape)) {
    return tensorProblem(
      tensor.file,
      `tensor ${name}: shape ${excerpt(bracket(tensor.shape))}, expected ${bracket(shape)}`
    )
  }
  return dtypes.has(tensor.dtype)
    ? null
    : tensorProblem(tensor.file, `tensor ${name}: dtype ${tensor.dtype}, expected ${[...dtypes].join(" or ")}`)
}

/** The tensors of a matrix in a format. */
const tensorsOf = (matrix: MatrixSpec, format: MatrixFormat): ReadonlyArray<Expected> => {
  const { bias, columns, count, path, rows } = matrix
  const tensor = (suffix: string, dtypes: ReadonlySet<Dtype>, ...shape: ReadonlyArray<number>): Expected => ({
    name: `${path}.${suffix}`,
    shape: count === null ? shape : [count, ...shape],
    dtypes
  })
  const own = bias ? [tensor("bias", FLOATS, rows)] : []
  const packed = packing(format)
  if (packed !== null) {
    const groups = columns / packed.groupSize
    const words = tensor("weight", WORDS, rows, (columns * packed.bits) / 32)
    return format._tag === "Affine"
      ? [words, tensor("scales", FLOATS, rows, groups), tensor("biases", FLOATS, rows, groups), ...own]
      : [words, tensor("scales", BYTES, rows, groups), ...own]
  }
  return format._tag === "Ternary"
    ? [
        tensor("weight", BYTES, Math.ceil(rows / 4), columns),
        { name: `${path}.weight_scale`, shape: [1], dtypes: FLOATS },
        ...own
      ]
    : [tensor("weight", FLOATS, rows, columns), ...own]
}

/** What the format rules look at. */
const stored = (table: TensorTable, { columns, kind, path }: MatrixSpec): StoredMatrix => {
  const scales = table.get(`${path}.scales`)
  return {
    path,
    columns,
    kind,
    words: table.get(`${path}.weight`)?.shape.at(-1) ?? 0,
    scales: scales === undefined ? null : { columns: scales.shape.at(-1) ?? 0, bytes: scales.dtype === "U8" }
  }
}

const planMatrix = (
  table: TensorTable,
  rule: Quantization,
  matrix: MatrixSpec
): Either.Either<PlannedMatrix, WeightProblem> =>
  Either.flatMap(rule(stored(table, matrix)), (format) => {
    const { groupSize } = packing(format) ?? { groupSize: 1 }
    return matrix.columns % groupSize === 0
      ? Either.right({ ...matrix, format })
      : Either.left({
          _tag: "BadTensor",
          tensor: `${matrix.path}.weight`,
          problem: `${matrix.columns} columns can't be quantized in groups of ${groupSize}`
        })
  })

/** Every weight with its format, in the order of `needs`; or the first thing that is wrong. */
export const planWeights = (
  needs: ReadonlyArray<WeightSpec>,
  rule: Quantization,
  table: TensorTable
): Either.Either<ReadonlyArray<PlannedWeight>, WeightProblem> =>
  Either.gen(function* () {
    const planned: Array<PlannedWeight> = []
    const used = new Set<string>()
    for (const weight of needs) {
      const plan = weight._tag === "Tensor" ? weight : yield* planMatrix(table, rule, weight)
      const tensors =
        plan._tag === "Tensor" ? [{ name: plan.name, shape: plan.shape, dtypes: FLOATS }] : tensorsOf(plan, plan.format)
      for (const tensor of tensors) {
        const problem = check(table, tensor)
        if (problem !== null) return yield* Either.left(problem)
        used.add(tensor.name)
      }
      planned.push(plan)
    }
    for (const [name, { file, stored }] of table) {
      if (!used.has(name)) {
        return yield* Either.left(tensorProblem(file, `tensor ${excerpt(stored)} is not part of this architecture`))
      }
    }
    return planned
  })

/**
 * The stored tensors under the names that an architecture uses; two stored forms of one tensor are as wrong as a superfluous
 * one.
 */
export const renamed = (
  tensors: ReadonlyArray<StoredTensor>,
  storedAs: (name: string) => string | null
): Either.Either<TensorTable, WeightProblem> => {
  const table = new Map<string, StoredTensor>()
  for (const tensor of tensors) {
    const name = storedAs(tensor.stored)
    if (name === null) continue
    const other = table.get(name)
    if (other !== undefined) {
      const problem = `tensors ${excerpt(tensor.stored)} and ${excerpt(other.stored)} stand for the same weight`
      return Either.left(tensorProblem(tensor.file, problem))
    }
    table.set(name, tensor)
  }
  return Either.right(table)
}
