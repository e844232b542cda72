/** Qwen's families with experts: every layer, or every n-th, has them. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  flag,
  headSize,
  nullish,
  positive,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { languageModel, wrapped } from "../Wrappers.js"
import {
  baseFields,
  chosenExperts,
  dense,
  frame,
  headNorms,
  isQwenSparse,
  only,
  plainRope,
  qwenSparseFields,
  someExperts,
  switchField,
  usualAttention,
  usualMixture
} from "./Fields.js"

const Qwen2 = Schema.Struct({
  ...baseFields,
  num_experts: someExperts,
  num_experts_per_tok: size,
  moe_intermediate_size: size,
  shared_expert_intermediate_size: size,
  num_key_value_heads: nullish(size),
  rope_theta: withDefault(positive, 1_000_000),
  rope_traditional: switchField,
  rope_scaling: nullish(Schema.Struct({ type: only("linear"), factor: positive }))
})

/** The scaling of rope is checked, but has no effect. */
export const qwen2Moe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Qwen2, config)
    const { hidden_size: width, num_attention_heads: heads, num_experts: count } = fields
    const headSize = Math.floor(width / heads)
    const rope = yield* plainRope(headSize, fields.rope_theta, fields.rope_traditional === true)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: false,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads ?? heads,
          headSize,
          inputBias: true,
          rope
        }),
      mlp: (layer) =>
        usualMixture({
          path: `${layer}.mlp`,
          width,
          count,
          size: fields.moe_intermediate_size,
          score: "softmax",
          chosen,
          shared: fields.shared_expert_intermediate_size,
          sharedName: "shared_expert",
          sharedGate: "shared_expert_gate"
        })
    })
  })

const Qwen3 = Schema.Struct({
  ...baseFields,
  ...qwenSparseFields,
  num_key_value_heads: size,
  head_dim: headSize,
  rope_theta: positive,
  tie_word_embeddings: nullish(flag),
  max_position_embeddings: size
})

export const qwen3Moe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Qwen3, config)
    const { head_dim: headSize, hidden_size: width, num_experts: count, rms_norm_eps: eps } = fields
    const rope = yield* plainRope(headSize, fields.rope_theta)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    const mixed = (path: string) =>
      usualMixture({
        path,
        width,
        count,
        size: fields.moe_intermediate_size,
        score: "softmax",
        chosen,
        normalize: fields.norm_topk_prob === true ? 0 : null,
        shared: 0
      })
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads: fields.num_attention_heads,
          kvHeads: fields.num_key_value_heads,
          headSize,
          ...headNorms(`${layer}.self_attn`, eps),
          rope
        }),
      mlp: (layer, index) =>
        isQwenSparse(fields, index) ? mixed(`${layer}.mlp`) : dense(`${layer}.mlp`, width, fields.intermediate_size)
    })
  })

/** The text part of the model that sees. */
export const qwen3VlMoe = wrapped(
  languageModel((section) => section, /^(model\.)?visual\./),
  () => qwen3Moe
)
