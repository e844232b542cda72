/** Stored bits to numbers: the floating point formats of safetensors files and MLX's packed ones. Pure. */
import type { FloatMode, MatrixFormat } from "../../inference/Quantization.js"
import type { Dtype } from "../../inference/Safetensors.js"

/** A small float without infinities: sign, exponent and mantissa from the top. */
const smallFloat = (code: number, exponentBits: number, mantissaBits: number): number => {
  const sign = code >> (exponentBits + mantissaBits) ? -1 : 1
  const exponent = (code >> mantissaBits) & (2 ** exponentBits - 1)
  const mantissa = (code & (2 ** mantissaBits - 1)) / 2 ** mantissaBits
  const bias = 2 ** (exponentBits - 1) - 1
  return sign * (exponent === 0 ? mantissa * 2 ** (1 - bias) : (1 + mantissa) * 2 ** (exponent - bias))
}

const e2m1 = (code: number) => smallFloat(code, 2, 1)
const e4m3 = (code: number) => ((code & 0x7f) === 0x7f ? Number.NaN : smallFloat(code, 4, 3))
const e8m0 = (code: number) => 2 ** (code - 127)

const half = (code: number): number => {
  if ((code & 0x7c00) !== 0x7c00) return smallFloat(code, 5, 10)
  return (code & 0x3ff) === 0 ? (code >> 15 ? -Infinity : Infinity) : Number.NaN
}

/** The floats of a tensor's bytes. */
export const floats = (bytes: Uint8Array, dtype: Dtype): Float32Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (dtype === "F32") return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
  const codes = Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true))
  if (dtype === "F16") return Float32Array.from(codes, half)
  return new Float32Array(Uint32Array.from(codes, (code) => code << 16).buffer)
}

/** Codes of `bits` bits from bytes, the lowest bits first. */
const unpack = (bytes: Uint8Array, bits: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => {
    const bit = i * bits
    const byte = bit >> 3
    const pair = (bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8)
    return (pair >> (bit & 7)) & (2 ** bits - 1)
  })

const floatModes: {
  readonly [Mode in FloatMode]: {
    readonly bits: number
    readonly groupSize: number
    readonly value: (code: number) => number
    readonly scale: (code: number) => number
  }
} = {
  mxfp4: { bits: 4, groupSize: 32, value: e2m1, scale: e8m0 },
  mxfp8: { bits: 8, groupSize: 32, value: e4m3, scale: e8m0 },
  nvfp4: { bits: 4, groupSize: 16, value: e2m1, scale: e4m3 }
}

/** The stored tensors of a matrix: bytes, with the dtype of those that may be any float. */
export interface StoredParts {
  readonly weight: { readonly bytes: Uint8Array; readonly dtype: Dtype }
  readonly scales: { readonly bytes: Uint8Array; readonly dtype: Dtype } | null
  readonly biases: { readonly bytes: Uint8Array; readonly dtype: Dtype } | null
}

/** Two bits per value; a byte of row r holds rows r, r + n/4, r + 2n/4 and r + 3n/4. */
const ternary = (bytes: Uint8Array, rows: number, columns: number, factor: number): Float32Array => {
  const packedRows = Math.ceil(rows / 4)
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const row = Math.floor(i / columns)
    const byte = bytes[(row % packedRows) * columns + (i % columns)] ?? 0
    return (((byte >> (2 * Math.floor(row / packedRows))) & 3) - 1) * factor
  })
}

/** All values of a matrix [rows, columns] (a stack's rows one after the other), row-major. */
export const dequantize = (parts: StoredParts, format: MatrixFormat, rows: number, columns: number): Float32Array => {
  const { biases, scales, weight } = parts
  const count = rows * columns
  const scaleFloats = () => (scales === null ? new Float32Array() : floats(scales.bytes, scales.dtype))
  switch (format._tag) {
    case "Dense":
      return floats(weight.bytes, weight.dtype)
    case "Affine": {
      const scale = scaleFloats()
      const bias = biases === null ? new Float32Array() : floats(biases.bytes, biases.dtype)
      return Float32Array.from(unpack(weight.bytes, format.bits, count), (code, i) => {
        const group = Math.floor(i / format.groupSize)
        return (scale[group] ?? 0) * code + (bias[group] ?? 0)
      })
    }
    case "Float": {
      const { bits, groupSize, scale, value } = floatModes[format.mode]
      return Float32Array.from(
        unpack(weight.bytes, bits, count),
        (code, i) => value(code) * scale(scales?.bytes[Math.floor(i / groupSize)] ?? 0)
      )
    }
    case "Ternary": {
      const [scale = 1] = scaleFloats()
      return ternary(weight.bytes, rows, columns, format.divides ? 1 / scale : scale)
    }
  }
}
