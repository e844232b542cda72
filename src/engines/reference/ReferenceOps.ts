/** The ops vocabulary on plain numbers: short and obvious, because it is what other interpreters are held against. */
import { Record } from "effect"
import type { Ops, Visibility } from "../../inference/Ops.js"
import { lengthOf, reshaped } from "../../inference/Shape.js"
import { attend, mask, rope } from "./Attention.js"
import {
  concat,
  cumsum,
  keepTop,
  normalize,
  reduce,
  repeat,
  slice,
  softmax,
  takeAlong,
  takeRows,
  topIndices,
  transpose
} from "./Axes.js"
import { binary, map, unary, where } from "./Elementwise.js"
import { expertLinear, linear, matmul } from "./Products.js"
import { type Tensor, tensor, zeros } from "./Tensor.js"
import type { ReferenceWeights } from "./Weights.js"

/** What one sequence remembers, keys and values of all its positions; a step replaces entries and changes no tensor. */
export interface Memory {
  readonly caches: Map<string, Tensor>
  readonly states: Map<string, Tensor>
}

const named = <A>(values: ReadonlyMap<string, A>, name: string): A => {
  const value = values.get(name)
  if (value === undefined) throw new Error(`${name} was never asked for`)
  return value
}

/** Positions before a chunk of `length` ending at `end` that one of its queries can see. */
const useful = (visibility: Visibility, length: number, end: number): number => {
  const start = end - length
  switch (visibility._tag) {
    case "All":
      return start
    case "Window":
      return Math.min(start, visibility.size - 1)
    case "Chunk":
      return start % visibility.size
  }
}

/** The operations of one call of `forward`: `length` tokens, the last at position `end - 1`. */
export const makeOps = (weights: ReferenceWeights, memory: Memory, length: number, end: number): Ops<Tensor> => {
  const matrix = (path: string) => named(weights.matrices, path)

  const norm = (x: Tensor, weight: Tensor | null, bias: Tensor | null) => {
    const scaled = weight === null ? x : binary("multiply", x, weight)
    return bias === null ? scaled : binary("add", scaled, bias)
  }

  const cached: Ops<Tensor>["cached"] = (name, chunk, visibility) => {
    const before = memory.caches.get(name)
    const all = before === undefined ? chunk : concat([before, chunk], 2)
    memory.caches.set(name, all)
    return slice(all, 2, -(useful(visibility, length, end) + length), null)
  }

  const scan: Ops<Tensor>["scan"] = (inputs, before, step) => {
    const outputs: Array<Tensor> = []
    let states = before
    const withoutAxis = (x: Tensor, position: number): Tensor => {
      const part = slice(x, 1, position, position + 1)
      return { shape: part.shape.toSpliced(1, 1), data: part.data }
    }
    for (let position = 0; position < length; position++) {
      const result = step(
        Record.map(inputs, (x) => withoutAxis(x, position)),
        states
      )
      states = result.states
      outputs.push({ shape: result.output.shape.toSpliced(1, 0, 1), data: result.output.data })
    }
    return { states, output: concat(outputs, 1) }
  }

  return {
    embedding: (ids, path) => takeRows(matrix(path).matrix, ids.data, ids.shape),
    linear: (x, path) => linear(x, matrix(path).matrix, matrix(path).bias),
    expertLinear: (x, chosen, path) => expertLinear(x, chosen, matrix(path).matrix, matrix(path).bias),
    headLinear: (x, path, { transposed = false }) => {
      const { bias, matrix: heads } = matrix(path)
      const product = matmul(x, transposed ? heads : transpose(heads, [0, 2, 1]))
      return bias === null
        ? product
        : binary("add", product, { shape: [...bias.shape.toSpliced(1, 0, 1)], data: bias.data })
    },
    weight: (name) => named(weights.tensors, name),
    constant: (values, shape) => tensor(shape, values),

    unary,
    binary,
    where,
    clip: (x, min, max) => map(x, (value) => Math.min(Math.max(value, min ?? -Infinity), max ?? Infinity)),
    reduce,
    cumsum,
    softmax,
    matmul,

    reshape: ({ data, shape }, wanted) => ({ shape: reshaped(shape, wanted), data }),
    transpose,
    slice,
    concat,
    repeat,

    topIndices,
    keepTop,
    takeAlong,
    takeRows: (x, indices) => takeRows(x, indices.data, indices.shape),

    rmsNorm: (x, weight, eps) => norm(normalize(x, eps, false), weight, null),
    layerNorm: (x, weight, bias, eps) => norm(normalize(x, eps, true), weight, bias),
    rope: (x, spec) => rope(x, spec, end),
    positions: () =>
      tensor(
        [length],
        Float32Array.from({ length }, (_, i) => end - length + i)
      ),

    cached,
    attend: (queries, keys, values, spec) => attend(queries, keys, values, spec, end),
    visible: (keys, visibility) => mask(length, lengthOf(keys.shape, 2), end, visibility),
    state: (name, { shape }) => memory.states.get(name) ?? zeros([1, ...shape]),
    remember: (name, value) => {
      memory.states.set(name, value)
    },
    scan,

    float32: (x) => x,
    native: (x) => x
  }
}
