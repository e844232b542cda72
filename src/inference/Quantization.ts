/**
 * How each matrix of a checkpoint is stored. The rules are mlx-lm's: the config names exceptions, the rest is read from the
 * tensors' shapes and dtypes, never from the numbers at the top of the config. Pure.
 */
import { Either } from "effect"
import { excerpt } from "../domain/Excerpt.js"
import { isObject } from "../domain/JsonFile.js"
import { badConfig, type ConfigProblem, type Section, unsupported } from "./Config.js"

/** Modes that store small floats in groups with a byte as scale. */
export type FloatMode = "mxfp4" | "mxfp8" | "nvfp4"

/**
 * The storage of a matrix [rows, columns]; packed codes are little-endian bit strings along a row, in u32 words.
 * - `Dense`: floating point.
 * - `Affine`: value = scale * code + bias, per group of columns.
 * - `Float`: mxfp4 and nvfp4 are 4-bit floats (e2m1) in groups of 32 with a power-of-two scale, or of 16 with an e4m3
 *   scale; mxfp8 is 8-bit floats (e4m3) in groups of 32 with a power-of-two scale.
 * - `Ternary`: BitNet; two bits per value, byte row r holds output rows r, r + n/4, r + 2n/4, r + 3n/4, code minus one,
 *   times (or divided by) one scale per tensor.
 */
export type MatrixFormat =
  | { readonly _tag: "Dense" }
  | { readonly _tag: "Affine"; readonly bits: number; readonly groupSize: number }
  | { readonly _tag: "Float"; readonly mode: FloatMode }
  | { readonly _tag: "Ternary"; readonly divides: boolean }

const dense: MatrixFormat = { _tag: "Dense" }

const AFFINE_BITS = new Set([2, 3, 4, 5, 6, 8])

interface Packing {
  readonly bits: number
  readonly groupSize: number
}

const floatModes: { readonly [Mode in FloatMode]: Packing } = {
  mxfp4: { bits: 4, groupSize: 32 },
  mxfp8: { bits: 8, groupSize: 32 },
  nvfp4: { bits: 4, groupSize: 16 }
}

const isFloatMode = (mode: unknown): mode is FloatMode => typeof mode === "string" && Object.hasOwn(floatModes, mode)

/** Bits per value and values per group of a format that packs codes into words, null for the others. */
export const packing = (format: MatrixFormat): Packing | null => {
  switch (format._tag) {
    case "Affine":
      return format
    case "Float":
      return floatModes[format.mode]
    case "Dense":
    case "Ternary":
      return null
  }
}

/** What is known of a matrix before its data is read. `scales` is the tensor beside it, null when there is none. */
export interface StoredMatrix {
  readonly path: string
  readonly columns: number
  /** Length of a packed row in words. */
  readonly words: number
  readonly scales: { readonly columns: number; readonly bytes: boolean } | null
  /** An embedding table isn't a linear layer: BitNet leaves it alone. */
  readonly kind: "linear" | "embedding"
}

/** `BadTensor`: shapes that fit no format. */
export type QuantizationProblem =
  | ConfigProblem
  | { readonly _tag: "BadTensor"; readonly tensor: string; readonly problem: string }

/** The rule for one checkpoint: the format of each matrix. */
export type Quantization = (matrix: StoredMatrix) => Either.Either<MatrixFormat, QuantizationProblem>

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0

const affine = (bits: unknown, groupSize: unknown): MatrixFormat | null =>
  typeof bits === "number" && AFFINE_BITS.has(bits) && isCount(groupSize) ? { _tag: "Affine", bits, groupSize } : null

/** A mode with its numbers; null when they don't belong together. Missing and zero numbers mean the mode's own. */
const formatOf = (mode: unknown, bits: unknown, groupSize: unknown): MatrixFormat | null => {
  if (mode === "affine") return affine(bits || 4, groupSize || 64)
  if (!isFloatMode(mode)) return null
  const own = floatModes[mode]
  const fits = (bits || own.bits) === own.bits && (groupSize || own.groupSize) === own.groupSize
  return fits ? { _tag: "Float", mode } : null
}

const configured = (path: string, entry: Section): Either.Either<MatrixFormat, QuantizationProblem> => {
  const { bits, group_size: groupSize, mode = "affine" } = entry
  const format = formatOf(mode, bits, groupSize)
  const numbers = `mode ${excerpt(mode)}, bits ${excerpt(bits ?? "default")}, group size ${excerpt(groupSize ?? "default")}`
  return format === null ? unsupported(`quantization of ${path} (${numbers}) is not supported`) : Either.right(format)
}

