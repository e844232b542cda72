/** OLMoE: queries and keys are normed over all heads together, every layer has experts. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  flag,
  integer,
  MAX_HEAD_SIZE,
  nullish,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  baseFields,
  chosenExperts,
  frame,
  headNorms,
  rope,
  someExperts,
  switchField,
  usualAttention,
  usualMixture
} from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  intermediate_size: size,
  num_experts: someExperts,
  num_experts_per_tok: size,
  norm_topk_prob: switchField,
  head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  max_position_embeddings: nullish(size),
  num_key_value_heads: nullish(size),
  attention_bias: switchField,
  mlp_bias: switchField,
  rope_theta: withDefault(positive, 10_000),
  rope_traditional: switchField,
  rope_scaling: nullish(Section),
  tie_word_embeddings: Schema.optionalWith(Schema.NullOr(flag), { exact: true, default: () => true })
})

export const olmoe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads, num_experts: count, rms_norm_eps: eps } = fields
    const headSize = fields.head_dim || Math.floor(width / heads)
    const bias = fields.attention_bias === true
    const turned = yield* rope({
      dims: headSize,
      base: fields.rope_theta,
      interleaved: fields.rope_traditional === true,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings ?? null
    })
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads ?? heads,
          headSize,
          inputBias: bias,
          outputBias: bias,
          ...headNorms(`${layer}.self_attn`, eps, "all"),
          rope: turned
        }),
      mlp: (layer) =>
        usualMixture({
          path: `${layer}.mlp`,
          width,
          count,
          size: fields.intermediate_size,
          score: "softmax",
          chosen,
          normalize: fields.norm_topk_prob === true ? 0 : null,
          expertBias: fields.mlp_bias === true,
          shared: 0
        })
    })
  })
