/** MiniMax M3: an indexer keeps blocks of keys, gates are limited, norm weights are counted from one. */
import { Either, Schema } from "effect"
import { type BlockIndexer, indexedBlocks } from "../../blocks/BlockIndexer.js"
import { clippedSwish } from "../../blocks/ClippedUnits.js"
import type { GatedUnit } from "../../blocks/Mlp.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
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
import type { Build } from "../../Decoder.js"
import { languageModel, wrapped } from "../Wrappers.js"
import {
  chosenExperts,
  dense,
  expertCount,
  frame,
  headNorms,
  perLayer,
  rope,
  share,
  someExperts,
  switchField,
  usualAttention,
  usualMixture
} from "./Fields.js"

const switches = list(
  (value): value is number | boolean => typeof value === "boolean" || Number.isSafeInteger(value),
  MAX_LAYERS,
  "numbers"
)

const Fields = Schema.Struct({
  hidden_size: withDefault(size, 6144),
  intermediate_size: withDefault(size, 3072),
  dense_intermediate_size: withDefault(size, 12_288),
  shared_intermediate_size: withDefault(size, 3072),
  num_attention_heads: withDefault(size, 64),
  num_key_value_heads: withDefault(size, 4),
  num_hidden_layers: withDefault(layerCount, 60),
  num_local_experts: withDefault(someExperts, 128),
  num_experts_per_tok: withDefault(size, 4),
  max_position_embeddings: withDefault(size, 1_048_576),
  rms_norm_eps: withDefault(eps, 1e-6),
  rope_theta: withDefault(positive, 5_000_000),
  rope_parameters: nullish(Section),
  head_dim: withDefault(headSize, 128),
  rotary_dim: nullish(headSize),
  partial_rotary_factor: withDefault(between(0, 1), 0.5),
  vocab_size: withDefault(size, 200_064),
  tie_word_embeddings: switchField,
  routed_scaling_factor: withDefault(number, 2),
  use_qk_norm: withDefault(Schema.NullOr(flag), true),
  use_gemma_norm: withDefault(Schema.NullOr(flag), true),
  swiglu_alpha: withDefault(number, 1.702),
  swiglu_limit: withDefault(positive, 7),
  mlp_layer_types: nullish(texts(MAX_LAYERS)),
  moe_layer_freq: nullish(switches),
  layer_types: nullish(texts(MAX_LAYERS)),
  sparse_attention_freq: nullish(switches),
  index_n_heads: nullish(size),
  index_head_dim: nullish(headSize),
  index_block_size: nullish(integer(1, 2 ** 20)),
  index_topk_blocks: nullish(size),
  index_local_blocks: withDefault(expertCount, 1)
})
type Fields = typeof Fields.Type

/** What `sparse_attention_config` calls fields that may also stand beside it. */
const sparseNames = {
  sparse_num_index_heads: "index_n_heads",
  sparse_index_dim: "index_head_dim",
  sparse_block_size: "index_block_size",
  sparse_topk_blocks: "index_topk_blocks",
  sparse_local_block: "index_local_blocks",
  sparse_attention_freq: "sparse_attention_freq"
} as const

const Nested = Schema.Struct({ sparse_attention_config: nullish(Section), rope_parameters: nullish(Section) })

/** With the fields of its sections in their place at the top, where they win. */
const flattened = (config: Section): Either.Either<Section, ConfigProblem> =>
  Either.map(decodeFields(Nested, config), (nested) => {
    const sparse = nested.sparse_attention_config ?? {}
    const moved = Object.entries(sparseNames).flatMap(([from, to]) => (from in sparse ? [[to, sparse[from]]] : []))
    const { partial_rotary_factor, rope_theta } = { ...config, ...nested.rope_parameters }
    const turned = { partial_rotary_factor, rope_theta }
    const known = Object.entries(turned).filter(([, value]) => value !== undefined)
    return { ...config, ...Object.fromEntries([...known, ...moved]) }
  })

