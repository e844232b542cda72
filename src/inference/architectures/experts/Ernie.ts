/** ERNIE 4.5 with experts: neighbours turn, the scores of the chosen experts are always made to add up to one. */
import { Either, Schema } from "effect"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  integer,
  list,
  MAX_HEAD_SIZE,
  MAX_LAYERS,
  nullish,
  positive,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  baseFields,
  chosenExperts,
  dense,
  expertCount,
  frame,
  layerIndex,
  plainRope,
  sharedSize,
  someExperts,
  switchField,
  usualAttention,
  usualMixture
} from "./Fields.js"

const bound = Schema.Union(
  layerIndex,
  list((value): value is number => Number.isSafeInteger(value), MAX_LAYERS, "layer numbers")
)

const Fields = Schema.Struct({
  ...baseFields,
  intermediate_size: size,
  num_key_value_heads: size,
  rope_theta: positive,
  use_bias: switchField,
  tie_word_embeddings: switchField,
  moe_num_experts: someExperts,
  moe_layer_start_index: withDefault(bound, 0),
  moe_intermediate_size: withDefault(integer(0, 2 ** 26), 0),
  moe_k: withDefault(size, 1),
  moe_layer_interval: withDefault(size, 1),
  moe_num_shared_experts: withDefault(expertCount, 0),
  moe_layer_end_index: nullish(bound),
  head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  moe_gate_act: withDefault(Schema.Literal("softmax", "sigmoid"), "softmax")
})
type Fields = typeof Fields.Type

const all = (value: number | ReadonlyArray<number>) => (typeof value === "number" ? [value] : value)

const isSparse = (fields: Fields, layer: number) =>
  (layer + 1) % fields.moe_layer_interval === 0 &&
  layer >= Math.min(...all(fields.moe_layer_start_index)) &&
  layer <= Math.max(...all(fields.moe_layer_end_index ?? fields.num_hidden_layers - 1))

const NEEDLESS = ["mtp_block.", "mtp_linear_proj.", "mtp_hidden_norm.", "mtp_emb_norm.", "e_score_correction_bias"]

export const ernieMoe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, moe_num_experts: count, num_attention_heads: heads } = fields
    const headSize = fields.head_dim || Math.floor(width / heads)
    const bias = fields.use_bias === true
    const rope = yield* plainRope(headSize, fields.rope_theta, true)
    const chosen = yield* chosenExperts("moe_k", fields.moe_k, count)
    const expertSize = fields.moe_intermediate_size || fields.intermediate_size
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      storedAs: (name) => (NEEDLESS.some((part) => name.includes(part)) ? null : name),
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads,
          headSize,
          inputBias: bias,
          outputBias: bias,
          rope
        }),
      mlp: (layer, index) =>
        isSparse(fields, index)
          ? usualMixture({
              path: `${layer}.mlp`,
              width,
              count,
              size: expertSize,
              score: fields.moe_gate_act,
              chosen,
              normalize: 1e-12,
              expertBias: bias,
              shared: sharedSize(fields.moe_num_shared_experts, expertSize)
            })
          : dense(`${layer}.mlp`, width, fields.intermediate_size, { bias })
    })
  })
