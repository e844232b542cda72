/**
 * The interpreter that computes nothing but shapes: running an architecture on it once tells which weights, caches and states
 * it needs, and finds what doesn't fit together before any tensor is read. Pure.
 */
import { Either, Record } from "effect"
import { badConfig, type ConfigProblem } from "./Config.js"
import type { Decoder } from "./Decoder.js"
import type { AttendSpec, BinaryName, Ops, Visibility } from "./Ops.js"
import {
  axisOf,
  broadcast,
  concatenated,
  lengthOf,
  mismatch,
  multiplied,
  reshaped,
  type Shape,
  ShapeMismatch,
  sizeOf,
  sliced,
  transposed,
  withLength
} from "./Shape.js"
import type { MatrixSpec, WeightSpec } from "./Weights.js"

/** Keys or values of one sequence: `heads * size` numbers per position that is kept. */
export interface CacheNeed {
  readonly heads: number
  readonly size: number
  readonly visibility: Visibility
}

/** What a decoder uses, each by its name. */
export interface DecoderNeeds {
  readonly weights: ReadonlyArray<WeightSpec>
  readonly caches: ReadonlyMap<string, CacheNeed>
  /** Shapes without the batch axis. */
  readonly states: ReadonlyMap<string, Shape>
  /** Most tokens of a sequence, where a table of positions ends; null for as many as there is room for. */
  readonly maxPositions: number | null
}

/** A tensor of which only the shape is known, and what its values stay below where they are indices. */
interface Traced {
  readonly shape: Shape
  readonly below?: number | undefined
}

/** What positions stay below: nobody knows when a sequence ends. */
const POSITIONS = Number.POSITIVE_INFINITY

/** Unlike any size of a model, so that a mixed-up axis is noticed. */
const LENGTH = 5

const of = (shape: Shape, below?: number): Traced => ({ shape, below })

/** What stays below both stays below the greater; of values without a bound nothing is known. */
const either = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : Math.max(a, b)

const belowOf = (x: Traced | number): number | undefined => (typeof x === "number" ? x + 1 : x.below)

/** The bound of a result, where the operation gives one. */
const bound = (name: BinaryName, b: Traced | number): number | undefined => {
  if (typeof b !== "number") return undefined
  return name === "minimum" ? b + 1 : name === "remainder" ? b : undefined
}

/** A scalar operand fits everything. */
const shapeOf = (x: Traced | number): Shape => (typeof x === "number" ? [] : x.shape)

const same = (a: Shape, b: Shape) => a.length === b.length && a.every((length, axis) => length === b[axis])

const require = (fits: boolean, what: string, ...shapes: ReadonlyArray<Shape>) => {
  if (!fits) mismatch(what, ...shapes)
}

/** Remembers requests; the same name twice must mean the same thing. */
const makeRecorder = () => {
  const weights = new Map<string, WeightSpec>()
  const shapeText = (weight: WeightSpec) =>
    weight._tag === "Tensor" ? weight.shape.join() : [weight.count, weight.rows, weight.columns, weight.bias].join()

  const add = (key: string, weight: WeightSpec) => {
    const known = weights.get(key)
    if (known !== undefined && shapeText(known) !== shapeText(weight)) mismatch(`two uses of ${key}`)
    // An embedding that is the head too stays an embedding: BitNet leaves it alone.
    if (known === undefined || known._tag === "Tensor" || known.kind === "linear") weights.set(key, weight)
  }
  return {
    weights,
    tensor: (name: string, shape: Shape) => add(name, { _tag: "Tensor", name, shape }),
    matrix: (matrix: Omit<MatrixSpec, "_tag">) => add(matrix.path, { _tag: "Matrix", ...matrix })
  }
}

