/** Families with Llama's module names. */

import { noBias, normedHeads, outOnly, ownSize, plainRope, required, scaledRope, untied } from "./Common.js"
import { layerTypes, letters, someStill } from "./Plan.js"
import { attentionByPosition } from "./PositionScale.js"
import { type DenseRow, standard } from "./Row.js"
import { field } from "./Setting.js"

const llama: DenseRow = { ...standard, plan: layerTypes(0) }

const qwen2: DenseRow = {
  ...standard,
  ...noBias,
  ...ownSize,
  kvHeads: required,
  qkvBias: true,
  rope: {
    base: field("rope_theta", 1e6),
    interleaved: field("rope_traditional", false),
    scaling: ["rope_scaling"],
    maxPositions: 32_768
  }
}

const granite: DenseRow = {
  ...standard,
  ...ownSize,
  kvHeads: required,
  qkvBias: field("attention_bias"),
  outputBias: field("attention_bias"),
  mlpBias: field("mlp_bias"),
  scale: field("attention_multiplier"),
  embeddingScale: field("embedding_multiplier"),
  branchScale: field("residual_multiplier"),
  logitScale: field<number>("logits_scaling", undefined, (divisor) => 1 / divisor),
  rope: scaledRope(field("rope_theta"))
}

export const llamaRows = {
  llama,
  qwen2,
  granite,

  qwen3: {
    ...standard,
    ...noBias,
    kvHeads: required,
    headSize: field("head_dim"),
    tied: field("tie_word_embeddings"),
    headNorms: normedHeads,
    rope: {
      base: field(["rope_theta", "rope_parameters.rope_theta"]),
      scaling: ["rope_scaling", "rope_parameters"]
    }
  },

  smollm3: { ...llama, plan: someStill },

  mimo: {
    ...qwen2,
    tied: field("tie_word_embeddings", false),
    rope: scaledRope(field("rope_theta", 10_000), {
      interleaved: field("rope_traditional", false),
      maxPositions: 32_768
    }),
    rename: (name) => (name.startsWith("model.mtp_layers.") ? null : name)
  },

  seed_oss: {
    ...standard,
    kvHeads: required,
    headSize: field("head_dim"),
    outputBias: field("attention_out_bias", false)
  },

  telechat3: {
    ...standard,
    kvHeads: required,
    tied: field("tie_word_embeddings", false),
    rope: scaledRope(field("rope_theta"))
  },

  bitnet: {
    ...standard,
    kvHeads: required,
    activation: "relu2",
    outputNorm: "attn_sub_norm",
    mlpNorm: "ffn_sub_norm"
  },

  ministral3: {
    ...llama,
    ...noBias,
    rope: scaledRope(field("rope_parameters.rope_theta"), { scaling: ["rope_parameters"] }),
    queryScale: attentionByPosition
  },

  minicpm: {
    ...standard,
    ...noBias,
    ...ownSize,
    kvHeads: required,
    tied: field("tie_word_embeddings", false),
    embeddingScale: field("scale_emb"),
    branchScale: field<number>("scale_depth", undefined, (depth, { layers }) => depth / Math.sqrt(layers)),
    logitScale: field<number>("dim_model_base", undefined, (base, { hidden }) => base / hidden),
    rope: scaledRope(field("rope_theta", 1e6), { interleaved: field("rope_traditional", false) })
  },

  ernie4_5: {
    ...standard,
    kvHeads: required,
    qkvBias: field("use_bias"),
    outputBias: field("use_bias"),
    mlpBias: field("use_bias"),
    tied: field("tie_word_embeddings"),
    rope: plainRope(field("rope_theta"), { interleaved: true })
  },

  helium: {
    ...standard,
    ...ownSize,
    kvHeads: required,
    qkvBias: field("attention_bias"),
    outputBias: false,
    mlpBias: field("mlp_bias"),
    tied: field("tie_word_embeddings"),
    rope: plainRope(field("rope_theta"), { interleaved: true })
  },

  internlm3: {
    ...standard,
    ...ownSize,
    qkvBias: field("qkv_bias", false),
    outputBias: field("qkv_bias", false),
    mlpBias: field("bias", false),
    tied: field("tie_word_embeddings", false),
    rope: scaledRope(field("rope_theta", 10_000), {
      interleaved: field("rope_traditional", false),
      kinds: ["linear", "dynamic"],
      maxPositions: 32_768
    })
  },

  hunyuan_v1_dense: {
    ...standard,
    kvHeads: required,
    mlpBias: false,
    tied: field("tie_word_embeddings", false),
    headNorms: {
      ...normedHeads,
      names: { queries: "query_layernorm", keys: "key_layernorm" },
      place: "after",
      when: field("use_qk_norm", true)
    },
    rope: plainRope(field("rope_theta", 10_000), { alpha: field("rope_scaling.alpha", 1) })
  },

  olmo2: { ...standard, norms: outOnly, headNorms: { ...normedHeads, span: "all" } },

  olmo3: {
    ...standard,
    mlpBias: false,
    tied: field("tie_word_embeddings", false),
    norms: outOnly,
    headNorms: { ...normedHeads, span: "all" },
    rope: scaledRope(field("rope_theta")),
    windowRope: plainRope(field("rope_theta")),
    plan: layerTypes(3)
  },

  exaone4: {
    ...standard,
    ...noBias,
    kvHeads: required,
    headSize: field("head_dim"),
    tied: field("tie_word_embeddings"),
    norms: outOnly,
    headNorms: normedHeads,
    rope: scaledRope(field("rope_theta")),
    plan: letters
  },

  glm: {
    ...standard,
    kvHeads: required,
    headSize: field("head_dim"),
    outputBias: false,
    mlpBias: false,
    mlpNames: { gateUp: "gate_up_proj", down: "down_proj" },
    rope: plainRope(field("rope_theta", 10_000), { interleaved: true })
  },

  glm4: {
    ...standard,
    ...untied,
    kvHeads: required,
    headSize: field("head_dim"),
    qkvBias: field("attention_bias"),
    outputBias: false,
    mlpBias: false,
    norms: {
      beforeAttention: "input_layernorm",
      afterAttention: "post_self_attn_layernorm",
      beforeMlp: "post_attention_layernorm",
      afterMlp: "post_mlp_layernorm"
    },
    mlpNames: { gateUp: "gate_up_proj", down: "down_proj" },
    rope: plainRope(field("rope_theta"), {
      interleaved: field("rope_traditional", true),
      part: field("partial_rotary_factor")
    })
  },

  apertus: {
    ...standard,
    ...noBias,
    ...ownSize,
    kvHeads: required,
    tied: field("tie_word_embeddings"),
    norms: {
      beforeAttention: "attention_layernorm",
      afterAttention: null,
      beforeMlp: "feedforward_layernorm",
      afterMlp: null
    },
    headNorms: normedHeads,
    mlpNames: { up: "up_proj", down: "down_proj" },
    activation: "xielu",
    mlpBias: field("mlp_bias"),
    rope: scaledRope(field("rope_theta"), { interleaved: field("rope_traditional", false) })
  }
} as const satisfies Readonly<Record<string, DenseRow>>
