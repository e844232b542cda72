/** Ling 3: Kimi delta attention in most layers, gated latent attention in the rest. */
import { Either, Schema } from "effect"
import { mixture } from "../../blocks/Experts.js"
import { keptAbove, kimiDelta } from "../../blocks/KimiDelta.js"
import { latentAttention } from "../../blocks/Latent.js"
import { swiglu } from "../../blocks/Mlp.js"
import { linear, type Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  integer,
  layerCount,
  MAX_LAYERS,
  nullish,
  number,
  positive,
  Section,
  size,
  unsupported,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { ropeSpec } from "../../Rope.js"
import { yarnScale } from "../../YarnScale.js"
import { seesAll } from "./BailingLinear.js"
import { silentMlp, taps } from "./Frame.js"

const Fields = Schema.Struct({
  vocab_size: withDefault(size, 157_184),
  hidden_size: withDefault(size, 1536),
  intermediate_size: withDefault(size, 4608),
  moe_intermediate_size: withDefault(size, 512),
  moe_shared_expert_intermediate_size: withDefault(size, 512),
  num_hidden_layers: withDefault(layerCount, 24),
  num_attention_heads: withDefault(size, 16),
  num_experts: withDefault(size, 128),
  num_experts_per_tok: withDefault(size, 8),
  num_shared_experts: withDefault(size, 1),
  first_k_dense_replace: withDefault(integer(0, MAX_LAYERS), 1),
  n_group: withDefault(size, 8),
  topk_group: withDefault(size, 4),
  routed_scaling_factor: withDefault(number, 2.5),
  layer_group_size: withDefault(size, 4),
  head_dim: withDefault(headSize, 128),
  q_lora_rank: Schema.optionalWith(Schema.NullOr(size), { exact: true, default: () => 256 }),
  kv_lora_rank: withDefault(size, 512),
  qk_nope_head_dim: withDefault(headSize, 128),
  qk_rope_head_dim: withDefault(headSize, 64),
  v_head_dim: withDefault(headSize, 128),
  short_conv_kernel_size: withDefault(taps, 4),
  kda_lower_bound: withDefault(number, -5),
  kda_safe_gate: withDefault(flag, true),
  no_kda_lora: withDefault(flag, true),
  rms_norm_eps: withDefault(eps, 1e-6),
  rope_theta: withDefault(positive, 6_000_000),
  rope_scaling: nullish(Section),
  max_position_embeddings: withDefault(size, 131_072),
  rope_interleave: withDefault(flag, true),
  tie_word_embeddings: withDefault(flag, false)
})
type Fields = typeof Fields.Type

/** Forms that no converted checkpoint has. */
const unknownForm = (fields: Fields): string | null => {
  if (!fields.no_kda_lora) return "no_kda_lora: false"
  if (!fields.kda_safe_gate) return "kda_safe_gate: false"
  return fields.rope_interleave ? null : "rope_interleave: false"
}

const delta = (path: string, fields: Fields): Part => {
  const { head_dim, hidden_size: width, num_attention_heads: heads } = fields
  const inner = heads * head_dim
  return kimiDelta({
    path,
    width,
    heads,
    size: head_dim,
    taps: fields.short_conv_kernel_size,
    eps: fields.rms_norm_eps,
    conv: "_conv1d",
    decayInput: linear(`${path}.f_proj`, inner),
    gate: linear(`${path}.g_proj`, inner),
    ratesShape: [heads],
    kept: keptAbove(fields.kda_lower_bound)
  })
}

const experts = (path: string, fields: Fields): Part =>
  mixture({
    width: fields.hidden_size,
    router: {
      path: `${path}.gate`,
      score: "sigmoid",
      chosen: fields.num_experts_per_tok,
      choiceBias: `${path}.gate.expert_bias`,
      groups:
        fields.n_group > fields.topk_group
          ? { count: fields.n_group, keep: fields.topk_group, by: "bestTwo", dropped: Number.NEGATIVE_INFINITY }
          : null,
      normalize: 1e-20,
      scale: fields.routed_scaling_factor
    },
    experts: {
      path: `${path}.switch_mlp`,
      count: fields.num_experts,
      size: fields.moe_intermediate_size,
      unit: swiglu
    },
    shared: {
      path: `${path}.shared_experts`,
      size: fields.moe_shared_expert_intermediate_size * fields.num_shared_experts,
      unit: swiglu
    }
  })

export const bailingV3 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, layer_group_size: group, num_hidden_layers: layers } = fields
    const { qk_nope_head_dim: plainSize, qk_rope_head_dim: ropeSize } = fields
    const form = unknownForm(fields)
    if (form !== null) return yield* unsupported(`${form} is not supported`)
    const rope = yield* ropeSpec({
      dims: ropeSize,
      base: fields.rope_theta,
      interleaved: true,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const scale = (plainSize + ropeSize) ** -0.5 * (yield* yarnScale(fields.rope_scaling ?? null))
    const latent = (path: string) =>
      latentAttention({
        path,
        width,
        heads: fields.num_attention_heads,
        plainSize,
        ropeSize,
        valueSize: fields.v_head_dim,
        latentSize: fields.kv_lora_rank,
        queryRank: fields.q_lora_rank,
        bias: false,
        eps: fields.rms_norm_eps,
        scale,
        rope,
        storage: "perHead",
        output: "dense",
        gate: { name: "g_proj", per: "head" }
      })
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers,
      norm: { kind: "rms", eps: fields.rms_norm_eps },
      names: { embedding: "model.word_embeddings" },
      attention: (path, layer) =>
        seesAll(layer, layers, group) ? latent(`${path}.attention`) : delta(`${path}.attention`, fields),
      mlp: (path, layer) =>
        layer < fields.first_k_dense_replace
          ? silentMlp(`${path}.mlp`, width, fields.intermediate_size)
          : experts(`${path}.mlp`, fields),
      tied: fields.tie_word_embeddings
    })
  })