/** Notes every request of a run of `forward`. */
const makeTracer = () => {
  const recorder = makeRecorder()
  const caches = new Map<string, CacheNeed>()
  const states = new Map<string, Shape>()
  let maxPositions: number | null = null

  /** An engine may read stray memory at an index outside a table, so every index has a bound. Positions get a limit. */
  const indexed = (indices: Traced, rows: number, what: string) => {
    if (indices.below === POSITIONS) maxPositions = Math.min(rows, maxPositions ?? rows)
    else
      require(indices.below !== undefined &&
        indices.below <= rows, `indices into the ${rows} rows of ${what}`, indices.shape)
  }

  const normalized = (x: Traced, ...parameters: ReadonlyArray<Traced | null>) => {
    for (const parameter of parameters) {
      if (parameter !== null)
        require(same(broadcast(x.shape, parameter.shape), x.shape), "norm", x.shape, parameter.shape)
    }
    return x
  }

  const attend = (queries: Traced, keys: Traced, values: Traced, spec: AttendSpec<Traced>): Traced => {
    const [batch = 0, heads = 0, length = 0, size = 0] = queries.shape
    const [, keyHeads = 0, positions = 0, keySize = 0] = keys.shape
    const [, valueHeads = 0, valuePositions = 0, valueSize = 0] = values.shape
    const fits =
      [queries, keys, values].every(({ shape }) => shape.length === 4) &&
      size === keySize &&
      keyHeads === valueHeads &&
      positions === valuePositions &&
      heads % keyHeads === 0
    require(fits, "attention", queries.shape, keys.shape, values.shape)
    if (spec.sinks) require(same(spec.sinks.shape, [heads]), "attention sinks", spec.sinks.shape)
    if (spec.bias) broadcast(spec.bias.shape, [batch, heads, length, positions])
    return of([batch, heads, length, valueSize])
  }

  const ops: Ops<Traced> = {
    embedding: (ids, path, { columns, rows }) => {
      indexed(ids, rows, path)
      recorder.matrix({ kind: "embedding", path, count: null, rows, columns, bias: false })
      return of([...ids.shape, columns])
    },
    linear: (x, path, { bias = false, rows }) => {
      recorder.matrix({ kind: "linear", path, count: null, rows, columns: lengthOf(x.shape, -1), bias })
      return of(withLength(x.shape, -1, rows))
    },
    expertLinear: (x, chosen, path, { bias = false, count, rows }) => {
      require(x.shape.length === 4 && chosen.shape.length === 3, "experts", x.shape, chosen.shape)
      indexed(chosen, count, path)
      recorder.matrix({ kind: "linear", path, count, rows, columns: lengthOf(x.shape, -1), bias })
      return of([...broadcast(x.shape.slice(0, -1), chosen.shape), rows])
    },
    headLinear: (x, path, { bias = false, count, rows, transposed: turned = false }) => {
      const columns = lengthOf(x.shape, -1)
      recorder.matrix({
        kind: "linear",
        path,
        count,
        rows: turned ? columns : rows,
        columns: turned ? rows : columns,
        bias
      })
      require(x.shape.length === 4, "heads", x.shape)
      return of(multiplied(x.shape, [count, columns, rows]))
    },
    weight: (name, shape) => {
      recorder.tensor(name, shape)
      return of(shape)
    },
    constant: (values, shape) => {
      require(values.length === sizeOf(shape), `${values.length} constants`, shape)
      return of(shape)
    },

    unary: (_name, x) => x,
    binary: (name, a, b) => of(broadcast(a.shape, shapeOf(b)), bound(name, b)),
    where: (condition, a, b) =>
      of(broadcast(condition.shape, broadcast(shapeOf(a), shapeOf(b))), either(belowOf(a), belowOf(b))),
    clip: (x) => x,
    reduce: (_name, x, axis) => of(withLength(x.shape, axis, 1)),
    cumsum: (x, axis) => {
      axisOf(x.shape, axis)
      return x
    },
    softmax: (x, axis) => {
      axisOf(x.shape, axis)
      return x
    },
    matmul: (a, b) => of(multiplied(a.shape, b.shape)),

    reshape: (x, shape) => of(reshaped(x.shape, shape), x.below),
    transpose: (x, axes) => of(transposed(x.shape, axes), x.below),
    slice: (x, axis, from, to) => of(sliced(x.shape, axis, from, to), x.below),
    concat: (parts, axis) =>
      of(
        concatenated(
          parts.map(({ shape }) => shape),
          axis
        ),
        parts.map(({ below }) => below).reduce(either)
      ),
    repeat: (x, count, axis) => of(withLength(x.shape, axis, lengthOf(x.shape, axis) * count)),

    topIndices: (x, k) => {
      require(k >= 1 && k <= lengthOf(x.shape, -1), `the ${k} greatest`, x.shape)
      return of(withLength(x.shape, -1, k), lengthOf(x.shape, -1))
    },
    keepTop: (x) => x,
    takeAlong: (x, indices) => {
      require(same(x.shape.slice(0, -1), indices.shape.slice(0, -1)), "choice", x.shape, indices.shape)
      indexed(indices, lengthOf(x.shape, -1), "a choice")
      return of(indices.shape)
    },
    takeRows: (x, indices) => {
      indexed(indices, lengthOf(x.shape, 0), "a table")
      return of([...indices.shape, ...x.shape.slice(1)])
    },

    rmsNorm: (x, weight) => normalized(x, weight),
    layerNorm: (x, weight, bias) => normalized(x, weight, bias),
    rope: (x, spec) => {
      const fits = x.shape.length === 4 && spec.dims % 2 === 0 && spec.dims <= lengthOf(x.shape, -1)
      require(fits, `rope of ${spec.dims} dimensions`, x.shape)
      return x
    },
    positions: () => of([LENGTH], POSITIONS),

    cached: (name, chunk, visibility) => {
      const [, heads = 0, length = 0, size = 0] = chunk.shape
      require(chunk.shape.length === 4 && length === LENGTH && !caches.has(name), `cache ${name}`, chunk.shape)
      caches.set(name, { heads, size, visibility })
      return chunk
    },
    attend,
    visible: (keys) => of([LENGTH, lengthOf(keys.shape, 2)]),
    state: (name, { shape }) => {
      states.set(name, shape)
      return of([1, ...shape])
    },
    remember: (name, value) => {
      const shape = states.get(name)
      require(shape !== undefined && same(value.shape, [1, ...shape]), `state ${name}`, value.shape)
    },
    scan: (inputs, before, step) => {
      const parts = Record.values(inputs)
      const lengths = new Set(parts.map(({ shape }) => lengthOf(shape, 1)))
      require(lengths.size === 1, "scan", ...parts.map(({ shape }) => shape))
      const { output, states: after } = step(
        Record.map(inputs, ({ shape }) => of(shape.toSpliced(1, 1))),
        before
      )
      const fits = Record.isSubrecordBy((a: Traced, b: Traced) => same(a.shape, b.shape))(before, after)
      require(fits, "states of a scan", ...Record.values(after).map(({ shape }) => shape))
      return { states: after, output: of(output.shape.toSpliced(1, 0, ...lengths)) }
    },

    float32: (x) => x,
    native: (x) => x
  }
  return { ops, needs: (): DecoderNeeds => ({ weights: [...recorder.weights.values()], caches, states, maxPositions }) }
}

/** What a decoder needs; or that the sizes in its config don't fit together. */
export const traceDecoder = ({ forward, vocabSize }: Decoder): Either.Either<DecoderNeeds, ConfigProblem> => {
  const { needs, ops } = makeTracer()
  try {
    const logits = forward(ops, of([1, LENGTH], vocabSize), "all")
    require(same(logits.shape, [1, LENGTH, vocabSize]), "logits", logits.shape)
    return Either.right(needs())
  } catch (error) {
    if (error instanceof ShapeMismatch) return badConfig(`sizes that do not fit together (${error.message})`)
    throw error
  }
}
