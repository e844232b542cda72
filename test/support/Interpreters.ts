/** Runs the same program over `Ops` on every interpreter that computes, for tests that hold them against each other. */
import { makeArena } from "../../src/engines/mlx/Arena.js"
import type { Binding } from "../../src/engines/mlx/Binding.js"
import { type Codec, plainCodec } from "../../src/engines/mlx/KeyValueCache.js"
import { makeOps as makeMlxOps } from "../../src/engines/mlx/MlxOps.js"
import type { MlxArray } from "../../src/engines/mlx/Mx.js"
import type { Packed } from "../../src/engines/mlx/Repack.js"
import { makeSequenceMemory } from "../../src/engines/mlx/SequenceMemory.js"
import { dequantize } from "../../src/engines/reference/Numbers.js"
import { makeOps as makeReferenceOps } from "../../src/engines/reference/ReferenceOps.js"
import { type Tensor, tensor } from "../../src/engines/reference/Tensor.js"
import type { Ops } from "../../src/inference/Ops.js"
import { lengthOf, sizeOf } from "../../src/inference/Shape.js"

/** Packed codes of a matrix or stack, 4 bits in groups of 32. */
export interface Codes {
  readonly words: Uint32Array
  readonly scales: Float32Array
  readonly biases: Float32Array
}

/** `shape` is that of the values. */
export interface TestMatrix {
  readonly shape: ReadonlyArray<number>
  readonly values: Float32Array | Codes
  readonly bias?: Tensor
}

export interface TestWeights {
  readonly matrices?: Readonly<Record<string, TestMatrix>>
  readonly tensors?: Readonly<Record<string, Tensor>>
}

/** A step of a sequence: so many tokens, and what is computed of them. */
export interface TestStep {
  readonly length: number
  readonly program: <T>(ops: Ops<T>) => ReadonlyArray<T>
}

export type Interpreter = (weights: TestWeights, steps: ReadonlyArray<TestStep>) => ReadonlyArray<ReadonlyArray<Tensor>>

const BITS = 4
const GROUP = 32

const bytes = (array: Uint32Array | Float32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

const unpacked = ({ shape, values }: TestMatrix): Tensor => {
  if (values instanceof Float32Array) return tensor(shape, values)
  const parts = {
    weight: { bytes: bytes(values.words), dtype: "U32" },
    scales: { bytes: bytes(values.scales), dtype: "F32" },
    biases: { bytes: bytes(values.biases), dtype: "F32" }
  } as const
  const columns = lengthOf(shape, -1)
  return tensor(
    shape,
    dequantize(parts, { _tag: "Affine", bits: BITS, groupSize: GROUP }, sizeOf(shape) / columns, columns)
  )
}

export const onReference: Interpreter = ({ matrices = {}, tensors = {} }, steps) => {
  const weights = {
    matrices: new Map(
      Object.entries(matrices).map(([path, matrix]) => [path, { matrix: unpacked(matrix), bias: matrix.bias ?? null }])
    ),
    tensors: new Map(Object.entries(tensors))
  }
  const memory = { caches: new Map(), states: new Map() }
  let end = 0
  return steps.map(({ length, program }) => {
    end += length
    return program(makeReferenceOps(weights, memory, length, end))
  })
}

const packed = ({ mx }: Binding, { shape, values }: TestMatrix): Packed => {
  const array = (of: ArrayLike<number>, width: number, dtype = mx.float32) =>
    mx.reshape(mx.array(Array.from(of), dtype), [...shape.slice(0, -1), width])
  const columns = lengthOf(shape, -1)
  if (values instanceof Float32Array) return { _tag: "Dense", weight: array(values, columns) }
  const { biases, scales, words } = values
  // The binding rounds numbers to float32 on their way, so words go in halves.
  const half = (of: (word: number) => number) => array(words.map(of), (columns * BITS) / 32, mx.uint32)
  const low = half((word) => word & 0xffff)
  const high = half((word) => word >>> 16)
  return {
    _tag: "Affine",
    words: mx.bitwiseOr(low, mx.leftShift(high, mx.array(16, mx.uint32))),
    scales: array(scales, columns / GROUP),
    biases: array(biases, columns / GROUP),
    groupSize: GROUP,
    bits: BITS
  }
}

/** Every step is evaluated once, at its end, as the engine does it. */
export const onMlx =
  (binding: Binding, codec: Codec = plainCodec): Interpreter =>
  ({ matrices = {}, tensors = {} }, steps) => {
    const { mx } = binding
    const array = ({ data, shape }: Tensor) => mx.reshape(mx.array(Array.from(data), mx.float32), shape)
    const weights = {
      dtype: mx.float32,
      matrices: new Map(
        Object.entries(matrices).map(([path, matrix]) => [
          path,
          { packed: packed(binding, matrix), bias: matrix.bias === undefined ? null : array(matrix.bias) }
        ])
      ),
      tensors: new Map(Object.entries(tensors).map(([name, value]) => [name, array(value)]))
    }
    const arena = makeArena(binding.release)
    const memory = makeSequenceMemory(binding, codec, arena)
    let offset = 0
    const numbers = (x: MlxArray) => [x.tolist()].flat(8).map(Number)
    return steps.map(({ length, program }) => {
      const ops = makeMlxOps({ binding, weights, dtype: mx.float32, arena, memory, offset, length })
      const kept = program(ops).map((x) => x.astype(mx.float32))
      offset += length
      arena.release()
      mx.eval(...kept, ...memory.arrays())
      return kept.map((x) => tensor(x.shape, numbers(x)))
    })
  }
