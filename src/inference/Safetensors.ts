/**
 * The header of a safetensors file: 8 bytes of little-endian length, then that much JSON, then the data. Pure: whoever
 * calls reads the bytes. Files come from strangers, so nothing in them is believed before it is checked.
 */
import { Either } from "effect"
import { excerpt } from "../domain/Excerpt.js"
import { parseJson } from "../domain/Json.js"
import { isObject } from "../domain/JsonFile.js"

/** Bytes before the JSON. */
export const LENGTH_BYTES = 8

/** The reference implementation's own limit. */
const MAX_HEADER_BYTES = 100_000_000

/** Header, tensor, shape: real files nest 3 deep. */
const MAX_HEADER_DEPTH = 8

const MAX_DIMENSIONS = 32

/** Bytes per element. */
const dtypeBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8
} as const

export type Dtype = keyof typeof dtypeBytes

/** One tensor of a file: its data is the bytes `begin` to `end` (exclusive) of the whole file. */
export interface TensorInfo {
  readonly dtype: Dtype
  readonly shape: ReadonlyArray<number>
  readonly begin: number
  readonly end: number
}

const isDtype = (value: unknown): value is Dtype => typeof value === "string" && Object.hasOwn(dtypeBytes, value)

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const isCounts = (value: unknown): value is ReadonlyArray<number> => Array.isArray(value) && value.every(isCount)

/** Length of the JSON in bytes, from the file's first `LENGTH_BYTES` bytes and its size. Left: what is wrong. */
export const headerLength = (prefix: Uint8Array, fileBytes: number): Either.Either<number, string> => {
  if (prefix.length < LENGTH_BYTES) return Either.left(`truncated: ${LENGTH_BYTES} bytes expected, ${fileBytes} there`)
  const view = new DataView(prefix.buffer, prefix.byteOffset, LENGTH_BYTES)
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32
  if (length > MAX_HEADER_BYTES) return Either.left("not a safetensors file: its header is too long")
  const expected = LENGTH_BYTES + length
  return expected > fileBytes
    ? Either.left(`truncated: ${expected} bytes expected, ${fileBytes} there`)
    : Either.right(length)
}

/** One entry, its offsets counted from the end of the header as in the file. */
const tensorInfo = (name: string, entry: unknown, dataStart: number): Either.Either<TensorInfo, string> => {
  const bad = (what: string) => Either.left(`tensor ${excerpt(name)}: ${what}`)
  if (!isObject(entry)) return bad("its entry is not an object")
  const { data_offsets: offsets, dtype, shape } = entry
  if (!isDtype(dtype)) return bad("unknown dtype")
  if (!isCounts(shape) || shape.length > MAX_DIMENSIONS) return bad("bad shape")
  if (!isCounts(offsets) || offsets.length !== 2) return bad("bad offsets")
  const [begin = 0, end = 0] = offsets
  const bytes = shape.reduce((product, size) => product * size, dtypeBytes[dtype])
  if (end - begin !== bytes) return bad(`its shape needs ${bytes} bytes, its offsets hold ${end - begin}`)
  return Either.right({ dtype, shape, begin: dataStart + begin, end: dataStart + end })
}

/** The name of a tensor that shares bytes with another one, null when none does. */
const overlapping = (tensors: ReadonlyMap<string, TensorInfo>): string | null => {
  let reached = 0
  const inOrder = [...tensors].filter(([, tensor]) => tensor.end > tensor.begin)
  inOrder.sort(([, a], [, b]) => a.begin - b.begin)
  for (const [name, tensor] of inOrder) {
    if (tensor.begin < reached) return name
    reached = tensor.end
  }
  return null
}

/**
 * The tensors of a file by name. `json` is the header's text, `jsonBytes` its length in the file, `fileBytes` the size of
 * the file. Left: what is wrong, one clause; a file that ends early says how many bytes are missing.
 */
export const parseHeader = (
  json: string,
  jsonBytes: number,
  fileBytes: number
): Either.Either<ReadonlyMap<string, TensorInfo>, string> =>
  Either.gen(function* () {
    const header = yield* Either.mapLeft(
      parseJson(json, { maxDepth: MAX_HEADER_DEPTH }),
      (problem) => `header: ${problem}`
    )
    if (!isObject(header)) return yield* Either.left("header: not an object")
    const tensors = new Map<string, TensorInfo>()
    for (const [name, entry] of Object.entries(header)) {
      if (name !== "__metadata__") tensors.set(name, yield* tensorInfo(name, entry, LENGTH_BYTES + jsonBytes))
    }
    const needed = [...tensors.values()].reduce((most, tensor) => Math.max(most, tensor.end), LENGTH_BYTES + jsonBytes)
    if (needed > fileBytes) return yield* Either.left(`truncated: ${needed} bytes expected, ${fileBytes} there`)
    const shared = overlapping(tensors)
    return shared === null ? tensors : yield* Either.left(`tensor ${excerpt(shared)}: shares bytes with another tensor`)
  })
