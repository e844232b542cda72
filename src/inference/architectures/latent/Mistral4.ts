/** Mistral 4: latent attention whose queries grow with their position, and a softmax router. */
import { Either, Schema } from "effect"
import { positionScale } from "../../blocks/PositionScale.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { decodeFields, flag, headSize, nullish, number, positive, Section, size, withDefault } from "../../Config.js"
import type { Build } from "../../Decoder.js"
import { ropeKind } from "../../Rope.js"
import {
  baseFields,
  chosenExperts,
  dense,
  expertCount,
  expertGroups,
  frame,
  layerIndex,
  sharedSize,
  switchField,
  usualMixture
} from "../experts/Fields.js"
import { latentPart, latentRope, storageOf, stretchScale } from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  intermediate_size: size,
  moe_intermediate_size: size,
  n_shared_experts: nullish(expertCount),
  n_routed_experts: nullish(expertCount),
  routed_scaling_factor: number,
  kv_lora_rank: size,
  q_lora_rank: Schema.NullOr(size),
  norm_topk_prob: switchField,
  max_position_embeddings: size,
  topk_group: expertCount,
  num_experts_per_tok: size,
  first_k_dense_replace: layerIndex,
  n_group: size,
  qk_rope_head_dim: headSize,
  qk_nope_head_dim: headSize,
  v_head_dim: headSize,
  tie_word_embeddings: switchField,
  rope_interleave: nullish(flag),
  attention_bias: switchField,
  rope_parameters: Section
})

const RopeFields = Schema.Struct({
  rope_theta: withDefault(positive, 100_000),
  llama_4_scaling_beta: number,
  original_max_position_embeddings: positive
})

const EPS = 1e-6

export const mistral4: Build = (config, stored) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, rope_parameters: scaling } = fields
    const own = yield* decodeFields(RopeFields, scaling, "rope_parameters.")
    const turned = yield* latentRope(
      { ...fields, rope_theta: own.rope_theta, rope_scaling: scaling },
      fields.rope_interleave ?? true
    )
    const attention = latentPart(fields, {
      eps: EPS,
      rope: turned,
      storage: storageOf(stored),
      stretch: ropeKind(scaling) === "default" ? 1 : yield* stretchScale(scaling),
      queryScale: positionScale({
        first: 0,
        every: own.original_max_position_embeddings,
        strength: own.llama_4_scaling_beta
      })
    })
    const count = fields.n_routed_experts ?? 0
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    const groups = yield* expertGroups(fields.n_group, fields.topk_group)
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      attention: (layer) => attention(`${layer}.self_attn`),
      mlp: (layer, index) =>
        typeof fields.n_routed_experts === "number" && index >= fields.first_k_dense_replace
          ? usualMixture({
              path: `${layer}.mlp`,
              width,
              count,
              size: fields.moe_intermediate_size,
              score: "softmax",
              chosen,
              groups,
              normalize: fields.norm_topk_prob === true ? 1e-20 : null,
              scale: fields.routed_scaling_factor,
              shared: sharedSize(fields.n_shared_experts, fields.moe_intermediate_size)
            })
          : dense(`${layer}.mlp`, width, fields.intermediate_size)
    })
  })
