/** Step 3.5: windowed layers have heads of their own; rope, and limits inside MLPs, go by layer. */
import { Either, Schema } from "effect"
import { excerpt } from "../../../domain/Excerpt.js"
import { limitedSwiglu } from "../../blocks/ClippedUnits.js"
import { type GatedUnit, swiglu } from "../../blocks/Mlp.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  integer,
  layerCount,
  list,
  MAX_LAYERS,
  nullish,
  number,
  numbers,
  positive,
  positives,
  Section,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  chosenExperts,
  dense,
  frame,
  headNorms,
  perLayer,
  rope,
  share,
  someExperts,
  usualAttention,
  usualMixture,
  windows
} from "./Fields.js"

const limits = list(
  (value): value is number | null => value === null || (typeof value === "number" && Number.isFinite(value)),
  MAX_LAYERS,
  "numbers or null",
  0
)

const Fields = Schema.Struct({
  hidden_size: size,
  num_hidden_layers: layerCount,
  vocab_size: size,
  num_attention_heads: size,
  num_attention_groups: size,
  head_dim: integer(1, 4096), // every layer may have rope tables of its own
  intermediate_size: size,
  rms_norm_eps: withDefault(eps, 1e-5),
  rope_theta: withDefault(Schema.Union(positive, positives(MAX_LAYERS)), 10_000),
  rope_scaling: nullish(Section),
  max_position_embeddings: withDefault(size, 262_144),
  sliding_window: withDefault(size, 512),
  layer_types: nullish(texts(MAX_LAYERS)),
  yarn_only_types: nullish(texts(MAX_LAYERS)),
  partial_rotary_factors: nullish(numbers(MAX_LAYERS)),
  attention_other_setting: nullish(Schema.Struct({ num_attention_heads: size, num_attention_groups: size })),
  use_head_wise_attn_gate: withDefault(Schema.NullOr(flag), true),
  moe_num_experts: withDefault(someExperts, 288),
  moe_top_k: withDefault(size, 8),
  moe_intermediate_size: withDefault(size, 1280),
  share_expert_dim: withDefault(size, 1280),
  moe_layers_enum: nullish(Schema.String),
  moe_router_scaling_factor: withDefault(number, 3),
  norm_expert_weight: withDefault(Schema.NullOr(flag), true),
  swiglu_limits: nullish(limits),
  swiglu_limits_shared: nullish(limits)
})
type Fields = typeof Fields.Type

const MAX_ENUM = 100_000

/** Numbers of layers with commas between; without it all layers but the first. */
const sparseLayers = ({ moe_layers_enum: text }: Fields): Either.Either<(layer: number) => boolean, ConfigProblem> => {
  if (!text) return Either.right((layer) => layer > 0)
  const listed = (text.length > MAX_ENUM ? "" : text).split(",").map((part) => part.trim())
  if (!listed.every((part) => /^\d{1,6}$/.test(part))) {
    return badConfig(`moe_layers_enum: ${excerpt(text)} is not a list of layers`)
  }
  const layers = new Set(listed.map(Number))
  return Either.right((layer) => layers.has(layer))
}

/** 0 or null stand for no limit. */
const unit = (limits: ReadonlyArray<number | null> | null | undefined, layer: number): GatedUnit => {
  const limit = limits?.[layer] ?? 0
  return limit > 0 ? limitedSwiglu(limit) : swiglu
}

const ropeOf = (fields: Fields, types: ReadonlyArray<string>, layer: number) => {
  const { head_dim, rope_scaling = null, rope_theta: base, yarn_only_types: only } = fields
  const type = fields.layer_types ? (types[layer] ?? "") : "full_attention"
  const ownBase = typeof base === "number" ? base : base[layer]
  return ownBase === undefined
    ? badConfig(`rope_theta: no value for layer ${layer}`)
    : rope({
        dims: share(head_dim, fields.partial_rotary_factors?.[layer] ?? 1),
        base: ownBase,
        interleaved: false,
        scaling: only && !only.includes(type) ? null : rope_scaling,
        maxPositions: fields.max_position_embeddings
      })
}

/** Layers behind the last one predict further tokens. */
const storedAs = (layers: number) => (name: string) => {
  const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1]
  return name.includes(".mtp") || (layer !== undefined && Number(layer) >= layers) ? null : name
}

export const step3p5 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { attention_other_setting: other, head_dim, hidden_size: width, num_hidden_layers: layers } = fields
    const alternating = Array.from({ length: layers }, (_, i) => (i % 2 === 0 ? "sliding_attention" : "full_attention"))
    const types = fields.layer_types ?? alternating
    const seen = yield* perLayer("layer_types", yield* windows(types, layers, fields.sliding_window), layers)
    const ropes = yield* perLayer("rope", yield* Either.all(types.map((_, i) => ropeOf(fields, types, i))), layers)
    const sparse = yield* sparseLayers(fields)
    const chosen = yield* chosenExperts("moe_top_k", fields.moe_top_k, fields.moe_num_experts)
    return preNorm({
      ...frame(fields),
      tied: false,
      storedAs: storedAs(layers),
      attention: (layer, index) => {
        const { num_attention_groups, num_attention_heads } = seen(index)._tag === "Window" && other ? other : fields
        return usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads: num_attention_heads,
          kvHeads: num_attention_groups,
          headSize: head_dim,
          ...headNorms(`${layer}.self_attn`, fields.rms_norm_eps),
          rope: ropes(index),
          visibility: seen(index),
          gate: fields.use_head_wise_attn_gate === true ? { name: "g_proj", per: "head" } : null
        })
      },
      mlp: (layer, index) =>
        sparse(index)
          ? usualMixture({
              path: `${layer}.mlp`,
              gate: "gate.gate",
              width,
              count: fields.moe_num_experts,
              size: fields.moe_intermediate_size,
              unit: unit(fields.swiglu_limits, index),
              score: "sigmoid",
              chosen,
              choiceBias: `${layer}.mlp.gate.router_bias`,
              normalize: fields.norm_expert_weight === true ? 1e-20 : null,
              scale: fields.moe_router_scaling_factor,
              shared: fields.share_expert_dim,
              sharedName: "share_expert",
              sharedUnit: unit(fields.swiglu_limits_shared, index)
            })
          : dense(`${layer}.mlp`, width, fields.intermediate_size, { unit: unit(fields.swiglu_limits_shared, index) })
    })
  })
