import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { buildDecoder } from "../../src/inference/architectures/Architectures.js"
import { llamaRows } from "../../src/inference/architectures/Llama.js"
import { type LlamaConfig, type LlamaRow, llamaConfig } from "../../src/inference/architectures/LlamaConfig.js"
import { architectureProblem } from "../../src/inference/registry.js"

const minimal = {
  hidden_size: 64,
  num_hidden_layers: 2,
  intermediate_size: 128,
  num_attention_heads: 4,
  rms_norm_eps: 1e-5,
  vocab_size: 320
}
const qwen = { ...minimal, num_key_value_heads: 2 }
const qwen3 = { ...qwen, head_dim: 32, tie_word_embeddings: false, rope_theta: 1e6 }

/** A config that lacks a field. */
const without = (config: Record<string, unknown>, field: string) =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name !== field))

const decoded = (row: LlamaRow, config: Record<string, unknown>): LlamaConfig =>
  Either.getOrThrow(llamaConfig(row, config))

const refused = (row: LlamaRow, config: Record<string, unknown>) => {
  const problem = Either.getOrThrow(Either.flip(llamaConfig(row, config)))
  return problem._tag === "BadConfig" ? problem.problem : `unsupported: ${problem.reason}`
}

const base = (base: number, positionScale = 1) => ({ _tag: "Base", base, positionScale }) as const

describe("defaults", () => {
  it("llama: tied, as many key heads as heads, no biases, base 10,000", () => {
    assert.deepStrictEqual(decoded(llamaRows.llama, minimal), {
      vocabSize: 320,
      hiddenSize: 64,
      mlpSize: 128,
      heads: 4,
      keyValueHeads: 4,
      headSize: 16,
      eps: 1e-5,
      tied: true,
      rope: { dims: 16, interleaved: false, rates: base(10_000) },
      inputBias: false,
      outputBias: false,
      mlpBias: false,
      windows: [null, null]
    })
  })

  it("qwen2: biases on q, k and v only, base 1,000,000, head_dim and layer_types unread", () => {
    const config = decoded(llamaRows.qwen2, {
      ...qwen,
      head_dim: 32,
      attention_bias: false,
      layer_types: ["sliding_attention", "full_attention"],
      sliding_window: 8
    })
    assert.deepInclude(config, { tied: true, headSize: 16, inputBias: true, outputBias: false, windows: [null, null] })
    assert.deepStrictEqual(config.rope.rates, base(1e6))
  })

  it("qwen3: what other members may leave out is required", () => {
    assert.deepInclude(decoded(llamaRows.qwen3, qwen3), { headSize: 32, tied: false, inputBias: false })
    for (const field of ["head_dim", "tie_word_embeddings", "rope_theta", "num_key_value_heads"] as const) {
      assert.strictEqual(refused(llamaRows.qwen3, without(qwen3, field)), `${field}: is missing`)
    }
  })
})

