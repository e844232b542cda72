/** Single operations with their results as mlx computed them: test/golden/ops. */

import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { LENGTH_BYTES } from "../../src/inference/Safetensors.js"

export const goldenOpsFile = (name: string): string =>
  fileURLToPath(new URL(`../golden/ops/${name}.safetensors`, import.meta.url))

/** The parameters of each case, by its name, from the file's metadata. */
export const goldenOpsCases = (name: string): ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> => {
  const bytes = readFileSync(goldenOpsFile(name))
  const end = LENGTH_BYTES + Number(bytes.readBigUInt64LE(0))
  const header: { __metadata__: { cases: string } } = JSON.parse(bytes.toString("utf8", LENGTH_BYTES, end))
  const cases: Record<string, Record<string, unknown>> = JSON.parse(header.__metadata__.cases)
  return Object.entries(cases)
}
