/**
 * What decoders are made of: the seam between architectures and engines. `T` is whatever an engine computes with: a lazy
 * array, a graph edge, plain numbers, or only a shape (`Trace.ts`). An architecture is written once over these operations.
 *
 * No operation looks at values. Shapes depend only on the batch, the length of the chunk and the number of cached positions,
 * so an architecture can be traced once: the first two axes of most tensors are [batch, length]. Elementwise operations
 * broadcast as NumPy's do, axes may be counted from the end (-1 is the last), numbers stand for scalars.
 *
 * Weights are named as in the checkpoint: `path` for a matrix with whatever its format keeps beside it (`path.weight`,
 * `path.scales`, `path.biases`) and its `path.bias`, a tensor's full name for the rest. Every request says the shape it
 * expects; that is all a checkpoint is checked against.
 */
import type { RopeSpec } from "./Rope.js"

/** Functions of one number. `gelu` is exact (erf), `geluTanh` the approximation by tanh, `softplus` log(1 + e^x). */
export type UnaryName =
  | "abs"
  | "cos"
  | "erf"
  | "exp"
  | "floor"
  | "gelu"
  | "geluTanh"
  | "log"
  | "negative"
  | "reciprocal"
  | "relu"
  | "rsqrt"
  | "sigmoid"
  | "silu"
  | "sin"
  | "softplus"
  | "sqrt"
  | "square"
  | "tanh"

/** Functions of two numbers. The comparisons give 1 for true and 0 for false; `remainder` has the divisor's sign. */
export type BinaryName =
  | "add"
  | "divide"
  | "equal"
  | "greater"
  | "less"
  | "maximum"
  | "minimum"
  | "multiply"
  | "power"
  | "remainder"
  | "subtract"

/** Over one axis, which stays with length 1. */
export type ReduceName = "max" | "mean" | "min" | "sum"

/** Which of the keys before it, and itself, a query sees. */
export type Visibility =
  | { readonly _tag: "All" }
  /** Itself and the `size - 1` before it. */
  | { readonly _tag: "Window"; readonly size: number }
  /** Those of its own block of `size` positions, blocks counted from position 0. */
  | { readonly _tag: "Chunk"; readonly size: number }

export interface AttendSpec<T> {
  /** Scores are multiplied by it. */
  readonly scale: number
  readonly visibility: Visibility
  /** Scores become cap * tanh(score / cap), before the mask; null for none. */
  readonly softcap?: number | null
  /** One value per query head that joins the denominator of the softmax: [heads]. */
  readonly sinks?: T | null
  /** Added to the scores, beside what `visibility` says; broadcasts to [batch, heads, length, keys]. */
  readonly bias?: T | null
}

/** A matrix [rows, columns]; the columns are the width of what it multiplies. */
export interface MatrixNeed {
  readonly rows: number
  /** Whether `path.bias` [rows] is there. */
  readonly bias?: boolean
}

/** Matrices [count, rows, columns] in one tensor, such as the experts of a layer. */
export interface StackNeed extends MatrixNeed {
  readonly count: number
}

/** One sequence's memory beside keys: what a recurrent layer hands from one call to the next. */
export interface StateNeed {
  /** Without the batch axis. */
  readonly shape: ReadonlyArray<number>
}

/** What a recurrence leaves: the states behind it and its output. */
export interface Scanned<State extends string, T> {
  readonly states: Readonly<Record<State, T>>
  readonly output: T
}

export interface Ops<T> {
  /** Rows of a matrix: ids [batch, length] -> [batch, length, width]. */
  readonly embedding: (ids: T, path: string, table: { readonly rows: number; readonly columns: number }) => T
  /** Multiplies with the transposed matrix and adds its bias, if it has one: [..., columns] -> [..., rows]. */
  readonly linear: (x: T, path: string, need: MatrixNeed) => T
  /**
   * Each row of x with the matrices that `chosen` names: x [batch, length, k or 1, columns] and chosen [batch, length, k] ->
   * [batch, length, k, rows].
   */
  readonly expertLinear: (x: T, chosen: T, path: string, need: StackNeed) => T
  /**
   * One matrix per head: x [batch, count or 1, length, columns] -> [batch, count, length, rows]. With `transposed` the stored
   * matrices are [count, columns, rows].
   */
  readonly headLinear: (x: T, path: string, need: StackNeed & { readonly transposed?: boolean }) => T
  /** A stored tensor as it is. */
  readonly weight: (name: string, shape: ReadonlyArray<number>) => T
  /** Numbers that the architecture makes itself, row-major. */
  readonly constant: (values: ReadonlyArray<number> | Float32Array, shape: ReadonlyArray<number>) => T

