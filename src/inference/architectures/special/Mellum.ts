/** Mellum: experts in every layer, and a rope for each type of layer. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  flag,
  headSize,
  MAX_LAYERS,
  positive,
  Section,
  size,
  texts
} from "../../Config.js"
import type { Build } from "../../Decoder.js"
import type { RopeSpec } from "../../Rope.js"
import { baseFields, chosenExperts, frame, headNorms, rope, usualAttention, usualMixture } from "../experts/Fields.js"
import { type LayerType, layerTypes, visibilityOf } from "./GemmaFields.js"
import { fittingHeads } from "./Heads.js"

const Fields = Schema.Struct({
  ...baseFields,
  num_experts: size,
  num_experts_per_tok: size,
  moe_intermediate_size: size,
  num_key_value_heads: size,
  head_dim: headSize,
  tie_word_embeddings: flag,
  max_position_embeddings: size,
  norm_topk_prob: flag,
  sliding_window: size,
  layer_types: texts(MAX_LAYERS),
  rope_parameters: Section
})
type Fields = typeof Fields.Type

const RopeBase = Schema.Struct({ rope_theta: positive })

/** A linear kind is read as the plain one. */
const ropeOf = (fields: Fields, type: LayerType): Either.Either<RopeSpec, ConfigProblem> =>
  Either.gen(function* () {
    const sections = yield* decodeFields(Schema.Struct({ [type]: Section }), fields.rope_parameters, "rope_parameters.")
    const section = sections[type] ?? {}
    const { rope_theta: base } = yield* decodeFields(RopeBase, section, `rope_parameters.${type}.`)
    const { rope_type: kind = "default" } = section
    return yield* rope({
      dims: fields.head_dim,
      base,
      interleaved: false,
      scaling: kind === "default" || kind === "linear" ? null : { ...section, type: kind },
      maxPositions: fields.max_position_embeddings
    })
  })

export const mellum: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads, num_experts: count, num_key_value_heads: kvHeads } = fields
    yield* fittingHeads(heads, kvHeads, fields.head_dim)
    const types = yield* layerTypes(fields.layer_types, fields.num_hidden_layers)
    const full = yield* ropeOf(fields, "full_attention")
    const windowed = types.includes("sliding_attention") ? yield* ropeOf(fields, "sliding_attention") : full
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings,
      attention: (layer, index) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads,
          headSize: fields.head_dim,
          ...headNorms(`${layer}.self_attn`, fields.rms_norm_eps),
          rope: types[index] === "sliding_attention" ? windowed : full,
          visibility: visibilityOf(types[index] ?? "full_attention", fields.sliding_window)
        }),
      mlp: (layer) =>
        usualMixture({
          path: `${layer}.mlp`,
          width,
          count,
          size: fields.moe_intermediate_size,
          score: "softmax",
          chosen,
          normalize: fields.norm_topk_prob ? 0 : null,
          shared: 0
        })
    })
  })
