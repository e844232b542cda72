/** Laguna: layers differ in their number of heads, their rope and what they see. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  between,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  layerCount,
  list,
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
import type { RopeSpec } from "../../Rope.js"
import {
  chosenExperts,
  dense,
  frame,
  headNorms,
  perLayer,
  rope,
  share,
  someExperts,
  switchField,
  usualAttention,
  usualMixture,
  windows
} from "./Fields.js"

const counts = list((value): value is number => Number.isSafeInteger(value) && Number(value) > 0, MAX_LAYERS, "sizes")

const Fields = Schema.Struct({
  vocab_size: withDefault(size, 100_352),
  hidden_size: withDefault(size, 2048),
  intermediate_size: withDefault(size, 8192),
  num_hidden_layers: withDefault(layerCount, 40),
  num_attention_heads: withDefault(size, 48),
  num_key_value_heads: withDefault(size, 8),
  head_dim: withDefault(headSize, 128),
  max_position_embeddings: withDefault(size, 262_144),
  rms_norm_eps: withDefault(eps, 1e-6),
  attention_bias: switchField,
  qkv_bias: switchField,
  gating: withDefault(Schema.NullOr(flag), true),
  tie_word_embeddings: switchField,
  sliding_window: withDefault(Schema.NullOr(size), 512),
  partial_rotary_factor: nullish(between(0, 1)),
  rope_parameters: nullish(Section),
  layer_types: nullish(texts(MAX_LAYERS)),
  num_attention_heads_per_layer: nullish(counts),
  mlp_layer_types: nullish(texts(MAX_LAYERS)),
  num_experts: withDefault(someExperts, 256),
  num_experts_per_tok: withDefault(size, 8),
  moe_intermediate_size: withDefault(size, 512),
  shared_expert_intermediate_size: withDefault(size, 512),
  moe_routed_scaling_factor: withDefault(number, 1),
  moe_router_logit_softcapping: withDefault(number, 0),
  moe_router_score_func: withDefault(Schema.Literal("sigmoid", "sqrtsoftplus"), "sigmoid")
})
type Fields = typeof Fields.Type

const LayerRope = Schema.Struct({
  rope_theta: withDefault(positive, 10_000),
  partial_rotary_factor: nullish(between(0, 1))
})

/** The rope of one type of layer. */
const ropeOf = (fields: Fields, type: string): Either.Either<RopeSpec, ConfigProblem> =>
  Either.gen(function* () {
    const all = yield* decodeFields(Schema.Struct({ [type]: nullish(Section) }), fields.rope_parameters ?? {})
    const scaling = all[type] ?? {}
    const own = yield* decodeFields(LayerRope, scaling, `rope_parameters.${type}.`)
    const part = own.partial_rotary_factor ?? fields.partial_rotary_factor ?? 1
    return yield* rope({
      dims: share(fields.head_dim, part),
      base: own.rope_theta,
      interleaved: false,
      scaling,
      maxPositions: fields.max_position_embeddings
    })
  })

/** Older checkpoints keep router and bias elsewhere, and some a language model inside another. */
const storedAs = (name: string) =>
  name
    .replace(/^language_model\./, "")
    .replace(/^(model\.layers\.\d+\.mlp)\.gate\.weight$/, "$1.gate.proj.weight")
    .replace(/^(model\.layers\.\d+\.mlp)\.experts\.(e_score_correction_bias)$/, "$1.gate.$2")

export const laguna = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { head_dim, hidden_size: width, num_experts: count, num_hidden_layers: layers, rms_norm_eps: eps } = fields
    const same = <A>(value: A) => Array.from({ length: layers }, () => value)
    const types = fields.layer_types ?? same("full_attention")
    const kinds = fields.mlp_layer_types ?? same("sparse").with(0, "dense")
    const seen = yield* perLayer("layer_types", yield* windows(types, layers, fields.sliding_window), layers)
    const heads = yield* perLayer(
      "num_attention_heads_per_layer",
      fields.num_attention_heads_per_layer ?? same(fields.num_attention_heads),
      layers
    )
    const kind = yield* perLayer("mlp_layer_types", kinds, layers)
    const full = yield* ropeOf(fields, "full_attention")
    const windowed = yield* ropeOf(fields, "sliding_attention")
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      storedAs,
      attention: (layer, index) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads: heads(index),
          kvHeads: fields.num_key_value_heads,
          headSize: head_dim,
          inputBias: fields.qkv_bias === true,
          outputBias: fields.attention_bias === true,
          ...headNorms(`${layer}.self_attn`, eps),
          rope: types[index] === "sliding_attention" ? windowed : full,
          visibility: seen(index),
          gate: fields.gating === true ? { name: "g_proj", per: "head", activation: "softplus" } : null
        }),
      mlp: (layer, index) =>
        kind(index) === "sparse"
          ? usualMixture({
              path: `${layer}.mlp`,
              gate: "gate.proj",
              width,
              count,
              size: fields.moe_intermediate_size,
              softcap: fields.moe_router_logit_softcapping,
              score: fields.moe_router_score_func === "sigmoid" ? "sigmoid" : "sqrtSoftplus",
              chosen,
              choiceBias: `${layer}.mlp.gate.e_score_correction_bias`,
              normalize: 0,
              scale: fields.moe_routed_scaling_factor,
              shared: fields.shared_expert_intermediate_size,
              sharedName: "shared_expert"
            })
          : dense(`${layer}.mlp`, width, fields.intermediate_size)
    })
  })
