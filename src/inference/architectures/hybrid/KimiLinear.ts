/** Kimi Linear: Kimi delta attention with a few layers of latent attention that know no positions. */
import { Either, Schema } from "effect"
import { excerpt } from "../../../domain/Excerpt.js"
import { mixture } from "../../blocks/Experts.js"
import { keptBySoftplus, kimiDelta } from "../../blocks/KimiDelta.js"
import { latentAttention } from "../../blocks/Latent.js"
import { swiglu } from "../../blocks/Mlp.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  integer,
  layerCount,
  MAX_HEAD_SIZE,
  MAX_LAYERS,
  nullish,
  number,
  numbers,
  type Section,
  size,
  unsupported,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { MAX_EXPERTS, silentMlp, taps } from "./Frame.js"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  intermediate_size: size,
  head_dim: headSize,
  rms_norm_eps: eps,
  linear_attn_config: Schema.Struct({
    kda_layers: numbers(MAX_LAYERS),
    num_heads: size,
    head_dim: headSize,
    short_conv_kernel_size: withDefault(taps, 4)
  }),
  num_experts: integer(0, MAX_EXPERTS),
  moe_intermediate_size: size,
  kv_lora_rank: size,
  tie_word_embeddings: withDefault(flag, false),
  qk_nope_head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  qk_rope_head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  v_head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  num_experts_per_token: withDefault(size, 1),
  num_shared_experts: nullish(integer(0, MAX_EXPERTS)),
  moe_router_activation_func: withDefault(Schema.String, "sigmoid"),
  moe_renormalize: withDefault(flag, true),
  routed_scaling_factor: withDefault(number, 1),
  first_k_dense_replace: withDefault(integer(0, MAX_LAYERS), 0),
  moe_layer_freq: withDefault(size, 1),
  num_expert_group: withDefault(size, 1),
  topk_group: withDefault(size, 1)
})
type Fields = typeof Fields.Type

const delta = (path: string, { hidden_size: width, linear_attn_config: config, rms_norm_eps }: Fields): Part => {
  const { head_dim: size, num_heads: heads, short_conv_kernel_size } = config
  const narrow = (name: string) =>
    chain(linear(`${path}.${name}_a_proj`, size), linear(`${path}.${name}_b_proj`, heads * size))
  return kimiDelta({
    path,
    width,
    heads,
    size,
    taps: short_conv_kernel_size,
    eps: rms_norm_eps,
    conv: "_conv.conv",
    decayInput: narrow("f"),
    gate: narrow("g"),
    ratesShape: [1, 1, heads, 1],
    kept: keptBySoftplus
  })
}

const latent = (path: string, fields: Fields): Part => {
  const plainSize = fields.qk_nope_head_dim || fields.head_dim
  const ropeSize = fields.qk_rope_head_dim || 0
  return latentAttention({
    path,
    width: fields.hidden_size,
    heads: fields.num_attention_heads,
    plainSize,
    ropeSize,
    valueSize: fields.v_head_dim || fields.head_dim,
    latentSize: fields.kv_lora_rank,
    queryRank: null,
    bias: false,
    eps: fields.rms_norm_eps,
    scale: (plainSize + ropeSize) ** -0.5,
    rope: null,
    storage: "perHead"
  })
}

const experts = (path: string, fields: Fields, score: "sigmoid" | "softmax"): Part => {
  const { moe_intermediate_size: size, num_expert_group: groups, num_experts_per_token: chosen } = fields
  return mixture({
    width: fields.hidden_size,
    router: {
      path: `${path}.gate`,
      score,
      chosen,
      choiceBias: `${path}.e_score_correction_bias`,
      groups: groups > 1 ? { count: groups, keep: fields.topk_group, by: "bestTwo" } : null,
      normalize: chosen > 1 && fields.moe_renormalize ? 1e-20 : null,
      scale: fields.routed_scaling_factor
    },
    experts: { path: `${path}.switch_mlp`, count: fields.num_experts, size, unit: swiglu },
    shared: fields.num_shared_experts
      ? { path: `${path}.shared_experts`, size: size * fields.num_shared_experts, unit: swiglu }
      : null
  })
}

export const kimiLinear = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { first_k_dense_replace: dense, hidden_size: width, moe_router_activation_func: score } = fields
    if (score !== "sigmoid" && score !== "softmax") {
      return yield* unsupported(`router activation ${excerpt(score)} is not supported`)
    }
    // Layers count from 1 in this part of the config.
    const isDelta = (layer: number) => fields.linear_attn_config.kda_layers.includes(layer + 1)
    const hasExperts = (layer: number) =>
      fields.num_experts > 0 && layer >= dense && layer % fields.moe_layer_freq === 0
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers: fields.num_hidden_layers,
      norm: { kind: "rms", eps: fields.rms_norm_eps },
      attention: (path, layer) =>
        isDelta(layer) ? delta(`${path}.self_attn`, fields) : latent(`${path}.self_attn`, fields),
      mlp: (path, layer) =>
        hasExperts(layer)
          ? experts(`${path}.mlp`, fields, score)
          : silentMlp(`${path}.mlp`, width, fields.intermediate_size),
      tied: fields.tie_word_embeddings,
      storedAs: (name) => (name.startsWith("model.mtp") ? null : name)
    })
  })
