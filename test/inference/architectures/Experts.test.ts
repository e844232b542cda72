import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { buildDecoder } from "../../../src/inference/architectures/Architectures.js"
import { traceDecoder } from "../../../src/inference/Trace.js"

type Config = Readonly<Record<string, unknown>>

const golden = (name: string): Config =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../../golden/models/${name}/config.json`, import.meta.url)), "utf8"))

const traced = (config: Config, stored: ReadonlyArray<string> = []) =>
  Either.flatMap(buildDecoder(config, new Set(stored)), traceDecoder)

const refusal = (config: Config, stored: ReadonlyArray<string> = []): string => {
  const problem = Either.getOrThrow(Either.flip(traced(config, stored)))
  return problem._tag === "BadConfig" ? problem.problem : `unsupported: ${problem.reason}`
}

const weights = (config: Config, stored: ReadonlyArray<string> = []): ReadonlyArray<string> =>
  Either.getOrThrow(traced(config, stored)).weights.map((weight) =>
    weight._tag === "Matrix" ? weight.path : weight.name
  )

/** How many layers of a config have experts. */
const sparse = (config: Config) => weights(config).filter((path) => path.endsWith("switch_mlp.gate_proj")).length

describe("what a config asks for", () => {
  const deepseek = golden("deepseek-v3-q4-g32")

  it("experts by layer number and frequency", () => {
    assert.strictEqual(sparse(deepseek), 2)
    assert.strictEqual(sparse({ ...deepseek, moe_layer_freq: 2, num_hidden_layers: 5 }), 2)
    assert.strictEqual(sparse({ ...deepseek, n_routed_experts: null }), 0)
    const qwen = golden("qwen3-moe-q4-g64")
    assert.strictEqual(sparse({ ...qwen, mlp_only_layers: [] }), 3)
    assert.strictEqual(sparse({ ...qwen, mlp_only_layers: [], decoder_sparse_step: 2 }), 1)
    assert.strictEqual(sparse({ ...qwen, num_experts: 0 }), 0)
  })

  it("a shared expert, or none", () => {
    const has = (config: Config) => weights(config).some((path) => path.includes("shared_experts"))
    assert.isTrue(has(deepseek))
    assert.isFalse(has({ ...deepseek, n_shared_experts: null }))
    assert.isFalse(has({ ...deepseek, n_shared_experts: 0 }))
  })

  it("one matrix for keys and values where a checkpoint has it so", () => {
    const joint = "model.layers.0.self_attn.kv_b_proj"
    assert.include(weights(deepseek, [`${joint}.weight`]), joint)
    assert.notInclude(weights(deepseek), joint)
    assert.include(weights(deepseek), "model.layers.0.self_attn.embed_q")
  })
})

describe("refused before a tensor is read", () => {
  it.each([
    ["deepseek-v3-q4-g32", { topk_method: "greedy" }, "topk_method: must be noaux_tc"],
    ["deepseek-v3-q4-g32", { topk_group: 5 }, "topk_group: must be an integer between 1 and n_group 4"],
    ["deepseek-v3-q4-g32", { num_experts_per_tok: 9 }, "num_experts_per_tok: must be at most the number of experts 8"],
    ["deepseek-v3-q4-g32", { n_group: 3 }, /^sizes that do not fit together/],
    ["deepseek-v3-q4-g32", { qk_rope_head_dim: 15 }, "15 rotary dimensions are not an even number up to 65536"],
    ["deepseek-v3-q4-g32", { kv_lora_rank: 2 ** 40 }, "kv_lora_rank: must be an integer between 1 and 67108864"],
    ["deepseek-v3-q4-g32", { num_hidden_layers: 1e9 }, "num_hidden_layers: must be an integer between 1 and 1000"],
    ["deepseek-v2-q4-g32", { rope_scaling: null }, "rope_scaling: must be an object"],
    ["glm-moe-dsa-q4-g32-long", { index_topk: undefined }, "index_topk: is missing"],
    ["gpt-oss-mxfp4-long", { layer_types: ["full_attention"] }, "layer_types: 1 values for 4 layers"],
    [
      "exaone-moe-q4-g64-long",
      { layer_types: ["linear_attention"] },
      "unsupported: layer type linear_attention is not supported"
    ],
    ["mimo-v2-flash-q4-g32-long", { moe_layer_freq: [0] }, "moe_layer_freq: 1 values for 3 layers"],
    ["step3p5-q4-g64-long", { moe_layers_enum: "1,x" }, "moe_layers_enum: 1,x is not a list of layers"],
    ["longcat-ngram-q4-g32", { ngram_vocab_size_ratio: 2 ** 20 }, /^ngram_vocab_size_ratio: \d+ rows are too many$/],
    ["longcat-flash-q4-g32", { zero_expert_type: "drop" }, "zero_expert_type: must be identity"],
    ["llama4-q4-g64-long", { text_config: null }, "text_config: must be an object"],
    ["dbrx-q4-g64", { n_layers: 10_000 }, "n_layers: must be an integer between 1 and 128"]
  ])("%s with %j", (name, change, expected) => {
    const given = { ...golden(name), ...change }
    const config = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
    const problem = refusal(config)
    if (typeof expected === "string") assert.strictEqual(problem, expected)
    else assert.match(problem, expected)
  })

  it("a head that can't be normed", () => {
    const reason = refusal(golden("bailing-moe-v1-q4-g64"), ["lm_head.scales"])
    assert.strictEqual(reason, "unsupported: norm_head with a head that is quantized is not supported")
  })
})