/** Null where all layers see all keys. */
const indexerOf = (fields: Fields, rotary: number): Either.Either<Omit<BlockIndexer, "path"> | null, ConfigProblem> =>
  Either.gen(function* () {
    const { index_block_size: blockSize, index_head_dim, index_n_heads: heads, index_topk_blocks: keep } = fields
    if (!blockSize) return null
    if (!heads || !index_head_dim || !keep) return yield* badConfig("sparse_attention_config: a field is missing")
    if (fields.num_attention_heads % heads !== 0) {
      return yield* badConfig(`num_attention_heads ${fields.num_attention_heads} is not a multiple of ${heads}`)
    }
    return {
      attentionHeads: fields.num_attention_heads,
      heads,
      headSize: index_head_dim,
      blockSize,
      keep,
      local: fields.index_local_blocks,
      rope: yield* ropeOf(fields, Math.min(rotary, index_head_dim)),
      norm: normOf(fields)
    }
  })

const normOf = (fields: Fields) =>
  ({ kind: "rms", eps: fields.rms_norm_eps, offset: fields.use_gemma_norm === true ? 1 : 0 }) as const

const ropeOf = (fields: Fields, dims: number) =>
  rope({
    dims,
    base: fields.rope_theta,
    interleaved: false,
    scaling: fields.rope_parameters ?? null,
    maxPositions: fields.max_position_embeddings
  })

/** By name of type, by switch, or every layer. */
const chooser = (
  field: string,
  fields: Fields,
  types: ReadonlyArray<string> | null | undefined,
  is: (type: string) => boolean,
  freq: ReadonlyArray<number | boolean> | null | undefined
): Either.Either<(layer: number) => boolean, ConfigProblem> => {
  const listed = types?.map(is) ?? freq?.map(Boolean)
  return listed === undefined ? Either.right(() => true) : perLayer(field, listed, fields.num_hidden_layers)
}

/** Layers without experts are stored under the experts' name by some. */
const storedAs = (name: string) =>
  name.replace(/^(model\.layers\.\d+)\.block_sparse_moe\.((?:gate|up|down)_proj\.)/, "$1.mlp.$2")

const mixed = (path: string, fields: Fields, unit: GatedUnit, chosen: number): Part =>
  usualMixture({
    path,
    width: fields.hidden_size,
    count: fields.num_local_experts,
    size: fields.intermediate_size,
    unit,
    score: "sigmoid",
    chosen,
    choiceBias: `${path}.e_score_correction_bias`,
    normalize: 1e-20,
    scale: fields.routed_scaling_factor,
    shared: fields.shared_intermediate_size
  })

const text: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, yield* flattened(config))
    const { head_dim, hidden_size: width, num_local_experts: count } = fields
    const rotary = fields.rotary_dim ?? share(head_dim, fields.partial_rotary_factor)
    const turned = yield* ropeOf(fields, rotary)
    const indexer = yield* indexerOf(fields, rotary)
    const { layer_types, mlp_layer_types, moe_layer_freq, sparse_attention_freq } = fields
    const isSparse = yield* chooser(
      "mlp_layer_types",
      fields,
      mlp_layer_types,
      (type) => type === "sparse",
      moe_layer_freq
    )
    const isIndexed = yield* chooser(
      "layer_types",
      fields,
      layer_types,
      (type) => type !== "full_attention",
      sparse_attention_freq
    )
    const unit = clippedSwish(fields.swiglu_alpha, fields.swiglu_limit)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    const normed = (path: string) =>
      fields.use_qk_norm === true ? headNorms(path, fields.rms_norm_eps, "head", normOf(fields).offset) : {}
    return preNorm({
      ...frame(fields),
      norm: normOf(fields),
      tied: fields.tie_word_embeddings === true,
      storedAs,
      attention: (layer, index) => {
        const path = `${layer}.self_attn`
        return usualAttention({
          path,
          width,
          heads: fields.num_attention_heads,
          kvHeads: fields.num_key_value_heads,
          headSize: head_dim,
          ...normed(path),
          rope: turned,
          scoreBias: indexer !== null && isIndexed(index) ? indexedBlocks({ ...indexer, path }) : null
        })
      },
      mlp: (layer, index) =>
        isSparse(index)
          ? mixed(`${layer}.block_sparse_moe`, fields, unit, chosen)
          : dense(`${layer}.mlp`, width, fields.dense_intermediate_size, { unit })
    })
  })

export const minimaxM3 = wrapped(
  languageModel((section) => section, /^(vision_tower|multi_modal_projector|patch_merge_mlp)\./),
  () => text
)