  readonly unary: (name: UnaryName, x: T) => T
  readonly binary: (name: BinaryName, a: T, b: T | number) => T
  /** `a` where the condition isn't 0, else `b`. */
  readonly where: (condition: T, a: T | number, b: T | number) => T
  readonly clip: (x: T, min: number | null, max: number | null) => T
  readonly reduce: (name: ReduceName, x: T, axis: number) => T
  readonly cumsum: (x: T, axis: number) => T
  readonly softmax: (x: T, axis: number) => T
  /** [..., n, k] times [..., k, m]; the leading axes broadcast. */
  readonly matmul: (a: T, b: T) => T

  /** As ONNX's: 0 keeps the axis at that place, one -1 takes what is left. */
  readonly reshape: (x: T, shape: ReadonlyArray<number>) => T
  readonly transpose: (x: T, axes: ReadonlyArray<number>) => T
  /** Positions `from` up to `to` (exclusive; null is the end) of an axis; both may be counted from the end. */
  readonly slice: (x: T, axis: number, from: number, to: number | null) => T
  readonly concat: (parts: ReadonlyArray<T>, axis: number) => T
  /** Each position of an axis `count` times in a row: 1 2 -> 1 1 2 2. */
  readonly repeat: (x: T, count: number, axis: number) => T

  /** Positions of the `k` greatest along the last axis, greatest first, the lower of equal ones first. */
  readonly topIndices: (x: T, k: number) => T
  /** What is not among the `k` greatest of the last axis becomes minus infinity; all stay when there are at most `k`. */
  readonly keepTop: (x: T, k: number) => T
  /** The values at `indices` of the last axis; the other axes are the same. */
  readonly takeAlong: (x: T, indices: T) => T
  /** Rows `indices` (any shape) of axis 0: [n, ...rest] -> [...indices, ...rest]. */
  readonly takeRows: (x: T, indices: T) => T

  /** Over the last axis; without a weight nothing is multiplied. */
  readonly rmsNorm: (x: T, weight: T | null, eps: number) => T
  readonly layerNorm: (x: T, weight: T | null, bias: T | null, eps: number) => T
  /** Turns x [batch, heads, length, size] by the chunk's positions. */
  readonly rope: (x: T, spec: RopeSpec) => T
  /** Positions of the chunk, from 0 at the start of the sequence: [length]. */
  readonly positions: () => T

  /**
   * Appends the chunk [batch, heads, length, size] to the cache `name` and returns what is kept of it, the chunk last:
   * [batch, heads, positions, size]. What `visibility` hides from every query may be missing at the front. A step calls it
   * once per name.
   */
  readonly cached: (name: string, chunk: T, visibility: Visibility) => T
  /**
   * Softmax attention: queries [batch, heads, length, size], keys and values [batch, kvHeads, positions, size], the last
   * position being the chunk's last; heads is a multiple of kvHeads. Result [batch, heads, length, value size].
   */
  readonly attend: (queries: T, keys: T, values: T, spec: AttendSpec<T>) => T
  /**
   * For scores that an architecture makes itself: 0 where a query sees a key and minus infinity elsewhere, [length,
   * positions], for keys [batch, heads, positions, size] of a cache.
   */
  readonly visible: (keys: T, visibility: Visibility) => T
  /** What was last remembered under `name`: [batch, ...shape], zeros at the start of a sequence. */
  readonly state: (name: string, need: StateNeed) => T
  readonly remember: (name: string, value: T) => void
  /**
   * A recurrence over axis 1 of `inputs`. `step` sees one position of each, without the axis, and the states before it; it
   * returns the states behind it and an output. The outputs are put together along axis 1 again.
   */
  readonly scan: <Input extends string, State extends string>(
    inputs: Readonly<Record<Input, T>>,
    states: Readonly<Record<State, T>>,
    step: (inputs: Readonly<Record<Input, T>>, states: Readonly<Record<State, T>>) => Scanned<State, T>
  ) => Scanned<State, T>

  /** In float32, whatever the model computes in; for routers and recurrences that lose too much in 16 bits. */
  readonly float32: (x: T) => T
  /** Back in the precision the model computes in. */
  readonly native: (x: T) => T
}
