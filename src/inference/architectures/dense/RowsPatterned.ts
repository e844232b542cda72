/** Families with windows, softcaps or fused matrices that most others don't have. */
import { isObject } from "../../../domain/JsonFile.js"
import type { Section } from "../../Config.js"
import { noBias, normedHeads, ownSize, plainRope, required, sandwich, scaledRope } from "./Common.js"
import { baseByLayer, everyNth, layerTypes, STILL } from "./Plan.js"
import { type DenseRow, standard } from "./Row.js"
import { field } from "./Setting.js"

const rootOfWidth: DenseRow["embeddingScale"] = ({ hidden }) => Math.sqrt(hidden)

/** To the eight leading bits that a bfloat16 has. */
const bfloat16 = (value: number): number => {
  const step = 2 ** (Math.floor(Math.log2(value)) - 7)
  return Math.round(value / step) * step
}

const inverseRoot = (value: number) => value ** -0.5

const gemma: DenseRow = {
  ...standard,
  ...noBias,
  kvHeads: required,
  headSize: field("head_dim"),
  tied: true,
  embeddingScale: rootOfWidth,
  normOffset: 1,
  activation: "gelu",
  rope: plainRope(field("rope_theta", 10_000), { interleaved: field("rope_traditional", false) })
}

const gemma2: DenseRow = {
  ...gemma,
  norms: sandwich,
  scale: field("query_pre_attn_scalar", 144, inverseRoot),
  attentionSoftcap: field("attn_logit_softcapping", 50),
  activation: "geluTanh",
  logitSoftcap: field("final_logit_softcapping", 30)
}

const cohere: DenseRow = {
  ...standard,
  ...ownSize,
  vocab: field("vocab_size", 256_000),
  hidden: field("hidden_size", 8192),
  layers: field("num_hidden_layers", 40),
  heads: field("num_attention_heads", 64),
  kvHeads: field("num_key_value_heads", 64),
  mlpSize: field("intermediate_size", 22_528),
  eps: field("layer_norm_eps", 1e-5),
  tied: true,
  norm: "layer",
  normBias: field("layer_norm_bias", false),
  parallel: true,
  sharedNorm: true,
  mlpBias: false,
  headNorms: { ...normedHeads, kind: "layer", span: "each", when: field("use_qk_norm", false) },
  rope: plainRope(field("rope_theta", 8e6), { interleaved: true }),
  logitScale: field("logit_scale", 0.0625)
}

/** Phi-3 keeps the original length beside `rope_scaling`, and ignores the kinds it doesn't know. */
const phi3Rope = (config: Section): Section => {
  const scaling = config["rope_scaling"]
  if (!isObject(scaling)) return config
  const { type } = scaling
  const original = config["original_max_position_embeddings"] ?? 4096
  const known =
    type === "longrope" || type === "su"
      ? { ...scaling, type: "longrope", original_max_position_embeddings: original }
      : type === "linear"
        ? scaling
        : null
  return { ...config, rope_scaling: known }
}

/** Originals keep the language model's fields in a section of their own. */
const flattened = (config: Section): Section => {
  const text = config["text_config"]
  return isObject(text) ? { ...config, ...text } : config
}

