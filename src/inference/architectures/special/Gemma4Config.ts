/** config.json of Gemma 4's language model, with mlx-lm's defaults. Pure. */
import { Either, Schema } from "effect"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  integer,
  layerCount,
  MAX_HEAD_SIZE,
  MAX_LAYERS,
  nullish,
  positive,
  Section,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Visibility } from "../../Ops.js"
import { type RopeSpec, ropeSpec } from "../../Rope.js"
import { keyLayers, type LayerType, layerTypes, visibilityOf } from "./GemmaFields.js"
import { fittingHeads } from "./Heads.js"

const Fields = Schema.Struct({
  hidden_size: withDefault(size, 1536),
  num_hidden_layers: withDefault(layerCount, 35),
  intermediate_size: withDefault(size, 6144),
  num_attention_heads: withDefault(size, 8),
  head_dim: withDefault(headSize, 256),
  global_head_dim: Schema.optionalWith(Schema.NullOr(integer(0, MAX_HEAD_SIZE)), { exact: true, default: () => 512 }),
  rms_norm_eps: withDefault(eps, 1e-6),
  vocab_size: withDefault(size, 262_144),
  vocab_size_per_layer_input: withDefault(size, 262_144),
  num_key_value_heads: withDefault(size, 1),
  num_global_key_value_heads: nullish(size),
  num_kv_shared_layers: withDefault(integer(0, MAX_LAYERS), 20),
  hidden_size_per_layer_input: Schema.optionalWith(Schema.NullOr(integer(0, 2 ** 20)), {
    exact: true,
    default: () => 256
  }),
  rope_traditional: withDefault(flag, false),
  rope_parameters: nullish(Section),
  sliding_window: withDefault(size, 512),
  sliding_window_pattern: withDefault(layerCount, 5),
  max_position_embeddings: withDefault(size, 131_072),
  attention_k_eq_v: withDefault(flag, false),
  final_logit_softcapping: Schema.optionalWith(Schema.NullOr(positive), { exact: true, default: () => 30 }),
  use_double_wide_mlp: withDefault(flag, true),
  enable_moe_block: withDefault(flag, false),
  num_experts: nullish(size),
  top_k_experts: nullish(size),
  moe_intermediate_size: nullish(size),
  layer_types: nullish(texts(MAX_LAYERS)),
  tie_word_embeddings: Schema.optionalWith(Schema.NullOr(flag), { exact: true, default: () => true })
})
type Fields = typeof Fields.Type

const ROPES: Section = {
  full_attention: { partial_rotary_factor: 0.25, rope_theta: 1e6, rope_type: "proportional" },
  sliding_attention: { partial_rotary_factor: 1, rope_theta: 10_000, rope_type: "default" }
}

const RopeBase = Schema.Struct({ rope_theta: withDefault(positive, 10_000) })

/** What the attention of one type of layer has. */
export interface AttentionKind {
  readonly headSize: number
  readonly kvHeads: number
  readonly rope: RopeSpec
  readonly visibility: Visibility
  /** Values come from the keys' matrix. */
  readonly keysAreValues: boolean
}

const attentionKind = (fields: Fields, type: LayerType): Either.Either<AttentionKind, ConfigProblem> =>
  Either.gen(function* () {
    const full = type === "full_attention"
    const dims = (full ? fields.global_head_dim : null) || fields.head_dim
    const keysAreValues = full && fields.attention_k_eq_v
    const kvHeads = (keysAreValues ? fields.num_global_key_value_heads : null) ?? fields.num_key_value_heads
    yield* fittingHeads(fields.num_attention_heads, kvHeads, dims)
    const ropes = fields.rope_parameters ?? ROPES
    const { [type]: section } = yield* decodeFields(
      Schema.Struct({ [type]: nullish(Section) }),
      ropes,
      "rope_parameters."
    )
    const scaling = section ?? {}
    const { rope_theta: base } = yield* decodeFields(RopeBase, scaling, `rope_parameters.${type}.`)
    const rope = yield* ropeSpec({
      dims,
      base,
      interleaved: fields.rope_traditional,
      scaling,
      maxPositions: fields.max_position_embeddings
    })
    return { headSize: dims, kvHeads, rope, visibility: visibilityOf(type, fields.sliding_window), keysAreValues }
  })

export interface Experts {
  readonly count: number
  readonly chosen: number
  readonly size: number
}

const experts = (fields: Fields): Either.Either<Experts | null, ConfigProblem> => {
  if (!fields.enable_moe_block) return Either.right(null)
  const { moe_intermediate_size: size, num_experts: count, top_k_experts: chosen } = fields
  if (!count || !chosen || !size)
    return badConfig("num_experts, top_k_experts and moe_intermediate_size: must be there")
  return chosen <= count
    ? Either.right({ count, chosen, size })
    : badConfig(`top_k_experts: above num_experts ${count}`)
}

export interface Gemma4Config {
  readonly fields: Fields
  readonly layers: ReadonlyArray<{
    readonly attention: AttentionKind
    /** The layer whose keys and values it uses. */
    readonly keysOf: number
    readonly mlpSize: number
  }>
  readonly experts: Experts | null
}

export const gemma4Config = (config: Section): Either.Either<Gemma4Config, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { num_hidden_layers: count, num_kv_shared_layers: shared, sliding_window_pattern: pattern } = fields
    const usual = Array.from({ length: count }, (_, layer) =>
      (layer + 1) % pattern === 0 ? "full_attention" : "sliding_attention"
    )
    const types = yield* layerTypes(fields.layer_types ?? usual, count)
    const sources = yield* keyLayers(types, shared)
    const kinds = {
      full_attention: yield* attentionKind(fields, "full_attention"),
      sliding_attention: yield* attentionKind(fields, "sliding_attention")
    }
    const wide = (layer: number) => fields.use_double_wide_mlp && layer >= count - shared
    return {
      fields,
      experts: yield* experts(fields),
      layers: types.map((type, layer) => ({
        attention: kinds[type],
        keysOf: sources[layer] ?? layer,
        mlpSize: fields.intermediate_size * (wide(layer) ? 2 : 1)
      }))
    }
  })
