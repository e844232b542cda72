/** The first DeepSeek with experts: ordinary attention, softmax over all experts, weights as they come. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  layerCount,
  nullish,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  chosenExperts,
  dense,
  expertCount,
  frame,
  isDeepseekSparse,
  layerIndex,
  rope,
  ropeFields,
  sharedSize,
  switchField,
  usualAttention,
  usualMixture
} from "./Fields.js"

const Fields = Schema.Struct({
  vocab_size: withDefault(size, 102_400),
  hidden_size: withDefault(size, 4096),
  intermediate_size: withDefault(size, 11_008),
  moe_intermediate_size: withDefault(size, 1407),
  num_hidden_layers: withDefault(layerCount, 30),
  num_attention_heads: withDefault(size, 32),
  num_key_value_heads: withDefault(size, 32),
  n_shared_experts: nullish(expertCount),
  n_routed_experts: nullish(expertCount),
  num_experts_per_tok: nullish(size),
  moe_layer_freq: withDefault(size, 1),
  first_k_dense_replace: withDefault(layerIndex, 0),
  rms_norm_eps: withDefault(eps, 1e-6),
  ...ropeFields,
  attention_bias: switchField
})

/** Only linear scaling has an effect. */
const scaling = (given: Section | null | undefined): Section | null => (given?.["type"] === "linear" ? given : null)

export const deepseek = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads } = fields
    const count = fields.n_routed_experts ?? 0
    const headSize = Math.floor(width / heads)
    const bias = fields.attention_bias === true
    const turned = yield* rope({
      dims: headSize,
      base: fields.rope_theta,
      interleaved: false,
      scaling: scaling(fields.rope_scaling),
      maxPositions: null
    })
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok ?? 0, count)
    const mixed = (path: string) =>
      usualMixture({
        path,
        width,
        count,
        size: fields.moe_intermediate_size,
        score: "softmax",
        chosen,
        shared: sharedSize(fields.n_shared_experts, fields.moe_intermediate_size)
      })
    return preNorm({
      ...frame(fields),
      tied: false,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads,
          headSize,
          inputBias: bias,
          outputBias: bias,
          rope: turned
        }),
      mlp: (layer, index) =>
        isDeepseekSparse(fields, index) ? mixed(`${layer}.mlp`) : dense(`${layer}.mlp`, width, fields.intermediate_size)
    })
  })
