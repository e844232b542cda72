/** config.json of Gemma 3n's language model, with mlx-lm's defaults. Pure. */
import { Either, Schema } from "effect"
import {
  badConfig,
  between,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  integer,
  layerCount,
  MAX_LAYERS,
  numbers,
  positive,
  type Section,
  size,
  texts
} from "../../Config.js"
import { keyLayers, type LayerType, layerTypes } from "./GemmaFields.js"
import { fittingHeads } from "./Heads.js"

/** The residual stream runs so many times side by side; in reality four. */
const MAX_STREAMS = 64

const Fields = Schema.Struct({
  hidden_size: size,
  num_hidden_layers: layerCount,
  intermediate_size: Schema.Union(size, numbers(MAX_LAYERS)),
  num_attention_heads: size,
  head_dim: headSize,
  rms_norm_eps: eps,
  vocab_size: size,
  num_key_value_heads: size,
  num_kv_shared_layers: integer(0, MAX_LAYERS),
  vocab_size_per_layer_input: size,
  sliding_window: size,
  rope_local_base_freq: positive,
  rope_theta: positive,
  final_logit_softcapping: Schema.NullOr(positive),
  layer_types: texts(MAX_LAYERS),
  activation_sparsity_pattern: Schema.NullOr(numbers(MAX_LAYERS)),
  hidden_size_per_layer_input: size,
  altup_num_inputs: integer(2, MAX_STREAMS),
  altup_coef_clip: Schema.NullOr(between(0, Number.MAX_VALUE)),
  altup_correct_scale: flag,
  altup_active_idx: integer(0, MAX_STREAMS - 1),
  laurel_rank: size
})

export interface Gemma3nLayer {
  readonly type: LayerType
  /** The layer whose keys and values it uses. */
  readonly keysOf: number
  readonly mlpSize: number
  /** Share of the gate's values that count as nothing; 0 for none. */
  readonly sparsity: number
}

export interface Gemma3nConfig {
  readonly fields: typeof Fields.Type
  readonly layers: ReadonlyArray<Gemma3nLayer>
}

export const gemma3nConfig = (config: Section): Either.Either<Gemma3nConfig, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config, "text_config.")
    const { intermediate_size: widths, num_hidden_layers: count } = fields
    const types = yield* layerTypes(fields.layer_types, count)
    const sources = yield* keyLayers(types, fields.num_kv_shared_layers)
    const sizes = typeof widths === "number" ? types.map(() => widths) : widths
    const sparsities = fields.activation_sparsity_pattern ?? types.map(() => 0)
    if (sizes.length !== count || sizes.some((width) => !Number.isInteger(width) || width < 1)) {
      return yield* badConfig(`intermediate_size: must be an integer above 0 for each of ${count} layers`)
    }
    if (sparsities.length !== count || sparsities.some((share) => share > 1)) {
      return yield* badConfig(`activation_sparsity_pattern: must be a number up to 1 for each of ${count} layers`)
    }
    if (fields.altup_active_idx >= fields.altup_num_inputs) return yield* badConfig("altup_active_idx: is too large")
    yield* fittingHeads(fields.num_attention_heads, fields.num_key_value_heads, fields.head_dim)
    return {
      fields,
      layers: types.map((type, layer) => ({
        type,
        keysOf: sources[layer] ?? layer,
        mlpSize: sizes[layer] ?? 0,
        sparsity: sparsities[layer] ?? 0
      }))
    }
  })