/** From the shapes: the words give the bits, the scales the group, byte scales one of the float modes. */
const inferred = (
  matrix: StoredMatrix,
  scales: NonNullable<StoredMatrix["scales"]>
): Either.Either<MatrixFormat, QuantizationProblem> => {
  const bits = Math.floor((matrix.words * 32) / matrix.columns)
  const groupSize = scales.columns === 0 ? 0 : Math.floor(matrix.columns / scales.columns)
  const mode = Object.keys(floatModes)
    .filter(isFloatMode)
    .find((known) => floatModes[known].bits === bits && floatModes[known].groupSize === groupSize)
  const float: MatrixFormat | null = mode === undefined ? null : { _tag: "Float", mode }
  const format = scales.bytes ? float : affine(bits, groupSize)
  return format === null
    ? Either.left({
        _tag: "BadTensor",
        tensor: `${matrix.path}.scales`,
        problem: `${bits} bits in groups of ${groupSize} is no known format`
      })
    : Either.right(format)
}

/** MLX's own: an entry per path (false: dense, true: as at the top), else by shape, where there are scales. */
const listed =
  (config: Section): Quantization =>
  (matrix) => {
    const { path, scales } = matrix
    if (!Object.hasOwn(config, path)) return scales === null ? Either.right(dense) : inferred(matrix, scales)
    const entry = config[path]
    if (entry === true) return configured(path, config)
    if (entry === false || entry === null) return Either.right(dense)
    if (!isObject(entry)) return badConfig(`quantization.${path}: not an object`)
    return Object.keys(entry).length === 0 ? Either.right(dense) : configured(path, entry)
  }

const ternary = (config: Section): Quantization => {
  const { linear_class: linearClass, modules_to_not_convert: excluded } = config
  const kept = new Set<unknown>(Array.isArray(excluded) ? excluded : [])
  const format: MatrixFormat = { _tag: "Ternary", divides: linearClass !== "autobitlinear" }
  return ({ kind, path }) => Either.right(kind === "embedding" || kept.has(path) ? dense : format)
}

const COMPRESSED_FORMATS = new Set<unknown>(["nvfp4-pack-quantized", "mxfp4-pack-quantized", "pack-quantized"])

/** Methods of other programs that MLX's formats can't stand for, at least not in all their variants. */
const FOREIGN_METHODS = new Set(["awq", "gptq", "bitsandbytes", "fp8", "compressed-tensors", "modelopt"])

/** Methods of other programs whose packed tensors are MLX's own. */
const compatible = (method: unknown, config: Section): boolean => {
  switch (method) {
    case "mxfp4":
    case "mxfp8":
      return true
    case "fp8":
      return config["scale_fmt"] === "ue8m0" && JSON.stringify(config["weight_block_size"]) === "[32,32]"
    case "compressed-tensors":
      return COMPRESSED_FORMATS.has(config["format"])
    case "modelopt": {
      const { quantization: nested } = config
      return (isObject(nested) ? nested : config)["quant_algo"] === "NVFP4"
    }
    default:
      return false
  }
}

/** The rule that a config.json asks for: `quantization` first, then `quantization_config`, else everything is dense. */
export const quantization = (config: Section): Either.Either<Quantization, QuantizationProblem> => {
  const { quantization: own = null, quantization_config: legacy = null, quantize_activations: activations } = config
  if (activations) return unsupported("quantized activations are not supported")
  if (own !== null) {
    return isObject(own) ? Either.right(listed(own)) : badConfig("quantization: not an object")
  }
  if (!isObject(legacy)) return Either.right(() => Either.right(dense))
  const { quant_method: method = null } = legacy
  // Other programs name their method; without one it is MLX's own object under the Hub's key.
  if (method === null) return Either.right(listed(legacy))
  if (method === "bitnet") return Either.right(ternary(legacy))
  if (compatible(method, legacy)) return Either.right(listed({}))
  // mlx-lm reads a method it has never heard of as plain weights; packed ones don't have the shapes then.
  return typeof method === "string" && !FOREIGN_METHODS.has(method)
    ? Either.right(() => Either.right(dense))
    : unsupported(`quantization method ${excerpt(method)} is not supported`)
}
