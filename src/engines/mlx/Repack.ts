/**
 * Turning every stored format into one that this version of MLX multiplies: dense, or affine with 2, 4 or 8 bits in groups
 * of 32, 64 or 128. All of it is exact and runs in MLX, so that no weight passes through JavaScript.
 */
import type { MatrixFormat } from "../../inference/Quantization.js"
import type { Arena } from "./Arena.js"
import type { MlxArray, MlxDtype, Mx } from "./Mx.js"

/** A matrix as the engine multiplies it: value = scale * code + bias, per group of columns. */
export type Packed =
  | { readonly _tag: "Dense"; readonly weight: MlxArray }
  | {
      readonly _tag: "Affine"
      readonly words: MlxArray
      readonly scales: MlxArray
      readonly biases: MlxArray
      readonly groupSize: number
      readonly bits: number
    }

/** What conversions need: the device's library, the precision to compute in, and where temporaries go. */
export interface RepackContext {
  readonly mx: Mx
  readonly dtype: MlxDtype
  readonly arena: Arena
}

const NATIVE_BITS: ReadonlyArray<number> = [2, 4, 8]
const NATIVE_GROUPS: ReadonlyArray<number> = [128, 64, 32]

/** Whether MLX multiplies the stored tensors as they are. */
export const isNative = (format: MatrixFormat): boolean =>
  format._tag === "Dense" ||
  (format._tag === "Affine" && NATIVE_BITS.includes(format.bits) && NATIVE_GROUPS.includes(format.groupSize))

const range = <A>(count: number, at: (index: number) => A): Array<A> => Array.from({ length: count }, (_, i) => at(i))

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

/** The codes of packed rows: words [rows, n] -> [rows, columns] of u32, value j in bits j*bits to (j+1)*bits of its row. */
const unpackCodes = ({ arena, mx }: RepackContext, words: MlxArray, bits: number, columns: number): MlxArray => {
  const t = arena.track
  // The pattern repeats where a value starts on a word's first bit.
  const blockWords = bits / greatestCommonDivisor(bits, 32)
  const blockValues = (blockWords * 32) / bits
  const perValue = (of: (firstBit: number) => number) =>
    t(
      mx.array(
        range(blockValues, (j) => of(j * bits)),
        mx.uint32
      )
    )
  const word = (firstBit: number) => Math.floor(firstBit / 32)
  const spill = (firstBit: number) => Math.max(0, (firstBit % 32) + bits - 32)

  const rows = words.shape[0] ?? 0
  const blocks = t(mx.reshape(words, [rows, columns / blockValues, blockWords]))
  const low = t(
    mx.rightShift(
      t(mx.take(blocks, perValue(word), -1)),
      perValue((firstBit) => firstBit % 32)
    )
  )
  // Bits that continue in the next word; a value without any takes word 0 times nothing.
  const nextWord = perValue((firstBit) => (spill(firstBit) > 0 ? word(firstBit) + 1 : 0))
  const lift = perValue((firstBit) => (spill(firstBit) > 0 ? 2 ** (bits - spill(firstBit)) : 0))
  const high = t(mx.multiply(t(mx.take(blocks, nextWord, -1)), lift))
  const codes = t(mx.bitwiseAnd(t(mx.bitwiseOr(low, high)), t(mx.array(2 ** bits - 1, mx.uint32))))
  return t(mx.reshape(codes, [rows, columns]))
}

/** The reverse for widths that divide a word: codes [rows, columns] of u32 -> words. */
const packCodes = ({ arena, mx }: RepackContext, codes: MlxArray, bits: number): MlxArray => {
  const t = arena.track
  const [rows = 0, columns = 0] = codes.shape
  const perWord = 32 / bits
  const shifts = t(
    mx.array(
      range(perWord, (i) => i * bits),
      mx.uint32
    )
  )
  return t(mx.sum(t(mx.leftShift(t(mx.reshape(codes, [rows, columns / perWord, perWord])), shifts)), -1))
}

/** e2m1: sign, two bits of exponent, one of mantissa. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
const e2m1 = (code: number) => (E2M1[code & 7] ?? 0) * (code & 8 ? -1 : 1)

/** e4m3: sign, four bits of exponent with bias 7, three of mantissa; the top code of each sign is not a number. */
const e4m3 = (code: number) => {
  const exponent = (code >> 3) & 15
  const mantissa = code & 7
  const magnitude =
    (code & 127) === 127 ? Number.NaN : exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7)
  return code & 128 ? -magnitude : magnitude
}

/** e8m0: a power of two; the top code is not a number. */
const e8m0 = (code: number) => (code === 255 ? Number.NaN : 2 ** (code - 127))

/** The values of codes, looked up in float32. */
const lookUp = ({ arena, mx }: RepackContext, table: Array<number>, codes: MlxArray, dtype = mx.float32): MlxArray =>
  arena.track(mx.take(arena.track(mx.array(table, dtype)), codes, 0))

/** values [rows, columns] with one scale per group: values * scale, in the computing precision. */
const scaleGroups = (context: RepackContext, values: MlxArray, scales: MlxArray): MlxArray => {
  const { arena, dtype, mx } = context
  const t = arena.track
  const [rows = 0, columns = 0] = values.shape
  const groups = scales.shape[1] ?? 1
  const grouped = t(mx.multiply(t(mx.reshape(values, [rows, groups, columns / groups])), t(mx.expandDims(scales, -1))))
  return t(t(mx.reshape(grouped, [rows, columns])).astype(dtype))
}

