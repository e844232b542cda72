/** MiniCPM 3: latent attention with long rope; embedding, branches and head are scaled. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  headSize,
  number,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { baseFields, dense, frame, switchField } from "../experts/Fields.js"
import { latentPart, latentRope } from "./Fields.js"

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
  attention_bias: switchField,
  rope_theta: withDefault(positive, 1_000_000),
  rope_scaling: Section,
  tie_word_embeddings: switchField
})

/** Of the norms of latents and query vectors. */
const EPS = 1e-5

/** What the scaling of rope is when it doesn't say. */
const scalingDefaults = { original_max_position_embeddings: 4096, long_factor: 1 }

export const miniCpm3 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_hidden_layers: layers } = fields
    const tied = fields.tie_word_embeddings === true
    const rope_scaling = { ...scalingDefaults, ...fields.rope_scaling, type: "longrope" }
    const rope = yield* latentRope({ ...fields, rope_scaling }, false)
    const sizes = { ...fields, v_head_dim: Math.floor(width / fields.num_attention_heads) }
    const attention = latentPart(sizes, { eps: EPS, rope, storage: "joint" })
    return preNorm({
      ...frame(fields),
      tied,
      embeddingScale: fields.scale_emb,
      branchScale: fields.scale_depth / Math.sqrt(layers),
      hiddenDivisor: tied ? 1 : width / fields.dim_model_base,
      attention: (layer) => attention(`${layer}.self_attn`),
      mlp: (layer) => dense(`${layer}.mlp`, width, fields.intermediate_size)
    })
  })
