/**
 * The part of node-mlx that the engine uses, declared here: the package's own declarations lead a strict compiler into its
 * TypeScript sources. Everything is lazy until `eval`.
 */

export interface MlxDtype {
  readonly size: number
}

export interface MlxSlice {
  readonly start: number | null
  readonly stop: number | null
}

type Index = MlxSlice | number

/** Numbers in nested lists, as deep as the array has dimensions. */
export type Nested = number | ReadonlyArray<Nested>

export interface MlxArray {
  readonly shape: ReadonlyArray<number>
  readonly ndim: number
  readonly size: number
  readonly nbytes: number
  readonly dtype: MlxDtype
  readonly astype: (dtype: MlxDtype) => MlxArray
  readonly index: (...index: ReadonlyArray<Index>) => MlxArray
  /** Makes this very object the array with the indexed part replaced; null replaces all of it. */
  readonly indexPut_: (index: null | ReadonlyArray<Index>, value: MlxArray) => unknown
  /** Evaluates and copies to JavaScript. */
  readonly tolist: () => Nested
  readonly item: () => unknown
}

interface MlxArrayClass {
  (values: Nested, dtype?: MlxDtype): MlxArray
  new (values: Nested, dtype?: MlxDtype): MlxArray
  readonly prototype: MlxArray
}

type Shape = ReadonlyArray<number>
type Unary = (a: MlxArray) => MlxArray
type Binary = (a: MlxArray, b: MlxArray | number) => MlxArray
/** Without an axis over everything. */
type Reduce = (a: MlxArray, axis?: number, keepAxis?: boolean) => MlxArray
type AlongAxis = (a: MlxArray, axis: number) => MlxArray

/** Without indices the leading axes stand for themselves. */
type GatherMatmul = (a: MlxArray, b: MlxArray, left: MlxArray | undefined, right: MlxArray | undefined) => MlxArray
type GatherQuantizedMatmul = (
  x: MlxArray,
  words: MlxArray,
  scales: MlxArray,
  biases: MlxArray,
  left: MlxArray | undefined,
  right: MlxArray | undefined,
  transpose: boolean,
  groupSize: number,
  bits: number
) => MlxArray

export interface Mx {
  readonly array: MlxArrayClass
  readonly float16: MlxDtype
  readonly bfloat16: MlxDtype
  readonly float32: MlxDtype
  readonly int32: MlxDtype
  readonly uint32: MlxDtype
  readonly Slice: (start?: number, stop?: number) => MlxSlice

  readonly load: (path: string) => unknown
  readonly eval: (...arrays: ReadonlyArray<MlxArray>) => void

  readonly zeros: (shape: Shape, dtype?: MlxDtype) => MlxArray
  readonly ones: (shape: Shape, dtype?: MlxDtype) => MlxArray
  readonly arange: (start: number, stop: number, step: number, dtype: MlxDtype) => MlxArray
  readonly reshape: (a: MlxArray, shape: Shape) => MlxArray
  readonly transpose: (a: MlxArray, axes?: Shape) => MlxArray
  readonly expandDims: (a: MlxArray, axis: number) => MlxArray
  readonly broadcastTo: (a: MlxArray, shape: Shape) => MlxArray
  readonly concatenate: (arrays: ReadonlyArray<MlxArray>, axis: number) => MlxArray
  readonly stack: (arrays: ReadonlyArray<MlxArray>, axis: number) => MlxArray
  readonly split: (a: MlxArray, sections: number, axis: number) => Array<MlxArray>
  readonly repeat: (a: MlxArray, count: number, axis: number) => MlxArray
  readonly take: (a: MlxArray, indices: MlxArray, axis: number) => MlxArray
  readonly takeAlongAxis: (a: MlxArray, indices: MlxArray, axis: number) => MlxArray
  readonly where: (condition: MlxArray, a: MlxArray | number, b: MlxArray | number) => MlxArray

  readonly add: Binary
  readonly divide: Binary
  readonly equal: Binary
  readonly greater: Binary
  readonly greaterEqual: Binary
  readonly less: Binary
  readonly lessEqual: Binary
  readonly logaddexp: Binary
  readonly logicalAnd: Binary
  readonly matmul: Binary
  readonly maximum: Binary
  readonly minimum: Binary
  readonly multiply: Binary
  readonly power: Binary
  readonly remainder: Binary
  readonly subtract: Binary
  readonly bitwiseAnd: Binary
  readonly bitwiseOr: Binary
  readonly leftShift: Binary
  readonly rightShift: Binary

  readonly abs: Unary
  readonly cos: Unary
  readonly erf: Unary
  readonly exp: Unary
  readonly floor: Unary
  readonly log: Unary
  readonly negative: Unary
  readonly reciprocal: Unary
  readonly round: Unary
  readonly rsqrt: Unary
  readonly sigmoid: Unary
  readonly sin: Unary
  readonly sqrt: Unary
  readonly square: Unary
  readonly tanh: Unary

  readonly max: Reduce
  readonly mean: Reduce
  readonly min: Reduce
  readonly sum: Reduce
  /** Stable. */
  readonly argsort: AlongAxis
  /** `precise` sums in float32 whatever the dtype. */
  readonly softmax: (a: MlxArray, axis: number, precise: boolean) => MlxArray

  readonly dequantize: (
    words: MlxArray,
    scales: MlxArray,
    biases: MlxArray,
    groupSize: number,
    bits: number
  ) => MlxArray
  readonly quantizedMatmul: (
    x: MlxArray,
    words: MlxArray,
    scales: MlxArray,
    biases: MlxArray,
    transpose: boolean,
    groupSize: number,
    bits: number
  ) => MlxArray

  readonly blockSparseMM?: GatherMatmul
  readonly blockSparseQMM?: GatherQuantizedMatmul
  readonly gatherMM?: GatherMatmul
  readonly gatherQMM?: GatherQuantizedMatmul

  readonly fast: {
    readonly rmsNorm: (x: MlxArray, weight: MlxArray, eps: number) => MlxArray
    readonly layerNorm: (x: MlxArray, weight: MlxArray | undefined, bias: MlxArray | undefined, eps: number) => MlxArray
    readonly rope: (
      x: MlxArray,
      dims: number,
      traditional: boolean,
      base: number,
      scale: number,
      offset: number
    ) => MlxArray
    /** The mask is added to the scores. */
    readonly scaledDotProductAttention: (
      queries: MlxArray,
      keys: MlxArray,
      values: MlxArray,
      scale: number,
      mask?: MlxArray
    ) => MlxArray
  }

  readonly metal: {
    readonly isAvailable: () => boolean
    readonly getActiveMemory: () => number
    readonly getPeakMemory: () => number
    readonly getCacheMemory: () => number
    readonly setCacheLimit?: (bytes: number) => number
    readonly setWiredLimit?: (bytes: number) => number
    readonly deviceInfo?: () => Readonly<Record<string, string | number>>
  }
}

/** Whether a module's export is MLX's core; one look at each group of functions. */
export const isMx = (value: unknown): value is Mx => {
  const member = (of: unknown, name: string): unknown =>
    (typeof of === "object" && of !== null) || typeof of === "function" ? Reflect.get(of, name) : undefined
  const functions = [
    member(value, "array"),
    member(value, "eval"),
    member(value, "quantizedMatmul"),
    member(value, "gatherMM") ?? member(value, "blockSparseMM"),
    member(value, "gatherQMM") ?? member(value, "blockSparseQMM"),
    member(member(value, "fast"), "rope"),
    member(member(value, "metal"), "isAvailable")
  ]
  return functions.every((found) => typeof found === "function")
}