/** The tensors of a stored matrix (or of some of its rows). `scales` and `biases` where its format has them. */
export interface StoredParts {
  readonly weight: MlxArray
  readonly scales: MlxArray | null
  readonly biases: MlxArray | null
}

const affine = (
  context: RepackContext,
  parts: StoredParts,
  bits: number,
  groupSize: number,
  columns: number
): Packed => {
  const { arena, dtype, mx } = context
  const t = arena.track
  const scales = t((parts.scales ?? parts.weight).astype(dtype))
  const biases = t((parts.biases ?? parts.weight).astype(dtype))
  if (NATIVE_GROUPS.includes(groupSize)) {
    const native = NATIVE_BITS.includes(bits)
    const words = native ? parts.weight : packCodes(context, unpackCodes(context, parts.weight, bits, columns), 8)
    return { _tag: "Affine", words, scales, biases, groupSize, bits: native ? bits : 8 }
  }
  const codes = t(unpackCodes(context, parts.weight, bits, columns).astype(mx.float32))
  const ones = t(mx.ones([codes.shape[0] ?? 0, columns], mx.float32))
  const weight = t(mx.add(scaleGroups(context, codes, scales), scaleGroups(context, ones, biases)))
  return { _tag: "Dense", weight }
}

/** Four-bit floats are whole multiples of a half: code 2v + 12, scale s/2, bias -6s, which is finite for s below 2^125. */
const mxfp4 = (context: RepackContext, parts: StoredParts, columns: number): Packed => {
  const { arena, dtype, mx } = context
  const t = arena.track
  const codes = unpackCodes(context, parts.weight, 4, columns)
  const shifted = lookUp(
    context,
    range(16, (code) => 2 * e2m1(code) + 12),
    codes,
    mx.uint32
  )
  const scales = lookUp(context, range(256, e8m0), parts.scales ?? parts.weight)
  return {
    _tag: "Affine",
    words: packCodes(context, shifted, 8),
    scales: t(t(mx.multiply(scales, 0.5)).astype(dtype)),
    biases: t(t(mx.multiply(scales, -6)).astype(dtype)),
    groupSize: 32,
    bits: 8
  }
}

/** Floats that no affine code holds, made dense. */
const denseFloats = (
  context: RepackContext,
  parts: StoredParts,
  columns: number,
  codes: { readonly bits: number; readonly value: (code: number) => number; readonly scale: (code: number) => number }
): Packed => {
  const unpacked = unpackCodes(context, parts.weight, codes.bits, columns)
  const values = lookUp(context, range(2 ** codes.bits, codes.value), unpacked)
  const scales = lookUp(context, range(256, codes.scale), parts.scales ?? parts.weight)
  return { _tag: "Dense", weight: scaleGroups(context, values, scales) }
}

/**
 * Two bits per value in bytes, four stripes of rows; `parts.scales` is the scale of the whole tensor. Packs to two bits
 * where the columns allow it.
 */
const ternary = (
  context: RepackContext,
  parts: StoredParts,
  divides: boolean,
  rows: number,
  columns: number
): Packed => {
  const { arena, dtype, mx } = context
  const t = arena.track
  const bytes = t(parts.weight.astype(mx.uint32))
  const stripe = (i: number) =>
    t(mx.bitwiseAnd(t(mx.rightShift(bytes, t(mx.array(2 * i, mx.uint32)))), t(mx.array(3, mx.uint32))))
  const stacked = t(mx.concatenate(range(4, stripe), 0))
  const codes = t(stacked.index(mx.Slice(0, rows)))
  const stored = t((parts.scales ?? parts.weight).astype(mx.float32))
  const scale = divides ? t(mx.reciprocal(stored)) : stored
  const groupSize = NATIVE_GROUPS.find((size) => columns % size === 0)
  if (groupSize === undefined) {
    const signs = t(mx.subtract(t(codes.astype(mx.float32)), 1))
    return { _tag: "Dense", weight: t(t(mx.multiply(signs, scale)).astype(dtype)) }
  }
  const scales = t(t(mx.broadcastTo(scale, [rows, columns / groupSize])).astype(dtype))
  return {
    _tag: "Affine",
    words: packCodes(context, codes, 2),
    scales,
    biases: t(mx.negative(scales)),
    groupSize,
    bits: 2
  }
}

/** The stored matrix [rows, columns] in a form that MLX multiplies; lazy. Temporaries and result are in the arena. */
export const repack = (
  context: RepackContext,
  format: MatrixFormat,
  parts: StoredParts,
  rows: number,
  columns: number
): Packed => {
  switch (format._tag) {
    case "Dense":
      return { _tag: "Dense", weight: context.arena.track(parts.weight.astype(context.dtype)) }
    case "Affine":
      return affine(context, parts, format.bits, format.groupSize, columns)
    case "Ternary":
      return ternary(context, parts, format.divides, rows, columns)
    case "Float":
      switch (format.mode) {
        case "mxfp4":
          return mxfp4(context, parts, columns)
        case "mxfp8":
          return denseFloats(context, parts, columns, { bits: 8, value: e4m3, scale: e8m0 })
        case "nvfp4":
          return denseFloats(context, parts, columns, { bits: 4, value: e2m1, scale: e4m3 })
      }
  }
}
