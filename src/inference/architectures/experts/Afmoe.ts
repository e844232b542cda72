/** AFMoE: norms on both sides of every part, a gate behind attention, rope on windowed layers only. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import type { Section } from "../../Config.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  layerCount,
  MAX_LAYERS,
  number,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  chosenExperts,
  dense,
  expertCount,
  expertGroups,
  frame,
  groupFields,
  headNorms,
  layerIndex,
  perLayer,
  rope,
  ropeFields,
  sharedSize,
  someExperts,
  switchField,
  usualAttention,
  usualMixture,
  windows
} from "./Fields.js"

const Fields = Schema.Struct({
  ...groupFields,
  ...ropeFields,
  layer_types: texts(MAX_LAYERS),
  vocab_size: withDefault(size, 200_192),
  hidden_size: withDefault(size, 2048),
  intermediate_size: withDefault(size, 6144),
  moe_intermediate_size: withDefault(size, 1024),
  num_hidden_layers: withDefault(layerCount, 32),
  num_attention_heads: withDefault(size, 32),
  num_key_value_heads: withDefault(size, 4),
  head_dim: withDefault(headSize, 64),
  max_position_embeddings: withDefault(size, 131_072),
  rms_norm_eps: withDefault(eps, 1e-5),
  tie_word_embeddings: switchField,
  num_experts: withDefault(someExperts, 128),
  num_experts_per_tok: withDefault(size, 8),
  num_shared_experts: withDefault(expertCount, 1),
  num_dense_layers: withDefault(layerIndex, 2),
  route_norm: withDefault(Schema.NullOr(flag), true),
  route_scale: withDefault(number, 2.826),
  score_func: withDefault(Schema.Literal("sigmoid", "softmax"), "sigmoid"),
  sliding_window: withDefault(size, 2048),
  mup_enabled: withDefault(Schema.NullOr(flag), true)
})

export const afmoe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { head_dim, hidden_size: width, layer_types: types, num_experts: count, rms_norm_eps: eps } = fields
    const layers = types.length // the list decides, whatever num_hidden_layers says
    const turned = yield* rope({
      dims: head_dim,
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const seen = yield* perLayer("layer_types", yield* windows(types, layers, fields.sliding_window), layers)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    const groups = yield* expertGroups(fields.n_group, fields.topk_group)
    return preNorm({
      ...frame(fields),
      layers,
      tied: fields.tie_word_embeddings === true,
      embeddingScale: fields.mup_enabled === true ? Math.sqrt(width) : 1,
      names: { mlpNorm: "pre_mlp_layernorm" },
      afterNorms: { attention: "post_attention_layernorm", mlp: "post_mlp_layernorm" },
      attention: (layer, index) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads: fields.num_attention_heads,
          kvHeads: fields.num_key_value_heads,
          headSize: head_dim,
          ...headNorms(`${layer}.self_attn`, eps),
          rope: seen(index)._tag === "Window" ? turned : null,
          visibility: seen(index),
          gate: { name: "gate_proj", per: "number" }
        }),
      mlp: (layer, index) =>
        index < fields.num_dense_layers
          ? dense(`${layer}.mlp`, width, fields.intermediate_size)
          : usualMixture({
              path: `${layer}.mlp`,
              gate: "router.gate",
              experts: "experts",
              width,
              count,
              size: fields.moe_intermediate_size,
              score: fields.score_func,
              chosen,
              choiceBias: `${layer}.mlp.expert_bias`,
              groups,
              normalize: fields.route_norm === true && chosen > 1 ? 0 : null,
              scale: fields.route_scale,
              shared: sharedSize(fields.num_shared_experts, fields.moe_intermediate_size)
            })
    })
  })
