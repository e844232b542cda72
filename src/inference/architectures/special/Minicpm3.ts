/** MiniCPM 3: queries, keys and values come from small latent vectors, and only a part of each head is turned. */
import { Either, Schema } from "effect"
import { ALL } from "../../blocks/Attention.js"
import { gatedMlp, swiglu } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, mergeHeads, type Part, splitHeads } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { decodeFields, flag, headSize, number, positive, Section, size, withDefault } from "../../Config.js"
import type { Build } from "../../Decoder.js"
import type { RopeSpec } from "../../Rope.js"
import { baseFields, frame, rope } from "../experts/Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  dim_model_base: positive,
  intermediate_size: size,
  q_lora_rank: size,
  qk_nope_head_dim: headSize,
  qk_rope_head_dim: headSize,
  kv_lora_rank: size,
  scale_depth: number,
  scale_emb: number,
  max_position_embeddings: size,
  attention_bias: withDefault(flag, false),
  rope_theta: withDefault(positive, 1e6),
  rope_scaling: Section,
  tie_word_embeddings: withDefault(flag, false)
})
type Fields = typeof Fields.Type

/** Of the norms on the latent vectors; the config has no field for it. */
const LATENT_EPS = 1e-5

const attention = (fields: Fields, turn: RopeSpec, path: string): Part => {
  const { attention_bias: bias, hidden_size: width, num_attention_heads: heads } = fields
  const { kv_lora_rank: rank, qk_nope_head_dim: still, qk_rope_head_dim: turning } = fields
  const valueSize = Math.floor(width / heads)
  const latentNorm = (name: string, length: number) =>
    norm({ kind: "rms", eps: LATENT_EPS, path: `${path}.${name}` }, length)
  const toQueries = chain(
    linear(`${path}.q_a_proj`, fields.q_lora_rank, bias),
    latentNorm("q_a_layernorm", fields.q_lora_rank),
    linear(`${path}.q_b_proj`, heads * (still + turning))
  )
  const toKeysValues = chain(
    latentNorm("kv_a_layernorm", rank),
    linear(`${path}.kv_b_proj`, heads * (still + valueSize))
  )
  const compress = linear(`${path}.kv_a_proj_with_mqa`, rank + turning, bias)
  const output = linear(`${path}.o_proj`, width, bias)
  return (ops, x) => {
    const queries = splitHeads(ops, toQueries(ops, x), heads, still + turning)
    const compressed = compress(ops, x)
    const latent = ops.slice(compressed, -1, 0, rank)
    const shared = ops.rope(splitHeads(ops, ops.slice(compressed, -1, rank, null), 1, turning), turn)
    const both = splitHeads(ops, toKeysValues(ops, latent), heads, still + valueSize)
    const keys = ops.concat([ops.slice(both, -1, 0, still), ops.repeat(shared, heads, 1)], -1)
    const turned = ops.rope(ops.slice(queries, -1, still, null), turn)
    const found = ops.attend(
      ops.concat([ops.slice(queries, -1, 0, still), turned], -1),
      ops.cached(`${path}.keys`, keys, ALL),
      ops.cached(`${path}.values`, ops.slice(both, -1, still, null), ALL),
      { scale: (still + turning) ** -0.5, visibility: ALL }
    )
    return output(ops, mergeHeads(ops, found, heads, valueSize))
  }
}

export const minicpm3: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, intermediate_size: wide, num_hidden_layers: layers } = fields
    const turn = yield* rope({
      dims: fields.qk_rope_head_dim,
      base: fields.rope_theta,
      interleaved: false,
      scaling: {
        original_max_position_embeddings: 4096,
        long_factor: 1,
        ...fields.rope_scaling,
        type: "longrope"
      },
      maxPositions: fields.max_position_embeddings
    })
    const tied = fields.tie_word_embeddings
    return preNorm({
      ...frame(fields),
      tied,
      embeddingScale: fields.scale_emb,
      branchScale: fields.scale_depth / Math.sqrt(layers),
      hiddenDivisor: tied ? 1 : width / fields.dim_model_base,
      attention: (layer) => attention(fields, turn, `${layer}.self_attn`),
      mlp: (layer) => (ops, x) => gatedMlp(ops, x, `${layer}.mlp`, { width, size: wide, unit: swiglu })
    })
  })
