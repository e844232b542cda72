import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { type MatrixFormat, quantization, type StoredMatrix } from "../../src/inference/Quantization.js"

const path = "model.layers.0.mlp.up_proj"
const plain: StoredMatrix = { path, columns: 256, kind: "linear", words: 256, scales: null }
const packed = (bits: number, groups: number, bytes = false): StoredMatrix => ({
  ...plain,
  words: (256 * bits) / 32,
  scales: { columns: groups, bytes }
})

const format = (config: Record<string, unknown>, matrix: StoredMatrix) =>
  Either.flatMap(quantization(config), (rule) => rule(matrix))

const affine = (bits: number, groupSize: number): MatrixFormat => ({ _tag: "Affine", bits, groupSize })
const dense: MatrixFormat = { _tag: "Dense" }
const top = { group_size: 64, bits: 4 }

describe("quantization", () => {
  it("goes by the shapes where the config has no entry for the path", () => {
    for (const bits of [2, 3, 4, 5, 6, 8]) {
      for (const groupSize of [32, 64, 128]) {
        const matrix = packed(bits, 256 / groupSize)
        assert.deepStrictEqual(format({ quantization: top }, matrix), Either.right(affine(bits, groupSize)))
      }
    }
    assert.deepStrictEqual(format({ quantization: top }, plain), Either.right(dense))
  })

  it("tells the float modes by bits and group", () => {
    const cases = [
      ["mxfp4", packed(4, 8, true)],
      ["mxfp8", packed(8, 8, true)],
      ["nvfp4", packed(4, 16, true)]
    ] as const
    for (const [mode, matrix] of cases) {
      assert.deepStrictEqual(format({ quantization: top }, matrix), Either.right({ _tag: "Float", mode }))
    }
    assert.isTrue(Either.isLeft(format({ quantization: top }, packed(8, 4, true))))
  })

  it.each([
    [false, dense],
    [{}, dense],
    [true, affine(4, 64)],
    [{ bits: 8 }, affine(8, 64)],
    [{ group_size: 32 }, affine(4, 32)],
    [{ bits: 3, group_size: 128, mode: "affine" }, affine(3, 128)],
    [{ mode: "mxfp4" }, { _tag: "Float", mode: "mxfp4" }],
    [
      { mode: "nvfp4", bits: 4, group_size: 16 },
      { _tag: "Float", mode: "nvfp4" }
    ]
  ] as const)("an entry %j wins over the shapes", (entry, expected) => {
    const config = { quantization: { ...top, [path]: entry } }
    assert.deepStrictEqual(format(config, packed(2, 2)), Either.right(expected))
  })

  const evil = { toString: null, valueOf: null }
  it.each([
    [{ mode: "int4" }],
    [{ bits: 7 }],
    [{ mode: "mxfp4", bits: 8 }],
    [{ mode: "mxfp8", group_size: 64 }],
    [{ mode: evil }],
    [{ bits: evil }],
    [{ group_size: evil }],
    [{ bits: "4" }],
    [{ mode: "x".repeat(100_000) }]
  ])("an entry %j is refused by name", (entry) => {
    const problem = Either.getOrThrow(Either.flip(format({ quantization: { ...top, [path]: entry } }, plain)))
    assert.strictEqual(problem._tag, "Unsupported")
    assert.include(JSON.stringify(problem), path)
    assert.isBelow(JSON.stringify(problem).length, 400)
  })

  it("everything is dense without a quantization", () => {
    assert.deepStrictEqual(format({}, packed(4, 4)), Either.right(dense))
    assert.deepStrictEqual(format({ quantization: null }, packed(4, 4)), Either.right(dense))
  })

  it("BitNet packs linear layers but those that are named", () => {
    const config = (linearClass: string) => ({
      quantization_config: { quant_method: "bitnet", linear_class: linearClass, modules_to_not_convert: ["lm_head"] }
    })
    assert.deepStrictEqual(format(config("autobitlinear"), plain), Either.right({ _tag: "Ternary", divides: false }))
    assert.deepStrictEqual(format(config("bitlinear"), plain), Either.right({ _tag: "Ternary", divides: true }))
    assert.deepStrictEqual(format(config(""), { ...plain, path: "lm_head" }), Either.right(dense))
    assert.deepStrictEqual(format(config(""), { ...plain, kind: "embedding" }), Either.right(dense))
  })

  it("a method that nobody knows says nothing, as in mlx-lm", () => {
    const rule = quantization({ quantization_config: { quant_method: "x" } })
    assert.isTrue(Either.isRight(rule))
  })

  it.each([undefined, null])("no method means MLX's own form: %s", (method) => {
    const config = { quantization_config: { quant_method: method, bits: 4, group_size: 64 } }
    assert.deepStrictEqual(format(config, packed(4, 4)), Either.right(affine(4, 64)))
    assert.deepStrictEqual(format(config, plain), Either.right(dense))
  })

  it.each(["awq", "gptq", "bitsandbytes"])("method %s is refused", (method) => {
    const reason = `quantization method ${method} is not supported`
    const config = { quantization_config: { quant_method: method } }
    assert.deepStrictEqual(format(config, plain), Either.left({ _tag: "Unsupported", reason }))
  })

  it("doesn't call methods of a format that is an object", () => {
    const config = { quantization_config: { quant_method: "compressed-tensors", format: evil } }
    assert.isTrue(Either.isLeft(quantization(config)))
  })

  it("takes packed tensors of other programs that are MLX's own", () => {
    const configs = [
      { quant_method: "mxfp4" },
      { quant_method: "fp8", scale_fmt: "ue8m0", weight_block_size: [32, 32] },
      { quant_method: "compressed-tensors", format: "pack-quantized" },
      { quant_method: "modelopt", quantization: { quant_algo: "NVFP4" } }
    ]
    for (const config of configs) {
      assert.deepStrictEqual(format({ quantization_config: config }, packed(4, 4)), Either.right(affine(4, 64)))
    }
  })

  it("refuses quantized activations, and a section that is none", () => {
    assert.isTrue(Either.isLeft(quantization({ quantization: top, quantize_activations: true })))
    assert.isTrue(Either.isLeft(quantization({ quantization: 4 })))
  })
})
