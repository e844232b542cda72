/** GLM 4.5 and Solar: sigmoid scores with groups and a bias that only chooses, a shared expert, dense first layers. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  between,
  type ConfigProblem,
  decodeFields,
  headSize,
  nullish,
  number,
  positive,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import {
  baseFields,
  dense,
  expertCount,
  frame,
  headNorms,
  isDeepseekSparse,
  layerIndex,
  only,
  plainRope,
  share,
  sigmoidMixture,
  switchField,
  usualAttention
} from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  intermediate_size: size,
  moe_intermediate_size: size,
  norm_topk_prob: switchField,
  n_group: withDefault(size, 1),
  topk_group: withDefault(expertCount, 1),
  head_dim: headSize,
  n_shared_experts: nullish(expertCount),
  n_routed_experts: nullish(expertCount),
  routed_scaling_factor: number,
  num_experts_per_tok: size,
  first_k_dense_replace: layerIndex,
  num_key_value_heads: size,
  rope_theta: positive,
  use_qk_norm: switchField,
  attention_bias: switchField,
  partial_rotary_factor: between(0, 1),
  topk_method: withDefault(only("noaux_tc"), "noaux_tc")
})

/** What GLM requires and Solar has defaults for. */
const Required = Schema.Struct({ n_group: size, topk_group: expertCount })

const build = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { head_dim, hidden_size: width, rms_norm_eps: eps } = fields
    const rope = yield* plainRope(share(head_dim, fields.partial_rotary_factor), fields.rope_theta)
    const mixed = yield* sigmoidMixture(fields)
    return preNorm({
      ...frame(fields),
      tied: false,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads: fields.num_attention_heads,
          kvHeads: fields.num_key_value_heads,
          headSize: head_dim,
          inputBias: fields.attention_bias === true,
          ...(fields.use_qk_norm === true ? headNorms(`${layer}.self_attn`, eps) : {}),
          rope
        }),
      mlp: (layer, index) =>
        isDeepseekSparse(fields, index)
          ? mixed(`${layer}.mlp`)
          : dense(`${layer}.mlp`, width, fields.intermediate_size),
      storedAs: withoutLayer(fields.num_hidden_layers)
    })
  })

/** The layer behind the last one predicts further tokens. */
const withoutLayer = (layers: number) => (name: string) => (name.startsWith(`model.layers.${layers}.`) ? null : name)

export const glm4Moe: Build = (config) => Either.flatMap(decodeFields(Required, config), () => build(config))

export const solarOpen: Build = build
