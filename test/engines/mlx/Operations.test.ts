import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Either, Schema } from "effect"
import { makeArena } from "../../../src/engines/mlx/Arena.js"
import { type Binding, installHint, loadBinding, loadTensors } from "../../../src/engines/mlx/Binding.js"
import { makeRope } from "../../../src/engines/mlx/MlxRope.js"
import type { MlxArray, Mx } from "../../../src/engines/mlx/Mx.js"
import { type RepackContext, repack } from "../../../src/engines/mlx/Repack.js"
import { quantization } from "../../../src/inference/Quantization.js"
import { type RopeSpec, ropeSpec } from "../../../src/inference/Rope.js"
import { goldenOpsCases, goldenOpsFile } from "../../support/GoldenOps.js"
import { noEngine } from "../../support/Native.js"

let binding: Binding
let mx: Mx
beforeAll(async () => {
  if (noEngine) return
  binding = await Effect.runPromise(loadBinding)
  mx = binding.mx
})

const need = (tensors: ReadonlyMap<string, MlxArray>, name: string): MlxArray => {
  const found = tensors.get(name)
  assert(found !== undefined, `tensor ${name}`)
  return found
}

/** The greatest difference between two arrays. */
const difference = (a: MlxArray, b: MlxArray): number => {
  assert.deepStrictEqual(a.shape, b.shape)
  return Number(mx.max(mx.abs(mx.subtract(a, b))).item())
}

/** All values of an array. */
const values = (array: MlxArray): ReadonlyArray<number> => [array.tolist()].flat(2).map(Number)

/** Scales that only a test has: products with them leave the range of float32. */
const NO_WEIGHT = 2 ** 125

describe.skipIf(noEngine)("repack", () => {
  let tensors: ReturnType<typeof loadTensors>
  let context: RepackContext
  beforeAll(() => {
    tensors = loadTensors(mx, goldenOpsFile("quantization"))
    context = { mx, dtype: mx.float32, arena: makeArena(binding.release) }
  })

  it.each(goldenOpsCases("quantization"))("%s", (name, { bits, group_size, mode }) => {
    const words = need(tensors, `${name}.words`)
    const expected = need(tensors, `${name}.dequantized`)
    const [rows = 0, columns = 0] = expected.shape
    const scales = need(tensors, `${name}.scales`)
    const parts = { weight: words, scales, biases: tensors.get(`${name}.biases`) ?? null }
    const rule = Either.getOrThrow(quantization({ quantization: { m: { bits, group_size, mode } } }))
    const format = Either.getOrThrow(
      rule({
        path: "m",
        columns,
        kind: "linear",
        words: words.shape[1] ?? 0,
        scales: { columns: scales.shape[1] ?? 0, bytes: mode !== "affine" }
      })
    )
    const packed = repack(context, format, parts, rows, columns)
    const actual =
      packed._tag === "Dense"
        ? packed.weight
        : mx.dequantize(packed.words, packed.scales, packed.biases, packed.groupSize, packed.bits)
    const [found, wanted] = [values(actual), values(expected)]
    const largest = Math.max(...wanted.filter((value) => Math.abs(value) < NO_WEIGHT))
    wanted.forEach((value, i) => {
      if (Number.isNaN(value)) assert.isNaN(found[i])
      else if (Math.abs(value) < NO_WEIGHT) assert.approximately(found[i] ?? Number.NaN, value, 3e-7 * largest)
    })
  })
})

/** Parameters of a rope case: mlx's own or those of a scaling config. */
const Parameters = Schema.Struct({
  dims: Schema.Number,
  traditional: Schema.Boolean,
  base: Schema.NullOr(Schema.Number),
  offset: Schema.Number,
  scale: Schema.optionalWith(Schema.Number, { default: () => 1 }),
  max_position_embeddings: Schema.optionalWith(Schema.NullOr(Schema.Number), { default: () => null }),
  scaling_config: Schema.optionalWith(Schema.NullOr(Schema.Record({ key: Schema.String, value: Schema.Unknown })), {
    default: () => null
  })
})

describe.skipIf(noEngine)("rope", () => {
  let tensors: ReturnType<typeof loadTensors>
  beforeAll(() => {
    tensors = loadTensors(mx, goldenOpsFile("rope"))
  })
  const specOf = (name: string, parameters: typeof Parameters.Type): RopeSpec => {
    const {
      base,
      dims,
      max_position_embeddings: maxPositions,
      scale,
      scaling_config,
      traditional: interleaved
    } = parameters
    if (base === null) {
      const rates = Float32Array.from(values(need(tensors, `${name}.freqs`)), (period) => 1 / period)
      return { dims, interleaved, rates: { _tag: "Table", rates, magnitude: 1 } }
    }
    const scaling = scaling_config ?? (scale === 1 ? null : { type: "linear", factor: 1 / scale })
    return Either.getOrThrow(ropeSpec({ dims, base, interleaved, maxPositions, scaling }))
  }

  it.each(goldenOpsCases("rope"))("%s", (name, raw) => {
    const parameters = Schema.decodeUnknownSync(Parameters)(raw)
    const x = need(tensors, `${name}.x`)
    const arena = makeArena(binding.release)
    const rope = makeRope({ arena, binding, offset: parameters.offset, length: x.shape[2] ?? 0 })
    assert.isAtMost(difference(rope(x, specOf(name, parameters)), need(tensors, `${name}.y`)), 1e-4)
  })
})

describe("installHint", () => {
  it("names the package and what its native part needs", () => {
    assert.include(installHint("linux", "ERR_DLOPEN_FAILED"), "npm install @frost-beta/mlx")
    assert.include(installHint("linux", "ERR_DLOPEN_FAILED"), "apt-get install libopenblas0 liblapack3")
    assert.include(installHint("darwin", "MODULE_NOT_FOUND"), "npm rebuild @frost-beta/mlx --ignore-scripts=false")
  })
})
