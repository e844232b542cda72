/** MiniMax M2: norms of queries and keys span all heads, sigmoid scores always add up to one. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  flag,
  headSize,
  integer,
  MAX_HEAD_SIZE,
  nullish,
  positive,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  baseFields,
  chosenExperts,
  frame,
  headNorms,
  plainRope,
  someExperts,
  switchField,
  usualAttention,
  usualMixture
} from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  intermediate_size: size,
  num_key_value_heads: size,
  num_experts_per_tok: size,
  num_local_experts: someExperts,
  rope_theta: positive,
  rotary_dim: headSize,
  tie_word_embeddings: switchField,
  head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  use_qk_norm: withDefault(Schema.NullOr(flag), true)
})

export const minimax = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads, num_local_experts: count, rms_norm_eps: eps } = fields
    const rope = yield* plainRope(fields.rotary_dim, fields.rope_theta)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads,
          headSize: fields.head_dim || Math.floor(width / heads),
          ...(fields.use_qk_norm === true ? headNorms(`${layer}.self_attn`, eps, "all") : {}),
          rope
        }),
      mlp: (layer) =>
        usualMixture({
          path: `${layer}.block_sparse_moe`,
          width,
          count,
          size: fields.intermediate_size,
          score: "sigmoid",
          chosen,
          choiceBias: `${layer}.block_sparse_moe.e_score_correction_bias`,
          normalize: 1e-20,
          shared: 0
        })
    })
  })
