import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { buildDecoder } from "../../src/inference/architectures/Architectures.js"
import type { Decoder } from "../../src/inference/Decoder.js"
import { architectureProblem } from "../../src/inference/registry.js"
import { type DecoderNeeds, traceDecoder } from "../../src/inference/Trace.js"

type Config = Readonly<Record<string, unknown>>

const llama: Config = {
  model_type: "llama",
  hidden_size: 64,
  num_hidden_layers: 2,
  intermediate_size: 128,
  num_attention_heads: 4,
  rms_norm_eps: 1e-5,
  vocab_size: 320
}
const qwen2: Config = { ...llama, model_type: "qwen2", num_key_value_heads: 2 }
const qwen3: Config = {
  ...qwen2,
  model_type: "qwen3",
  head_dim: 32,
  tie_word_embeddings: false,
  rope_theta: 1e6,
  max_position_embeddings: 4096
}

/** A config that lacks a field. */
const without = (config: Config, field: string) =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name !== field))

const built = (config: Config, stored: ReadonlyArray<string> = []): Decoder =>
  Either.getOrThrow(buildDecoder(config, new Set(stored)))

const needs = (config: Config, stored: ReadonlyArray<string> = []): DecoderNeeds =>
  Either.getOrThrow(traceDecoder(built(config, stored)))

const refused = (config: Config) => {
  const problem = Either.getOrThrow(Either.flip(buildDecoder(config, new Set())))
  return problem._tag === "BadConfig" ? problem.problem : `unsupported: ${problem.reason}`
}

/** The matrix at a path as rows, columns and whether it has a bias; null when nothing asks for it. */
const matrix = (config: Config, path: string) => {
  const found = needs(config).weights.find((weight) => weight._tag === "Matrix" && weight.path === path)
  return found?._tag === "Matrix" ? [found.rows, found.columns, found.bias] : null
}

const visibilities = (config: Config) =>
  [...needs(config).caches]
    .filter(([name]) => name.endsWith("keys"))
    .map(([, { visibility }]) => (visibility._tag === "Window" ? visibility.size : visibility._tag))

describe("defaults", () => {
  it("llama: tied, as many key heads as heads, no biases", () => {
    assert.deepStrictEqual(matrix(llama, "model.layers.1.self_attn.k_proj"), [64, 64, false])
    assert.deepStrictEqual(matrix(llama, "model.layers.0.mlp.down_proj"), [64, 128, false])
    assert.isNull(matrix(llama, "lm_head"))
    assert.isNull(matrix(llama, "model.layers.2.mlp.down_proj"))
  })

  it("qwen2: biases on q, k and v only; head_dim and layer_types unread", () => {
    const config = { ...qwen2, head_dim: 32, layer_types: ["sliding_attention", "full_attention"], sliding_window: 8 }
    assert.deepStrictEqual(matrix(config, "model.layers.0.self_attn.v_proj"), [32, 64, true])
    assert.deepStrictEqual(matrix(config, "model.layers.0.self_attn.o_proj"), [64, 64, false])
    assert.deepStrictEqual(visibilities(config), ["All", "All"])
  })

  it.each(["head_dim", "tie_word_embeddings", "rope_theta", "num_key_value_heads"])("qwen3 requires %s", (field) => {
    assert.strictEqual(refused(without(qwen3, field)), `${field}: is missing`)
  })
})

describe("fields", () => {
  it("null means none: no head, no bias, derived head size", () => {
    const config = { ...llama, tie_word_embeddings: null, head_dim: null, attention_bias: null, rope_scaling: null }
    assert.deepStrictEqual(matrix(config, "lm_head"), [320, 64, false])
    assert.deepStrictEqual(matrix(config, "model.layers.0.self_attn.q_proj"), [64, 64, false])
  })

  it("biases and a head size of its own", () => {
    const config = { ...llama, attention_bias: true, mlp_bias: true, head_dim: 24 }
    assert.deepStrictEqual(matrix(config, "model.layers.0.self_attn.o_proj"), [64, 96, true])
    assert.deepStrictEqual(matrix(config, "model.layers.0.mlp.up_proj"), [128, 64, true])
  })

  it("layer_types decides windows and the number of layers", () => {
    const types = ["sliding_attention", "full_attention", "sliding_attention"]
    assert.deepStrictEqual(visibilities({ ...llama, layer_types: types, sliding_window: 12 }), [12, "All", 12])
    assert.deepStrictEqual(visibilities({ ...llama, sliding_window: 12 }), ["All", "All"])
  })

  it("patterns: every nth, and letters", () => {
    const gemma = { ...llama, model_type: "gemma3_text", num_hidden_layers: 4, num_key_value_heads: 2, head_dim: 16 }
    assert.deepStrictEqual(visibilities({ ...gemma, sliding_window_pattern: 2, sliding_window: 6 }), [
      6,
      "All",
      6,
      "All"
    ])
    const exaone = { ...qwen3, model_type: "exaone4", rope_scaling: null, sliding_window: 5, num_hidden_layers: 3 }
    assert.deepStrictEqual(visibilities({ ...exaone, sliding_window_pattern: "LG" }), [5, "All", 5])
    assert.deepStrictEqual(visibilities({ ...exaone, sliding_window_pattern: null }), ["All", "All", "All"])
  })

  it("names what is missing", () => {
    assert.strictEqual(refused(without(llama, "hidden_size")), "hidden_size: is missing")
  })

  it.each([
    [{ hidden_size: "64" }, "hidden_size: must be an integer between 1 and 67108864"],
    [{ num_hidden_layers: 0 }, "num_hidden_layers: must be an integer between 1 and 1000"],
    [{ num_hidden_layers: 1e9 }, "num_hidden_layers: must be an integer between 1 and 1000"],
    [{ num_attention_heads: { toString: null } }, "num_attention_heads: must be an integer between 1 and 67108864"],
    [{ attention_bias: "yes" }, "attention_bias: must be true or false"],
    [{ head_dim: 2 ** 31, rope_scaling: { type: "llama3" } }, "head_dim: must be an integer between 0 and 65536"],
    [{ hidden_size: 2 ** 20, head_dim: null }, "head size 262144 is larger than 65536"],
    [{ num_key_value_heads: 3 }, "num_attention_heads 4 is not a multiple of num_key_value_heads 3"],
    [{ head_dim: 15 }, "head size 15 is not even"],
    [{ rms_norm_eps: Number.NaN }, "rms_norm_eps: must be a number between 0 and 1"],
    [{ rope_theta: -1 }, "rope_theta: must be a number above 0"],
    [{ layer_types: [] }, "layer_types: must be a list of 1 to 1000 strings"],
    [{ layer_types: ["full_attention", 7] }, "layer_types: must be a list of 1 to 1000 strings"],
    [{ layer_types: ["linear_attention"] }, "unsupported: layer type linear_attention is not supported"],
    [{ layer_types: ["sliding_attention"] }, "sliding_window: is missing"],
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
    assert.strictEqual(refused({ ...llama, ...change }), expected)
  })

  it("refuses values of a field that only one value has code for", () => {
    const config = { ...qwen3, model_type: "spark2_5", rope_parameters: {}, sliding_window: 8, hidden_act: "silu" }
    assert.strictEqual(refused(config), "unsupported: hidden_act silu is not supported")
  })
})

