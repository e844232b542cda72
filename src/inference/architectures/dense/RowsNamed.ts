/** Families with module names of their own. */
import {
  allBiased,
  gptNames,
  gptSizes,
  layerNorm,
  noBias,
  noneForNull,
  normedHeads,
  ownSize,
  plainRope,
  required,
  scaledRope,
  untied
} from "./Common.js"
import { type DenseRow, standard } from "./Row.js"
import { field } from "./Setting.js"

export const namedRows = {
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
    kvHeads: field("num_key_value_heads", 32),
    mlpSize: field("intermediate_size", 10_240),
    eps: field("layer_norm_eps", 1e-5),
    finalNorm: "model.final_layernorm",
    parallel: true,
    sharedNorm: true,
    output: "dense",
    rope: plainRope(field("rope_theta", 10_000), { part: field("partial_rotary_factor", 0.4) }),
    mlpNames: { up: "fc1", down: "fc2" },
    activation: "geluTanh",
    headBias: true,
    prepare: noneForNull("num_key_value_heads")
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
