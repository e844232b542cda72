/** Youtu LLM: latent attention without experts. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  flag,
  layerCount,
  positive,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { dense, frame, switchField } from "../experts/Fields.js"
import { latentFields, latentPart, latentRope } from "./Fields.js"

const Fields = Schema.Struct({
  ...latentFields,
  vocab_size: withDefault(size, 128_256),
  hidden_size: withDefault(size, 2048),
  intermediate_size: withDefault(size, 6144),
  num_hidden_layers: withDefault(layerCount, 32),
  num_attention_heads: withDefault(size, 16),
  max_position_embeddings: withDefault(size, 131_072),
  rope_theta: withDefault(positive, 1_600_000),
  rope_traditional: withDefault(Schema.NullOr(flag), true),
  mlp_bias: switchField,
  tie_word_embeddings: withDefault(Schema.NullOr(flag), true)
})

export const youtuLlm = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const rope = yield* latentRope(fields, fields.rope_traditional === true)
    const attention = latentPart(fields, { eps: fields.rms_norm_eps, rope, storage: "joint" })
    const bias = fields.mlp_bias === true
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      attention: (layer) => attention(`${layer}.self_attn`),
      mlp: (layer) => dense(`${layer}.mlp`, fields.hidden_size, fields.intermediate_size, { bias })
    })
  })