describe("a list that is longer than any real one", () => {
  const long = <A>(item: A) => Array.from({ length: 100_000 }, () => item)

  it("of layers is refused by its length", () => {
    const config = { ...llama, layer_types: long("full_attention") }
    assert.strictEqual(refused(config), "layer_types: must be a list of 1 to 1000 strings")
  })

  it("of rope factors is refused by its length", () => {
    const scaling = { type: "longrope", original_max_position_embeddings: 64, long_factor: long(1) }
    const config = { ...llama, max_position_embeddings: 64, rope_scaling: scaling }
    assert.match(refused(config), /^rope_scaling.long_factor: must be a number above 0 or a list/)
  })
})

describe("names of stored tensors", () => {
  it.each<[string, Config, string, string | null]>([
    ["a tied model's head", llama, "lm_head.weight", null],
    ["an own head", { ...llama, tie_word_embeddings: false }, "lm_head.weight", "lm_head.weight"],
    ["rope tables", llama, "model.layers.0.self_attn.rotary_emb.inv_freq", null],
    [
      "a wrapper's text part",
      wrapper("mistral3"),
      "model.language_model.norm.weight",
      "language_model.model.norm.weight"
    ],
    ["the same", wrapper("qwen3_vl", qwen3), "language_model.model.norm.weight", "language_model.model.norm.weight"],
    ["a wrapper's picture part", wrapper("mistral3"), "vision_tower.patch_conv.weight", null],
    ["the same", wrapper("qwen2_vl", qwen2), "visual.blocks.0.norm.weight", null],
    ["a flat wrapper", { ...qwen2, model_type: "qwen2_vl" }, "model.norm.weight", "language_model.model.norm.weight"]
  ])("%s", (_what, config, stored, expected) => {
    assert.strictEqual(built(config).storedAs(stored), expected)
  })

  it("decide whether Gemma 3 is tied", () => {
    const config = { model_type: "gemma3_text", ...without(llama, "model_type") }
    const gemma = { ...config, num_key_value_heads: 2, head_dim: 16 }
    const heads = (stored: ReadonlyArray<string>) =>
      needs(gemma, stored).weights.filter((weight) => weight._tag === "Matrix" && weight.path === "lm_head").length
    assert.deepStrictEqual([heads([]), heads(["lm_head.weight"])], [0, 1])
  })
})

function wrapper(type: string, text: Config = llama): Config {
  return { model_type: type, text_config: text }
}

describe("registry", () => {
  it.each([llama, { ...llama, model_type: "mistral" }, qwen2, qwen3, wrapper("mistral3"), wrapper("llava")])(
    "%j is listed and has a decoder",
    (config) => {
      assert.isNull(architectureProblem(config))
      assert.strictEqual(built(config).vocabSize, 320)
    }
  )

  it.each([
    [{}, "config.json missing model_type"],
    [{ model_type: "toString" }, "Model type toString not supported."]
  ])("%j is not", (config, reason) => {
    assert.strictEqual(architectureProblem(config), reason)
    assert.deepStrictEqual(buildDecoder(config, new Set()), Either.left({ _tag: "Unsupported", reason }))
  })

  it.each<[string, Config]>([
    ["its own", { ...llama, rope_scaling: { type: "spiral" } }],
    ["its text part's", wrapper("mistral3", { ...llama, rope_scaling: { type: "spiral" } })],
    ["a layer type's", { ...llama, rope_parameters: { full_attention: { rope_type: "spiral" } } }]
  ])("an unknown rope type is a problem: %s", (_where, config) => {
    assert.strictEqual(architectureProblem(config), "rope type spiral is not supported")
  })

  it("a family that reads rope its own way is not refused for its kind", () => {
    assert.isNull(architectureProblem({ ...llama, model_type: "phi3", rope_scaling: { type: "su" } }))
  })
})
