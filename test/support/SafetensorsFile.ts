/** Making damaged checkpoints: editing the header of a safetensors file, its data left as it is. */
import { readFileSync, writeFileSync } from "node:fs"

export type Header = Record<
  string,
  { dtype: string; shape: ReadonlyArray<number>; data_offsets: readonly [number, number] }
>

const PREFIX_BYTES = 8

/** Length prefix, JSON, data. */
export const safetensors = (header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header))
  const bytes = new Uint8Array(PREFIX_BYTES + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, PREFIX_BYTES)
  bytes.set(data, PREFIX_BYTES + json.length)
  return bytes
}

export const editHeader = (path: string, edit: (header: Header) => Header): void => {
  const bytes = readFileSync(path)
  const dataStart = PREFIX_BYTES + Number(bytes.readBigUInt64LE(0))
  const header: Header = JSON.parse(bytes.toString("utf8", PREFIX_BYTES, dataStart))
  writeFileSync(path, safetensors(edit(header), bytes.subarray(dataStart)))
}
