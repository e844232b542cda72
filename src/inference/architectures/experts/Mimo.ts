/** MiMo V2 Flash: windowed layers have heads, sizes, rope and sinks of their own. */
import { Either, Schema } from "effect"
import { ALL } from "../../blocks/Attention.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  between,
  type ConfigProblem,
  decodeFields,
  eps,
  headSize,
  layerCount,
  list,
  MAX_LAYERS,
  nullish,
  number,
  positive,
  type Section,
  size
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  dense,
  expertCount,
  only,
  perLayer,
  plainRope,
  share,
  sigmoidMixture,
  switchField,
  usualAttention
} from "./Fields.js"

const switches = list((value): value is number => value === 0 || value === 1, MAX_LAYERS, "times 0 or 1")

const Fields = Schema.Struct({
  num_experts_per_tok: size,
  hybrid_layer_pattern: switches,
  moe_layer_freq: switches,
  add_swa_attention_sink_bias: switchField,
  add_full_attention_sink_bias: switchField,
  sliding_window_size: size,
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  moe_intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: size,
  n_shared_experts: nullish(expertCount),
  n_routed_experts: nullish(expertCount),
  routed_scaling_factor: nullish(number),
  topk_method: only("noaux_tc"),
  norm_topk_prob: switchField,
  n_group: size,
  topk_group: expertCount,
  layernorm_epsilon: eps,
  rope_theta: positive,
  swa_rope_theta: positive,
  swa_num_attention_heads: size,
  swa_num_key_value_heads: size,
  head_dim: headSize,
  v_head_dim: headSize,
  swa_head_dim: headSize,
  swa_v_head_dim: headSize,
  partial_rotary_factor: between(0, 1),
  attention_value_scale: nullish(number)
})
type Fields = typeof Fields.Type

/** The two kinds of attention. */
const kinds = (fields: Fields) => ({
  full: {
    heads: fields.num_attention_heads,
    kvHeads: fields.num_key_value_heads,
    headSize: fields.head_dim,
    valueSize: fields.v_head_dim,
    sinks: fields.add_full_attention_sink_bias === true,
    base: fields.rope_theta,
    visibility: ALL
  },
  window: {
    heads: fields.swa_num_attention_heads,
    kvHeads: fields.swa_num_key_value_heads,
    headSize: fields.swa_head_dim,
    valueSize: fields.swa_v_head_dim,
    sinks: fields.add_swa_attention_sink_bias === true,
    base: fields.swa_rope_theta,
    visibility: { _tag: "Window", size: fields.sliding_window_size } as const
  }
})

export const mimoV2Flash = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_hidden_layers: layers } = fields
    const { full, window } = kinds(fields)
    const rope = (kind: { readonly headSize: number; readonly base: number }) =>
      plainRope(share(kind.headSize, fields.partial_rotary_factor), kind.base)
    const windowed = { ...window, rope: yield* rope(window) }
    const everywhere = { ...full, rope: yield* rope(full) }
    const pattern = yield* perLayer("hybrid_layer_pattern", fields.hybrid_layer_pattern, layers)
    const sparse = yield* perLayer("moe_layer_freq", fields.moe_layer_freq, layers)
    const mixed = yield* sigmoidMixture({ ...fields, routed_scaling_factor: fields.routed_scaling_factor ?? 1 })
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers,
      norm: { kind: "rms", eps: fields.layernorm_epsilon },
      tied: false,
      storedAs: (name) => (name.startsWith("model.mtp") ? null : name),
      attention: (layer, index) => {
        const { base: _, sinks, ...kind } = pattern(index) === 1 ? windowed : everywhere
        return usualAttention({
          path: `${layer}.self_attn`,
          width,
          ...kind,
          valueScale: fields.attention_value_scale ?? 1,
          sinks: sinks ? "attention_sink_bias" : null
        })
      },
      mlp: (layer, index) =>
        sparse(index) === 1 ? mixed(`${layer}.mlp`) : dense(`${layer}.mlp`, width, fields.intermediate_size)
    })
  })
