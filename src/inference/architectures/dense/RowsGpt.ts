/** GPT-2 and what followed it. */
import { allBiased, gptNames, gptSizes, layerNorm, noneForNull, ownSize, plainRope, untied } from "./Common.js"
import { type DenseRow, standard } from "./Row.js"
import { field } from "./Setting.js"

const fourTimes: DenseRow["mlpSize"] = ({ hidden }) => 4 * hidden

/** Tables that PyTorch keeps beside GPT-2's weights. */
const isMask = (name: string) => /\.attn(ention)?\.(masked_)?bias$/.test(name)

const gpt2: DenseRow = {
  ...standard,
  ...layerNorm,
  ...allBiased,
  ...gptSizes,
  ...gptNames,
  tied: true,
  mlpSize: fourTimes,
  embedding: "model.wte",
  layerList: "model.h",
  finalNorm: "model.ln_f",
  positions: { path: "model.wpe", rows: field("n_positions") },
  qkv: { fused: "c_attn", rows: "blocks" },
  output: "c_proj",
  rope: null,
  mlpNames: { up: "c_fc", down: "c_proj" },
  activation: "geluTanh",
  rename: (name) => (isMask(name) ? null : name.startsWith("model.") ? name : `model.${name}`)
}

export const gptRows = {
  gpt2,

  gpt_bigcode: {
    ...gpt2,
    ...gptNames,
    kvHeads: field("num_key_value_heads", 0),
    mlpSize: field("n_inner"),
    tied: field("tie_word_embeddings", true),
    positions: { path: "transformer.wpe", rows: field("n_positions") },
    qkvBias: field("attention_bias", true),
    outputBias: field("attention_bias", true),
    mlpBias: field("mlp_bias", true),
    activation: "gelu",
    prepare: (config) => ({ ...config, num_key_value_heads: config["multi_query"] === false ? null : 1 }),
    rename: (name) => (isMask(name) ? null : name)
  },

  gptj: {
    ...gpt2,
    ...untied,
    hidden: field("n_embd", 4096),
    layers: field("n_layer", 28),
    heads: field("n_head", 16),
    vocab: field("vocab_size", 50_400),
    eps: field("layer_norm_epsilon", 1e-5),
    positions: null,
    parallel: true,
    sharedNorm: true,
    qkv: standard.qkv,
    qkvBias: false,
    output: "out_proj",
    outputBias: false,
    rope: plainRope(10_000, { dims: field("rotary_dim", 64), interleaved: true }),
    mlpNames: { up: "fc_in", down: "fc_out" },
    headBias: true,
    prepare: noneForNull("rotary_dim"),
    rename: (name) => (isMask(name) ? null : name.replace(/^transformer\./, "model."))
  },

  gpt_neox: {
    ...standard,
    ...layerNorm,
    ...allBiased,
    ...ownSize,
    ...untied,
    kvHeads: 0,
    eps: field("layer_norm_eps"),
    mlpSize: fourTimes,
    embedding: "model.embed_in",
    layerList: "model.h",
    finalNorm: "model.final_layer_norm",
    head: "model.embed_out",
    attention: "attention",
    parallel: field("use_parallel_residual", true),
    qkv: { fused: "query_key_value", rows: "grouped" },
    output: "dense",
    rope: plainRope(field("rotary_emb_base"), { part: field("rotary_pct") }),
    mlpNames: { up: "dense_h_to_4h", down: "dense_4h_to_h" },
    activation: "geluTanh",
    rename: (name) => {
      if (isMask(name)) return null
      const own = name.startsWith("model.") ? name : `model.${name}`
      return own.replace(".gpt_neox.layers.", ".h.").replace(".gpt_neox.", ".")
    }
  }
} as const satisfies Readonly<Record<string, DenseRow>>
