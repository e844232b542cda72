/** dots1: sigmoid routing behind normed queries and keys; dense first layers. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  integer,
  MAX_HEAD_SIZE,
  nullish,
  number,
  positive,
  Section,
  size
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  baseFields,
  dense,
  expertCount,
  frame,
  groupFields,
  headNorms,
  layerIndex,
  rope,
  sigmoidMixture,
  someExperts,
  switchField,
  usualAttention
} from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  ...groupFields,
  intermediate_size: size,
  max_position_embeddings: nullish(size),
  num_key_value_heads: size,
  first_k_dense_replace: layerIndex,
  moe_intermediate_size: size,
  n_routed_experts: someExperts,
  n_shared_experts: expertCount,
  norm_topk_prob: switchField,
  num_experts_per_tok: size,
  rope_theta: positive,
  routed_scaling_factor: number,
  head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  mlp_bias: switchField,
  rope_scaling: nullish(Section),
  tie_word_embeddings: switchField
})

export const dots1 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads, rms_norm_eps: eps } = fields
    const headSize = fields.head_dim || Math.floor(width / heads)
    const bias = fields.mlp_bias === true
    const turned = yield* rope({
      dims: headSize,
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings ?? null
    })
    const mixed = yield* sigmoidMixture(fields, { experts: "experts", sharedBias: bias })
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads,
          headSize,
          ...headNorms(`${layer}.self_attn`, eps),
          rope: turned
        }),
      mlp: (layer, index) =>
        index >= fields.first_k_dense_replace
          ? mixed(`${layer}.mlp`)
          : dense(`${layer}.mlp`, width, fields.intermediate_size, { bias })
    })
  })