export const patternedRows = {
  gemma,
  gemma2,
  cohere,

  gemma3_text: {
    ...gemma2,
    vocab: field("vocab_size", 262_144),
    hidden: field("hidden_size", 1152),
    layers: field("num_hidden_layers", 26),
    heads: field("num_attention_heads", 4),
    kvHeads: field("num_key_value_heads", 1),
    headSize: field("head_dim", 256),
    mlpSize: field("intermediate_size", 6912),
    eps: field("rms_norm_eps", 1e-6),
    tied: "when the head is missing",
    embeddingScale: ({ hidden }) => bfloat16(Math.sqrt(hidden)),
    headNorms: { ...normedHeads, offset: 1 },
    scale: field("query_pre_attn_scalar", 256, inverseRoot),
    attentionSoftcap: null,
    rope: scaledRope(field("rope_theta", 1e6), { maxPositions: 32_768 }),
    windowRope: plainRope(field("rope_local_base_freq", 10_000)),
    plan: everyNth("sliding_window_pattern", 6),
    window: field("sliding_window", 512),
    logitSoftcap: null
  },

  cohere2: {
    ...cohere,
    hidden: field("hidden_size", 4096),
    headSize: field("head_dim", 128),
    layers: field("num_hidden_layers", 32),
    heads: field("num_attention_heads", 32),
    kvHeads: field("num_key_value_heads", 8),
    mlpSize: field("intermediate_size", 14_336),
    headNorms: null,
    rope: plainRope(field("rope_theta", 50_000), { interleaved: true }),
    plan: everyNth("sliding_window_pattern", 4, STILL),
    window: field("sliding_window", 4096)
  },

  phi3: {
    ...standard,
    ...noBias,
    ...ownSize,
    tied: field("tie_word_embeddings", false),
    qkv: { fused: "qkv_proj", rows: "blocks" },
    mlpNames: { gateUp: "gate_up_proj", down: "down_proj" },
    rope: scaledRope(field("rope_theta", 10_000), {
      interleaved: field("rope_traditional", false),
      part: field("partial_rotary_factor", 1),
      maxPositions: 131_072
    }),
    prepare: phi3Rope
  },

  plamo3: {
    ...standard,
    ...noBias,
    vocab: field("vocab_size", 32_000),
    hidden: field("hidden_size", 4096),
    layers: field("num_hidden_layers", 32),
    heads: field("num_attention_heads", 32),
    kvHeads: field("num_key_value_heads", 4),
    headSize: field("head_dim", 128),
    mlpSize: field("intermediate_size", 13_312),
    eps: field("rms_norm_eps", 1e-6),
    layerList: "model.layers.layers",
    attention: "mixer",
    normOffset: 1,
    norms: {
      beforeAttention: "pre_mixer_norm",
      afterAttention: { name: "post_mixer_norm", offset: 1 / 5 },
      beforeMlp: "pre_mlp_norm",
      afterMlp: { name: "post_mlp_norm", offset: 5 ** -1.5 }
    },
    qkv: { fused: "qkv_proj", rows: "blocks" },
    headNorms: { ...normedHeads, offset: 1 },
    rope: plainRope(field("rope_theta", 1e6)),
    windowRope: plainRope(field("rope_local_theta", 10_000)),
    plan: everyNth("sliding_window_pattern", 8),
    // A query sees so many keys before itself.
    window: field(["sliding_window", "window_size"], 2048, (before) => before + 1),
    mlpNames: { gateUp: "gate_up_proj", down: "down_proj" }
  },

  spark2_5: {
    ...standard,
    kvHeads: required,
    headSize: field("head_dim"),
    eps: field("rms_norm_eps", 1e-6),
    embedding: "model.embedding",
    qkv: { fused: "q_k_v_proj", rows: "blocks" },
    output: "out_proj",
    gate: { name: "g_proj", per: "head" },
    rope: plainRope(field("rope_parameters.full_attention.rope_theta", 10_000), {
      part: field("rope_parameters.full_attention.partial_rotary_factor", 1)
    }),
    windowRope: plainRope(field("rope_parameters.sliding_attention.rope_theta", 10_000), {
      part: field("rope_parameters.sliding_attention.partial_rotary_factor", 1)
    }),
    plan: layerTypes(3),
    activation: "gelu",
    only: { hidden_act: "gelu", gate_attn_act_mode: "sigmoid", headwise_attn_output_gate: true },
    rename: (name) => name.replace(/^model\.embed_tokens\./, "model.embedding.")
  },

  muse_glimmer: {
    ...standard,
    ...noBias,
    vocab: field("vocab_size", 202_048),
    hidden: field("hidden_size", 6656),
    layers: field("num_hidden_layers", 52),
    heads: field("num_attention_heads", 32),
    kvHeads: field("num_key_value_heads", 2),
    headSize: field("head_dim", 128),
    mlpSize: field("intermediate_size", 19_968),
    eps: field("rms_norm_eps", 1e-5),
    tied: field("tie_word_embeddings", false),
    embeddingNorm: true,
    normOffset: 1,
    finalNormOffset: 0,
    norms: {
      ...sandwich,
      afterAttention: { name: "post_attention_layernorm", eps: field("post_norm_eps", 1e-8) },
      afterMlp: { name: "post_feedforward_layernorm", eps: field("post_norm_eps", 1e-8) }
    },
    headNorms: { ...normedHeads, names: null },
    scaleFactor: field("qk_scale_factor", 3.87),
    gate: { name: "gate_proj", per: "number" },
    rope: plainRope(field(["rope_parameters.rope_theta", "rope_theta"], 500_000)),
    plan: baseByLayer,
    window: field("sliding_window", 2048),
    logitScale: field("output_multiplier", 0.19611613513818404),
    logitSoftcap: field("final_logit_softcapping", 20),
    prepare: flattened,
    rename: (name) => {
      if (/^vision_(tower|adapter|projection)/.test(name)) return null
      return name
        .replace(/^(language_model\.model\.|model\.language_model\.)/, "model.")
        .replace(/^language_model\.lm_head\./, "lm_head.")
    }
  }
} as const satisfies Readonly<Record<string, DenseRow>>
