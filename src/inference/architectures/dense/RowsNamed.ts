/** Families with module names of their own. */
import { gptNames, noBias, normedHeads, ownSize, plainRope, required, scaledRope, untied } from "./Common.js"
import { type DenseRow, standard } from "./Row.js"
import { field } from "./Setting.js"

const layerNorm = { norm: "layer", normBias: true } as const
const allBiased = { qkvBias: true, outputBias: true, mlpBias: true } as const
const gptSizes = {
  hidden: field<number>("n_embd"),
  layers: field<number>("n_layer"),
  heads: field<number>("n_head"),
  kvHeads: 0,
  headSize: 0,
  eps: field<number>("layer_norm_epsilon")
} as const
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

export const namedRows = {
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
  },

  phi: {
    ...standard,
    ...layerNorm,
    ...allBiased,
    ...ownSize,
    ...untied,
    vocab: field("vocab_size", 51_200),
    hidden: field("hidden_size", 2560),
    layers: field("num_hidden_layers", 32),
    heads: field("num_attention_heads", 32),
    mlpSize: field("intermediate_size", 10_240),
    eps: field("layer_norm_eps", 1e-5),
    finalNorm: "model.final_layernorm",
    parallel: true,
    sharedNorm: true,
    output: "dense",
    rope: plainRope(field("rope_theta", 10_000), { part: field("partial_rotary_factor", 0.4) }),
    mlpNames: { up: "fc1", down: "fc2" },
    activation: "geluTanh",
    headBias: true
  },

  starcoder2: {
    ...standard,
    ...layerNorm,
    ...allBiased,
    ...ownSize,
    kvHeads: required,
    vocab: field("vocab_size", 49_152),
    eps: field("norm_epsilon", 1e-5),
    rope: plainRope(field("rope_theta", 100_000)),
    mlpNames: { up: "c_fc", down: "c_proj" },
    activation: "gelu"
  },

  stablelm: {
    ...standard,
    ...layerNorm,
    ...noBias,
    ...ownSize,
    ...untied,
    kvHeads: required,
    eps: field("layer_norm_eps"),
    parallel: field("use_parallel_residual", false),
    sharedNorm: true,
    qkvBias: field("use_qkv_bias"),
    headNorms: {
      names: { queries: "q_layernorm", keys: "k_layernorm" },
      kind: "layer",
      span: "modules",
      place: "before",
      when: field("qk_layernorm", false)
    },
    rope: plainRope(field("rope_theta"), { part: field("partial_rotary_factor") })
  },

  nemotron: {
    ...standard,
    ...layerNorm,
    kvHeads: required,
    eps: field("norm_eps"),
    normOffset: 1,
    tied: field("tie_word_embeddings", false),
    rope: scaledRope(field("rope_theta", 10_000), { part: field("partial_rotary_factor", 0.5), kinds: ["linear"] }),
    mlpNames: { up: "up_proj", down: "down_proj" },
    activation: "relu2"
  },

  exaone: {
    ...standard,
    ...gptNames,
    layers: field("num_layers"),
    kvHeads: required,
    eps: field("layer_norm_epsilon"),
    attention: "attn.attention",
    output: "out_proj",
    rope: scaledRope(field("rope_theta"), { interleaved: field("rope_traditional", false) }),
    mlpNames: { gate: "c_fc_0", up: "c_fc_1", down: "c_proj" }
  },

  internlm2: {
    ...standard,
    ...ownSize,
    tied: field("tie_word_embeddings", false),
    embedding: "model.tok_embeddings",
    head: "output",
    attention: "attention",
    mlp: "feed_forward",
    norms: { beforeAttention: "attention_norm", afterAttention: null, beforeMlp: "ffn_norm", afterMlp: null },
    qkv: { fused: "wqkv", rows: "grouped" },
    qkvBias: field("bias", true),
    output: "wo",
    outputBias: field("bias", true),
    mlpBias: false,
    mlpNames: { gate: "w1", up: "w3", down: "w2" },
    rope: scaledRope(field("rope_theta", 10_000), {
      interleaved: field("rope_traditional", false),
      kinds: ["linear", "dynamic"],
      maxPositions: 32_768
    })
  },

  "lille-130m": {
    ...standard,
    ...noBias,
    ...gptSizes,
    kvHeads: field("n_kv_heads"),
    eps: field("layer_norm_eps"),
    tied: true,
    // Two thirds of four times the width, to the nearest multiple of 256.
    mlpSize: ({ hidden }) => 256 * Math.round(Math.floor((8 * hidden) / 3) / 256),
    embedding: "transformer.tok_embeddings",
    layerList: "transformer.layers",
    finalNorm: "transformer.norm",
    attention: "attention",
    mlp: "feed_forward",
    norms: {
      beforeAttention: "attention.norm",
      afterAttention: null,
      beforeMlp: "feed_forward.norm",
      afterMlp: null
    },
    qkv: { fused: "qkv_proj", rows: "blocks" },
    output: "out_proj",
    rope: plainRope(field("rope_theta"), { interleaved: true })
  },

  qwen: {
    ...standard,
    ...gptNames,
    ...untied,
    vocab: field("vocab_size", 151_936),
    hidden: field("hidden_size", 2048),
    layers: field("num_hidden_layers", 24),
    heads: field("num_attention_heads", 16),
    kvHeads: 0,
    headSize: field("kv_channels", 128),
    mlpSize: field("intermediate_size", 11_008, (both) => Math.floor(both / 2)),
    eps: field("layer_norm_epsilon", 1e-6),
    qkv: { fused: "c_attn", rows: "blocks" },
    qkvBias: true,
    output: "c_proj",
    outputBias: field<boolean>("no_bias", true, (none) => !none),
    rope: plainRope(10_000),
    mlpNames: { gate: "w2", up: "w1", down: "c_proj" },
    mlpBias: field<boolean>("no_bias", true, (none) => !none),
    headBias: field<boolean>("no_bias", true, (none) => !none)
  },

  plamo: {
    ...standard,
    ...noBias,
    ...ownSize,
    ...untied,
    kvHeads: field<number>("n_shared_head", 8, (queries, { heads }) => Math.ceil(heads / queries)),
    layerList: "model.layers.layers",
    norms: { beforeAttention: "norm", afterAttention: null, beforeMlp: null, afterMlp: null },
    parallel: true,
    sharedNorm: true,
    tiled: true,
    rope: plainRope(field("rope_theta", 10_000), { interleaved: field("rope_traditional", false) })
  },

  nanochat: {
    ...standard,
    ...gptNames,
    ...noBias,
    ...ownSize,
    ...untied,
    vocab: field("vocab_size", 65_536),
    hidden: field("hidden_size", 1280),
    layers: field("num_hidden_layers", 20),
    heads: field("num_attention_heads", 10),
    kvHeads: field("num_key_value_heads", 10),
    mlpSize: field("intermediate_size", 5120),
    eps: 1e-5,
    embeddingNorm: true,
    normWeights: false,
    qkv: { queries: "c_q", keys: "c_k", values: "c_v" },
    output: "c_proj",
    headNorms: { ...normedHeads, names: null, place: "after" },
    rope: plainRope(field("rope_theta", 10_000), { backwards: true }),
    mlpNames: { up: "c_fc", down: "c_proj" },
    activation: "relu2",
    logitSoftcap: 15
  }
} as const satisfies Readonly<Record<string, DenseRow>>