describe("fields", () => {
  it("null means none: no head, no bias, derived head size", () => {
    const config = { ...minimal, tie_word_embeddings: null, head_dim: null, attention_bias: null, rope_scaling: null }
    assert.deepInclude(decoded(llamaRows.llama, config), { tied: false, headSize: 16, inputBias: false })
  })

  it("biases, interleaved rope and a head size of its own", () => {
    const config = { ...minimal, attention_bias: true, mlp_bias: true, rope_traditional: true, head_dim: 24 }
    const found = decoded(llamaRows.llama, config)
    assert.deepInclude(found, { inputBias: true, outputBias: true, mlpBias: true, headSize: 24 })
    assert.isTrue(found.rope.interleaved)
  })

  it("layer_types decides windows and the number of layers", () => {
    const types = ["sliding_attention", "full_attention", "sliding_attention"]
    assert.deepStrictEqual(decoded(llamaRows.llama, { ...minimal, layer_types: types, sliding_window: 12 }).windows, [
      12,
      null,
      12
    ])
    assert.deepStrictEqual(decoded(llamaRows.llama, { ...minimal, sliding_window: 12 }).windows, [null, null])
  })

  it("rope_parameters in place of rope_theta and rope_scaling", () => {
    const nested = { rope_type: "linear", factor: 4, rope_theta: 5000 }
    assert.deepStrictEqual(
      decoded(llamaRows.qwen3, { ...without(qwen3, "rope_theta"), rope_parameters: nested }).rope.rates,
      base(5000, 0.25)
    )
    const both = { ...qwen3, rope_scaling: { type: "default" }, rope_parameters: nested }
    assert.deepStrictEqual(decoded(llamaRows.qwen3, both).rope.rates, base(1e6))
  })

  it("names what is missing", () => {
    assert.strictEqual(refused(llamaRows.llama, without(minimal, "hidden_size")), "hidden_size: is missing")
  })

  it.each([
    [{ hidden_size: "64" }, "hidden_size: must be an integer between 1 and 67108864"],
    [{ num_hidden_layers: 0 }, "num_hidden_layers: must be an integer between 1 and 10000"],
    [{ num_hidden_layers: 1e9 }, "num_hidden_layers: must be an integer between 1 and 10000"],
    [{ num_attention_heads: { toString: null } }, "num_attention_heads: must be an integer between 1 and 67108864"],
    [{ attention_bias: "yes" }, "attention_bias: must be true or false"],
    [{ head_dim: 2 ** 31, rope_scaling: { type: "llama3" } }, "head_dim: must be an integer between 0 and 65536"],
    [{ hidden_size: 2 ** 20, head_dim: null }, "head size 262144 is larger than 65536"],
    [{ num_key_value_heads: 3 }, "num_attention_heads 4 is not a multiple of num_key_value_heads 3"],
    [{ head_dim: 15 }, "head size 15 is not even"],
    [{ rms_norm_eps: Number.NaN }, "rms_norm_eps: must be a number between 0 and 1"],
    [{ rope_theta: -1 }, "rope_theta: must be a number above 0"],
    [{ layer_types: [] }, "layer_types: must be a list of 1 to 10000 strings"],
    [{ layer_types: ["full_attention", 7] }, "layer_types: must be a list of 1 to 10000 strings"],
    [{ layer_types: ["linear_attention"] }, "unsupported: layer type linear_attention is not supported"],
    [{ layer_types: ["sliding_attention"] }, /^sliding_window: must be a positive integer/],
    [{ rope_scaling: { type: "spiral", factor: 2 } }, "unsupported: rope type spiral is not supported"],
    [{ rope_scaling: { rope_type: "linear" } }, "rope_scaling.factor: is missing"],
    [{ rope_scaling: { type: "dynamic", factor: 2 } }, "max_position_embeddings: is missing"],
    [{ rope_scaling: { type: { toString: null } } }, 'unsupported: rope type {"toString":null} is not supported'],
    [
      {
        rope_scaling: { type: "longrope", original_max_position_embeddings: 64, long_factor: "x" },
        max_position_embeddings: 64
      },
      "rope_scaling.long_factor: must be a number above 0 or a list of 1 to 32768 numbers above 0"
    ],
    [{ rope_scaling: "linear" }, "rope_scaling: must be an object"]
  ])("refuses %j", (change, expected) => {
    const config = { ...minimal, ...change }
    const problem = refused(llamaRows.llama, config)
    if (typeof expected === "string") assert.strictEqual(problem, expected)
    else assert.match(problem, expected)
  })
})

describe("a list that is longer than any real one", () => {
  const long = <A>(item: A) => Array.from({ length: 100_000 }, () => item)

  it("of layers is refused by its length", () => {
    const config = { ...minimal, layer_types: long("full_attention") }
    assert.strictEqual(refused(llamaRows.llama, config), "layer_types: must be a list of 1 to 10000 strings")
  })

  it("of rope factors is refused by its length", () => {
    const scaling = { type: "longrope", original_max_position_embeddings: 64, long_factor: long(1) }
    const config = { ...minimal, max_position_embeddings: 64, rope_scaling: scaling }
    assert.match(refused(llamaRows.llama, config), /^rope_scaling.long_factor: must be a number above 0 or a list/)
  })
})

describe("registry", () => {
  it.each(["llama", "mistral", "qwen2", "qwen3"])("%s is listed and has a decoder", (type) => {
    const config = { ...qwen3, model_type: type }
    assert.isNull(architectureProblem(config))
    assert.strictEqual(Either.getOrThrow(buildDecoder(config)).vocabSize, 320)
  })

  it.each([
    [{}, "config.json missing model_type"],
    [{ model_type: "toString" }, "Model type toString not supported."]
  ])("%j is not", (config, reason) => {
    assert.strictEqual(architectureProblem(config), reason)
    assert.deepStrictEqual(buildDecoder(config), Either.left({ _tag: "Unsupported", reason }))
  })
})
