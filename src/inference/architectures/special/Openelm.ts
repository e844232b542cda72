/** OpenELM: every layer has its own number of heads and its own width. */
import { Either, Schema } from "effect"
import { ALL, attention, type HeadNorm } from "../../blocks/Attention.js"
import { mlp } from "../../blocks/Mlp.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  layerCount,
  MAX_LAYERS,
  positive,
  positives,
  size,
  withDefault
} from "../../Config.js"
import type { Build } from "../../Decoder.js"
import { fittingHeads } from "./Heads.js"

const Fields = Schema.Struct({
  head_dim: headSize,
  num_transformer_layers: layerCount,
  model_dim: size,
  vocab_size: size,
  ffn_dim_divisor: size,
  num_query_heads: positives(MAX_LAYERS),
  num_kv_heads: positives(MAX_LAYERS),
  ffn_multipliers: positives(MAX_LAYERS),
  normalize_qk_projections: withDefault(flag, true),
  share_input_output_layers: withDefault(flag, true),
  rms_norm_eps: withDefault(eps, 1e-6),
  rope_freq_constant: withDefault(positive, 10_000)
})
type Fields = typeof Fields.Type

/** The nearest multiple of `divisor`, but not more than a tenth below `value`. */
const divisible = (value: number, divisor: number): number => {
  const near = Math.max(divisor, Math.floor((value + divisor / 2) / divisor) * divisor)
  return near < 0.9 * value ? near + divisor : near
}

interface Layer {
  readonly heads: number
  readonly kvHeads: number
  readonly mlpSize: number
}

const layersOf = (fields: Fields): Either.Either<ReadonlyArray<Layer>, ConfigProblem> => {
  const layers = fields.num_query_heads.map((heads, layer) => ({
    heads,
    kvHeads: fields.num_kv_heads[layer] ?? 0,
    mlpSize: divisible((fields.ffn_multipliers[layer] ?? 0) * fields.model_dim, fields.ffn_dim_divisor)
  }))
  const count = fields.num_transformer_layers
  const lists = [fields.num_query_heads, fields.num_kv_heads, fields.ffn_multipliers]
  if (lists.some((list) => list.length !== count)) return badConfig(`lists of layers: must have ${count} values`)
  return Either.map(
    Either.all(layers.map(({ heads, kvHeads }) => fittingHeads(heads, kvHeads, fields.head_dim))),
    () => layers
  )
}

export const openelm: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { head_dim: dims, model_dim: width, rms_norm_eps } = fields
    const layers = yield* layersOf(fields)
    const none: Layer = { heads: 1, kvHeads: 1, mlpSize: 1 }
    const headNorm = (path: string): HeadNorm | null =>
      fields.normalize_qk_projections ? { kind: "rms", eps: rms_norm_eps, span: "head", path } : null
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers: layers.length,
      norm: { kind: "rms", eps: rms_norm_eps },
      tied: fields.share_input_output_layers,
      names: {
        embedding: "transformer.token_embeddings",
        layers: "transformer.layers",
        finalNorm: "transformer.norm",
        attentionNorm: "attn_norm",
        mlpNorm: "ffn_norm"
      },
      attention: (layer, index) => {
        const { heads, kvHeads } = layers[index] ?? none
        return attention({
          path: `${layer}.attn`,
          width,
          heads,
          kvHeads,
          headSize: dims,
          names: { fused: "qkv_proj", rows: "blocks" },
          output: "out_proj",
          queryNorm: headNorm(`${layer}.attn.q_norm`),
          keyNorm: headNorm(`${layer}.attn.k_norm`),
          rope: {
            dims,
            interleaved: false,
            rates: { _tag: "Base", base: fields.rope_freq_constant, positionScale: 1 }
          },
          scale: dims ** -0.5,
          visibility: ALL
        })
      },
      mlp: (layer, index) =>
        mlp({
          path: `${layer}.ffn`,
          names: { gateUp: "proj_1", down: "proj_2" },
          width,
          size: (layers[index] ?? none).mlpSize,
          activation: "silu"
        })
    })
  })
