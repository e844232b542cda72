/**
 * node-mlx (`@frost-beta/mlx`), MLX for Node: everything that is peculiar to the binding and its versions. It is an
 * optional dependency with a native part, loaded only when a model is.
 */
import { Effect } from "effect"
import { EngineUnavailable } from "../../domain/Errors.js"
import { systemCode } from "../../domain/FileProblems.js"
import { isMx, type MlxArray, type Mx } from "./Mx.js"

/** The binding, ready for one kind of device. */
export interface Binding {
  readonly mx: Mx
  /** True on Apple's GPU: native precision. On the CPU everything is computed in float32, as 16-bit matmuls abort there. */
  readonly gpu: boolean
  /** Gives an array's memory back at once; the array must not be used again. */
  readonly release: (array: MlxArray) => void
  /** x [..., n, k] times the matrices [k, m] of `stack` that `which`, as broadcast with the leading axes, names. */
  readonly gatherMatmul: (x: MlxArray, stack: MlxArray, which: MlxArray) => MlxArray
  /** The same with packed matrices, transposed or not. */
  readonly gatherQuantizedMatmul: (
    x: MlxArray,
    words: MlxArray,
    scales: MlxArray,
    biases: MlxArray,
    which: MlxArray,
    transpose: boolean,
    groupSize: number,
    bits: number
  ) => MlxArray
}

/** A plain string, so that the compiler does not read the package (see Mx.ts). */
const PACKAGE: string = "@frost-beta/mlx"

/** What to install where the package or its native part is missing. */
export const installHint = (platform: NodeJS.Platform, code: string): string => {
  const native =
    platform === "darwin"
      ? `run 'npm rebuild ${PACKAGE} --ignore-scripts=false'`
      : "on Debian run 'apt-get install libopenblas0 liblapack3'"
  return `the npm package ${PACKAGE} cannot be loaded (${code}); install it with 'npm install ${PACKAGE}', and for its native part ${native}`
}

/**
 * Later versions have `dispose`. Version 0.0.7 keeps an array's memory until the garbage collector finds the JavaScript
 * object *and* the event loop turns, which it doesn't inside a step; there, overwriting the whole array with a scalar drops
 * its buffer at once.
 */
const releaseWith = (mx: Mx): Binding["release"] => {
  const dispose: unknown = Reflect.get(mx, "dispose")
  if (typeof dispose === "function") return (array) => Reflect.apply(dispose, mx, [array])
  const zero = mx.array(0, mx.float32)
  return (array) => {
    if (array.ndim > 0) array.indexPut_(null, zero)
  }
}

/** Version 0.0.7 calls MLX's `gather_mm` and `gather_qmm` by their older names; the arguments are the same. */
const gatherFunctions = (mx: Mx): Pick<Binding, "gatherMatmul" | "gatherQuantizedMatmul"> => {
  const matmul = mx.gatherMM ?? mx.blockSparseMM
  const quantizedMatmul = mx.gatherQMM ?? mx.blockSparseQMM
  if (matmul === undefined || quantizedMatmul === undefined) throw new Error("the binding has no products by index")
  return {
    gatherMatmul: (x, stack, which) => matmul(x, stack, undefined, which),
    gatherQuantizedMatmul: (x, words, scales, biases, which, transpose, groupSize, bits) =>
      quantizedMatmul(x, words, scales, biases, undefined, which, transpose, groupSize, bits)
  }
}

const unavailable = (code: string) =>
  new EngineUnavailable({ engine: "MLX", problem: installHint(process.platform, code) })

/** Loads the native library. */
export const loadBinding: Effect.Effect<Binding, EngineUnavailable> = Effect.tryPromise({
  try: (): Promise<{ readonly core?: unknown }> => import(PACKAGE),
  catch: (cause) => unavailable(systemCode(cause))
}).pipe(
  Effect.flatMap(({ core }) => (isMx(core) ? Effect.succeed(core) : unavailable("an unknown version"))),
  Effect.map((mx) => ({ mx, gpu: mx.metal.isAvailable(), release: releaseWith(mx), ...gatherFunctions(mx) }))
)

/** Buffers that Metal keeps for later arrays; without a limit all that a long prompt once needed stays taken. */
const CACHE_LIMIT = 2 * 2 ** 30

/**
 * On Apple's GPU: keeps what the device recommends at most from being paged out (which version 0.0.7 can't), and limits the
 * buffers that wait for another use.
 */
export const limitMemory = ({ gpu, mx: { metal } }: Binding): void => {
  if (!gpu) return
  metal.setCacheLimit?.(CACHE_LIMIT)
  const recommended = metal.deviceInfo?.()["max_recommended_working_set_size"]
  if (typeof recommended === "number") metal.setWiredLimit?.(recommended)
}

/** The tensors of a safetensors file by name; lazy, an array's bytes are read when it is evaluated. Throws. */
export const loadTensors = (mx: Mx, path: string): ReadonlyMap<string, MlxArray> => {
  const loaded = mx.load(path)
  const tensors = new Map<string, MlxArray>()
  for (const [name, value] of Object.entries(loaded ?? {})) if (value instanceof mx.array) tensors.set(name, value)
  return tensors
}

/** All values of a float32 vector. There is no shorter way out of the binding than JavaScript numbers. */
export const toFloat32 = (vector: MlxArray): Float32Array => {
  const values = vector.tolist()
  const result = new Float32Array(vector.size)
  if (Array.isArray(values)) for (let i = 0; i < result.length; i++) result[i] = Number(values[i])
  return result
}
