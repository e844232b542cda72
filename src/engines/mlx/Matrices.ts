/** Products with stored matrices. */
import type { Ops } from "../../inference/Ops.js"
import { lengthOf } from "../../inference/Shape.js"
import type { MlxArray } from "./Mx.js"
import type { Packed } from "./Repack.js"
import type { Step } from "./Step.js"

/** A name that the architecture didn't ask for when the checkpoint was checked: a bug in the architecture. */
const named = <A>(map: ReadonlyMap<string, A>, name: string): A => {
  const found = map.get(name)
  if (found === undefined) throw new Error(`weight ${name} was never asked for`)
  return found
}

/**
 * From this many rows on, the CPU's quantized kernel, which takes each row by itself, is slower than making the matrix dense
 * and multiplying that (measured: equal between 8 and 32 rows, 20 times at 256).
 */
const DENSE_ROWS = 16

type Matrices = Pick<Ops<MlxArray>, "embedding" | "linear" | "expertLinear" | "headLinear" | "weight" | "constant">

export const matrices = ({ arena, binding, dtype, weights }: Step): Matrices => {
  const { gpu, mx } = binding
  const t = arena.track
  const native = (x: MlxArray) => (x.dtype === dtype ? x : t(x.astype(dtype)))
  const integers = (x: MlxArray) => (x.dtype === mx.int32 ? x : t(x.astype(mx.int32)))
  const turned = (stack: MlxArray) => t(mx.transpose(stack, [0, 2, 1]))
  const dense = (packed: Packed): MlxArray =>
    packed._tag === "Dense"
      ? packed.weight
      : t(mx.dequantize(packed.words, packed.scales, packed.biases, packed.groupSize, packed.bits))
  const prefersDense = (packed: Packed, rows: number) => packed._tag === "Dense" || (!gpu && rows >= DENSE_ROWS)

  const product = (x: MlxArray, packed: Packed): MlxArray => {
    if (packed._tag === "Dense" || prefersDense(packed, x.size / lengthOf(x.shape, -1))) {
      return t(mx.matmul(x, t(mx.transpose(dense(packed)))))
    }
    const { biases, bits, groupSize, scales, words } = packed
    return t(mx.quantizedMatmul(x, words, scales, biases, true, groupSize, bits))
  }

  /** x [..., n, columns] with the matrices that `which` names for its leading axes. */
  const gathered = (x: MlxArray, which: MlxArray, packed: Packed, transpose: boolean): MlxArray => {
    if (packed._tag === "Dense") {
      return t(binding.gatherMatmul(x, transpose ? turned(packed.weight) : packed.weight, which))
    }
    const { biases, bits, groupSize, scales, words } = packed
    return t(binding.gatherQuantizedMatmul(x, words, scales, biases, which, transpose, groupSize, bits))
  }

  const expertLinear: Matrices["expertLinear"] = (x, chosen, path, { rows }) => {
    const { bias, packed } = named(weights.matrices, path)
    const which = integers(chosen)
    const result = t(
      mx.reshape(gathered(t(mx.expandDims(native(x), -2)), which, packed, true), [...chosen.shape, rows])
    )
    return bias === null ? result : t(mx.add(result, t(mx.take(bias, which, 0))))
  }

  const headLinear: Matrices["headLinear"] = (x, path, { count, transposed = false }) => {
    const { bias, packed } = named(weights.matrices, path)
    const input = native(x)
    const multiplied = () => {
      if (prefersDense(packed, lengthOf(x.shape, 2))) {
        const stack = dense(packed)
        return t(mx.matmul(input, transposed ? stack : turned(stack)))
      }
      const every = t(mx.reshape(t(mx.arange(0, count, 1, mx.int32)), [1, count]))
      return gathered(input, every, packed, !transposed)
    }
    return bias === null ? multiplied() : t(mx.add(multiplied(), t(mx.expandDims(bias, 1))))
  }

  return {
    embedding: (ids, path) => {
      const { packed } = named(weights.matrices, path)
      const flat = t(mx.reshape(integers(ids), [-1]))
      const rows = (array: MlxArray) => t(mx.take(array, flat, 0))
      const found =
        packed._tag === "Dense"
          ? rows(packed.weight)
          : dense({ ...packed, words: rows(packed.words), scales: rows(packed.scales), biases: rows(packed.biases) })
      return t(mx.reshape(found, [...ids.shape, lengthOf(found.shape, -1)]))
    },
    linear: (x, path) => {
      const { bias, packed } = named(weights.matrices, path)
      const result = product(native(x), packed)
      return bias === null ? result : t(mx.add(result, bias))
    },
    expertLinear,
    headLinear,
    weight: (name) => named(weights.tensors, name),
    constant: (values, shape) => t(mx.reshape(t(mx.array(Array.from(values), mx.float32)), shape))
  }
}
