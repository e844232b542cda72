/** EXAONE with experts: windowed layers turn queries and keys, layers that see everything don't. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  flags,
  headSize,
  MAX_LAYERS,
  nullish,
  number,
  positive,
  Section,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  baseFields,
  dense,
  expertCount,
  frame,
  groupFields,
  headNorms,
  only,
  perLayer,
  rope,
  sigmoidMixture,
  someExperts,
  switchField,
  usualAttention,
  windows
} from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  ...groupFields,
  intermediate_size: size,
  moe_intermediate_size: size,
  num_key_value_heads: size,
  head_dim: headSize,
  num_experts: someExperts,
  num_experts_per_tok: size,
  num_shared_experts: nullish(expertCount),
  max_position_embeddings: size,
  sliding_window: nullish(size),
  layer_types: texts(MAX_LAYERS),
  is_moe_layer: flags(MAX_LAYERS),
  routed_scaling_factor: withDefault(number, 2.5),
  norm_topk_prob: withDefault(Schema.NullOr(Schema.Boolean), true),
  topk_method: withDefault(only("noaux_tc"), "noaux_tc"),
  rope_theta: withDefault(positive, 1_000_000),
  rope_scaling: nullish(Section),
  rope_parameters: nullish(Schema.Struct({ rope_theta: Schema.optionalWith(positive, { exact: true }) })),
  tie_word_embeddings: switchField
})

const BIAS = /^(model\.layers\.\d+\.mlp)\.(e_score_correction_bias)$/

/** Older checkpoints keep the router's bias one level higher. */
const storedAs = (name: string) => (name.startsWith("mtp.") ? null : name.replace(BIAS, "$1.gate.$2"))

export const exaoneMoe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, layer_types: types, num_hidden_layers: layers, rms_norm_eps: eps } = fields
    const turned = yield* rope({
      dims: fields.head_dim,
      base: fields.rope_parameters?.rope_theta ?? fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const seen = yield* perLayer("layer_types", yield* windows(types, layers, fields.sliding_window), layers)
    const sparse = yield* perLayer("is_moe_layer", fields.is_moe_layer, layers)
    const { num_experts: n_routed_experts, num_shared_experts: n_shared_experts } = fields
    const mixed = yield* sigmoidMixture({ ...fields, n_routed_experts, n_shared_experts: n_shared_experts ?? null })
    const anyWindow = types.includes("sliding_attention")
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      storedAs,
      attention: (layer, index) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads: fields.num_attention_heads,
          kvHeads: fields.num_key_value_heads,
          headSize: fields.head_dim,
          ...headNorms(`${layer}.self_attn`, eps),
          rope: !anyWindow || seen(index)._tag === "Window" ? turned : null,
          visibility: seen(index)
        }),
      mlp: (layer, index) =>
        sparse(index) ? mixed(`${layer}.mlp`) : dense(`${layer}.mlp`, width, fields.intermediate_size)
    })
  })
