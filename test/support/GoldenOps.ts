/** The reference results of single operations in test/golden/ops. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Either } from "effect"
import { type Tensor, tensor } from "../../src/engines/reference/Tensor.js"
import { headerLength, LENGTH_BYTES, parseHeader } from "../../src/inference/Safetensors.js"

export const goldenOpsFile = (name: string): string =>
  fileURLToPath(new URL(`../golden/ops/${name}.safetensors`, import.meta.url))

export type GoldenOpsCase = readonly [name: string, parameters: Readonly<Record<string, unknown>>]

/** The parameters of each case, by its name, from the file's metadata. */
export const goldenOpsCases = (name: string): ReadonlyArray<GoldenOpsCase> => {
  const bytes = readFileSync(goldenOpsFile(name))
  const end = LENGTH_BYTES + Number(bytes.readBigUInt64LE(0))
  const header: { __metadata__: { cases: string } } = JSON.parse(bytes.toString("utf8", LENGTH_BYTES, end))
  const cases: Record<string, Record<string, unknown>> = JSON.parse(header.__metadata__.cases)
  return Object.entries(cases)
}

/** The F32, U32 and U8 tensors of a file, by name. */
export const goldenOpsTensors = (name: string): ReadonlyMap<string, Tensor> => {
  const bytes = readFileSync(goldenOpsFile(name))
  const length = Either.getOrThrow(headerLength(bytes, bytes.length))
  const json = bytes.toString("utf8", LENGTH_BYTES, LENGTH_BYTES + length)
  const tensors = new Map<string, Tensor>()
  for (const [key, { begin, dtype, end, shape }] of Either.getOrThrow(parseHeader(json, length, bytes.length))) {
    const data = new Uint8Array(bytes.subarray(begin, end))
    if (dtype === "F32") tensors.set(key, tensor(shape, new Float32Array(data.buffer)))
    if (dtype === "U8") tensors.set(key, tensor(shape, data))
  }
  return tensors
}
