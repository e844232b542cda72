/** Config fields that families with latent attention share, and what is made of them. Pure. */
import { Either, Schema } from "effect"
import { type LatentAttention, latentAttention } from "../../blocks/Latent.js"
import type { Part } from "../../blocks/Part.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  headSize,
  layerCount,
  number,
  positive,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import { rope, ropeFields, switchField } from "../experts/Fields.js"

/** Missing and null mean different things here: null is none. */
export const rank = (missing: number) => withDefault(Schema.NullOr(size), missing)

/** With DeepSeek's defaults. */
export const latentFields = {
  ...ropeFields,
  vocab_size: withDefault(size, 102_400),
  hidden_size: withDefault(size, 4096),
  intermediate_size: withDefault(size, 11_008),
  num_hidden_layers: withDefault(layerCount, 30),
  num_attention_heads: withDefault(size, 32),
  kv_lora_rank: withDefault(size, 512),
  q_lora_rank: rank(1536),
  qk_rope_head_dim: withDefault(headSize, 64),
  v_head_dim: withDefault(headSize, 128),
  qk_nope_head_dim: withDefault(headSize, 128),
  max_position_embeddings: withDefault(size, 2048),
  rms_norm_eps: withDefault(eps, 1e-6),
  attention_bias: switchField
} as const

/** What of them describes the attention. */
export interface LatentSizes {
  readonly hidden_size: number
  readonly num_attention_heads: number
  readonly kv_lora_rank: number
  readonly q_lora_rank: number | null
  readonly qk_rope_head_dim: number
  readonly v_head_dim: number
  readonly qk_nope_head_dim: number
  readonly attention_bias?: boolean | null
}

interface LatentRope {
  readonly qk_rope_head_dim: number
  readonly rope_theta: number
  readonly rope_scaling?: Section | null
  readonly max_position_embeddings: number
}

export const latentRope = (fields: LatentRope, interleaved = true) =>
  rope({
    dims: fields.qk_rope_head_dim,
    base: fields.rope_theta,
    interleaved,
    scaling: fields.rope_scaling ?? null,
    maxPositions: fields.max_position_embeddings
  })

const Stretch = Schema.Struct({ mscale_all_dim: withDefault(number, 0), factor: withDefault(positive, 1) })

/** What a context that is stretched by yarn multiplies the scores with, beside what rope does. */
export const stretchScale = (scaling: Section | null): Either.Either<number, ConfigProblem> =>
  Either.map(decodeFields(Stretch, scaling ?? {}, "rope_scaling."), ({ factor, mscale_all_dim }) =>
    mscale_all_dim === 0 || factor <= 1 ? 1 : (0.1 * mscale_all_dim * Math.log(factor) + 1) ** 2
  )

type Rest = Pick<LatentAttention, "eps" | "rope" | "storage"> & Partial<LatentAttention> & { readonly stretch?: number }

/** The attention of one layer. */
export const latentPart =
  (fields: LatentSizes, { stretch = 1, ...rest }: Rest) =>
  (path: string): Part =>
    latentAttention({
      width: fields.hidden_size,
      heads: fields.num_attention_heads,
      plainSize: fields.qk_nope_head_dim,
      ropeSize: fields.qk_rope_head_dim,
      valueSize: fields.v_head_dim,
      latentSize: fields.kv_lora_rank,
      queryRank: fields.q_lora_rank,
      bias: fields.attention_bias === true,
      scale: stretch * (fields.qk_nope_head_dim + fields.qk_rope_head_dim) ** -0.5,
      ...rest,
      path
    })

/** Older conversions keep one matrix where newer ones have one per head; it does the same. */
export const storageOf = (stored: ReadonlySet<string>): LatentAttention["storage"] =>
  stored.has("model.layers.0.self_attn.kv_b_proj.weight") ? "joint" : "perHead"

/** Refuses a config that lacks one of these fields. */
export const requireFields = (config: Section, names: ReadonlyArray<string>): Either.Either<void, ConfigProblem> => {
  const missing = names.find((name) => config[name] === undefined)
  return missing === undefined ? Either.void : badConfig(`${missing}: is missing`)
}
