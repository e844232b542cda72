/** DeepSeek V2 and V3, and the families that share their code: Kimi, GLM 4.7 Flash and, with sparse attention, GLM 5. */
import { Either, Schema } from "effect"
import type { Indexer } from "../../blocks/Indexer.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  headSize,
  layerCount,
  nullish,
  number,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import {
  chosenExperts,
  dense,
  expertCount,
  expertGroups,
  frame,
  groupFields,
  isDeepseekSparse,
  layerIndex,
  only,
  sharedSize,
  sigmoidMixture,
  switchField,
  usualMixture
} from "../experts/Fields.js"
import { languageModel, wrapped } from "../Wrappers.js"
import { latentFields, latentPart, latentRope, rank, requireFields, storageOf, stretchScale } from "./Fields.js"

/** Of the norms of latents and query vectors, whatever rms_norm_eps says. */
const EPS = 1e-6

const expertFields = {
  moe_intermediate_size: withDefault(size, 1407),
  n_shared_experts: nullish(expertCount),
  n_routed_experts: nullish(expertCount),
  routed_scaling_factor: withDefault(number, 1),
  moe_layer_freq: withDefault(size, 1),
  first_k_dense_replace: withDefault(layerIndex, 0)
} as const

const V2 = Schema.Struct({
  ...latentFields,
  ...expertFields,
  rope_scaling: Section,
  num_experts_per_tok: nullish(size),
  topk_method: withDefault(Schema.String, "gready"),
  n_group: nullish(size),
  topk_group: nullish(expertCount)
})

/** Softmax over all experts; groups are ranked by their best, and weights stay as they come. */
const v2Mixture = (fields: typeof V2.Type): Either.Either<(path: string) => Part, ConfigProblem> =>
  Either.gen(function* () {
    const count = fields.n_routed_experts ?? 0
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok ?? 0, count)
    if (count > 0 && chosen === 0) return yield* badConfig("num_experts_per_tok: is missing")
    const limited = fields.topk_method === "group_limited_greedy"
    const groups = limited ? yield* expertGroups(fields.n_group ?? 1, fields.topk_group ?? 1, "best") : null
    return (path) =>
      usualMixture({
        path,
        width: fields.hidden_size,
        count,
        size: fields.moe_intermediate_size,
        score: "softmax",
        chosen,
        groups,
        scale: fields.routed_scaling_factor,
        shared: sharedSize(fields.n_shared_experts, fields.moe_intermediate_size)
      })
  })

/** Rope is always stretched by yarn, whatever the kind is called. */
export const deepseekV2 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(V2, config)
    const scaling = { ...fields.rope_scaling, type: "yarn" }
    const attention = latentPart(fields, {
      eps: EPS,
      rope: yield* latentRope({ ...fields, rope_scaling: scaling }),
      storage: "joint",
      stretch: yield* stretchScale(scaling)
    })
    return withExperts(fields, attention, yield* v2Mixture(fields))
  })

interface Layers {
  readonly vocab_size: number
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly rms_norm_eps: number
  readonly n_routed_experts?: number | null
  readonly first_k_dense_replace: number
  readonly moe_layer_freq: number
}

const withExperts = (
  fields: Layers,
  attention: (path: string) => Part,
  mixed: (path: string) => Part,
  storedAs: Decoder["storedAs"] = (name) => name
): Decoder =>
  preNorm({
    ...frame(fields),
    tied: false,
    storedAs,
    attention: (layer) => attention(`${layer}.self_attn`),
    mlp: (layer, index) =>
      isDeepseekSparse(fields, index)
        ? mixed(`${layer}.mlp`)
        : dense(`${layer}.mlp`, fields.hidden_size, fields.intermediate_size)
  })

const V3 = Schema.Struct({
  ...latentFields,
  ...expertFields,
  ...groupFields,
  topk_method: withDefault(only("noaux_tc"), "noaux_tc"),
  norm_topk_prob: withDefault(Schema.NullOr(Schema.Boolean), true),
  num_experts_per_tok: withDefault(size, 1)
})
type V3 = typeof V3.Type

const build = (
  fields: V3,
  stored: ReadonlySet<string>,
  eps: number,
  storedAs?: Decoder["storedAs"],
  indexer: (path: string) => Indexer | null = () => null
): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const turned = yield* latentRope(fields)
    const stretch = yield* stretchScale(fields.rope_scaling ?? null)
    const attention = (path: string) =>
      latentPart(fields, { eps, rope: turned, storage: storageOf(stored), stretch, indexer: indexer(path) })(path)
    return withExperts(fields, attention, yield* sigmoidMixture(fields), storedAs)
  })

/** The layer that predicts further tokens. */
const withoutExtraLayer = (name: string) => (name.startsWith("model.layers.61.") ? null : name)

export const deepseekV3: Build = (config, stored) =>
  Either.flatMap(decodeFields(V3, config), (fields) => build(fields, stored, EPS, withoutExtraLayer))

const VISION = /vision_tower|vision_model|multi_modal_projector|mm_projector/

/** The language model of Kimi VL and of Kimi K2.5. */
export const kimiText = wrapped(
  languageModel((text) => text, VISION),
  () => deepseekV3
)

const Lite = Schema.Struct({
  ...V3.fields,
  vocab_size: withDefault(size, 154_880),
  hidden_size: withDefault(size, 2048),
  intermediate_size: withDefault(size, 10_240),
  moe_intermediate_size: withDefault(size, 1536),
  num_hidden_layers: withDefault(layerCount, 47),
  num_attention_heads: withDefault(size, 20),
  n_shared_experts: withDefault(Schema.NullOr(expertCount), 1),
  n_routed_experts: withDefault(Schema.NullOr(expertCount), 64),
  routed_scaling_factor: withDefault(number, 1.8),
  q_lora_rank: rank(768),
  qk_nope_head_dim: withDefault(headSize, 192),
  v_head_dim: withDefault(headSize, 256),
  num_experts_per_tok: withDefault(size, 4),
  first_k_dense_replace: withDefault(layerIndex, 1),
  max_position_embeddings: withDefault(size, 202_752),
  rms_norm_eps: withDefault(eps, 1e-5),
  rope_theta: withDefault(positive, 1_000_000)
})

/** Layers behind the last one predict further tokens. */
const withoutLayersFrom = (layers: number) => (name: string) => {
  const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1]
  return layer !== undefined && Number(layer) >= layers ? null : name
}

/** All norms have the same eps. */
export const glm4MoeLite: Build = (config, stored) =>
  Either.flatMap(decodeFields(Lite, config), (fields) =>
    build(fields, stored, fields.rms_norm_eps, withoutLayersFrom(fields.num_hidden_layers))
  )

const V32 = Schema.Struct({
  ...V3.fields,
  q_lora_rank: withDefault(size, 1536),
  index_head_dim: withDefault(headSize, 128),
  index_n_heads: withDefault(size, 64),
  index_topk: withDefault(size, 2048),
  indexer_rope_interleave: switchField
})

/** An indexer keeps the best keys of each query. */
export const deepseekV32: Build = (config, stored) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(V32, config)
    const turned = yield* latentRope(fields, fields.indexer_rope_interleave === true)
    return yield* build(fields, stored, EPS, undefined, (path) => ({
      path: `${path}.indexer`,
      heads: fields.index_n_heads,
      headSize: fields.index_head_dim,
      keep: fields.index_topk,
      rope: turned
    }))
  })

const GLM_REQUIRED = [
  ...["vocab_size", "hidden_size", "index_head_dim", "index_n_heads", "index_topk", "intermediate_size"],
  ...["moe_intermediate_size", "num_hidden_layers", "num_attention_heads", "n_shared_experts", "n_routed_experts"],
  ...["routed_scaling_factor", "kv_lora_rank", "q_lora_rank", "qk_rope_head_dim", "v_head_dim", "qk_nope_head_dim"],
  ...["topk_method", "norm_topk_prob", "n_group", "topk_group", "num_experts_per_tok", "moe_layer_freq"],
  ...["first_k_dense_replace", "max_position_embeddings", "rms_norm_eps", "rope_parameters", "attention_bias"]
]

/** DeepSeek V3.2 with the fields of rope in one place, and neighbours turning in the indexer. */
export const glmMoeDsa: Build = (config, stored) =>
  Either.gen(function* () {
    yield* requireFields(config, GLM_REQUIRED)
    const { rope_parameters: scaling } = yield* decodeFields(Schema.Struct({ rope_parameters: Section }), config)
    yield* requireFields(scaling, ["rope_theta"])
    const { rope_theta } = scaling
    return yield* deepseekV32({ indexer_rope_interleave: true, ...config, rope_scaling: scaling, rope_theta }, stored)
  })
