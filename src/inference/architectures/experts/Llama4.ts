/** Llama 4: most layers turn neighbours and see their own chunk, every fourth sees everything unturned. */
import { Either, Schema } from "effect"
import { ALL } from "../../blocks/Attention.js"
import { throughExperts } from "../../blocks/Experts.js"
import { swiglu } from "../../blocks/Mlp.js"
import type { Part } from "../../blocks/Part.js"
import { positionScale } from "../../blocks/PositionScale.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  flag,
  headSize,
  integer,
  list,
  MAX_HEAD_SIZE,
  MAX_LAYERS,
  nullish,
  number,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import type { RopeSpec } from "../../Rope.js"
import { languageModel, wrapped } from "../Wrappers.js"
import {
  baseFields,
  dense,
  frame,
  perLayer,
  plainRope,
  rope,
  someExperts,
  switchField,
  usualAttention
} from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  attention_bias: switchField,
  attention_chunk_size: size,
  head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  interleave_moe_layer_step: size,
  intermediate_size: size,
  intermediate_size_mlp: size,
  max_position_embeddings: size,
  num_experts_per_tok: integer(1, 1),
  num_key_value_heads: size,
  num_local_experts: someExperts,
  rope_scaling: nullish(Section),
  rope_theta: positive,
  use_qk_norm: switchField,
  attn_temperature_tuning: withDefault(Schema.NullOr(Schema.Union(flag, number)), 4),
  floor_scale: withDefault(positive, 8192),
  attn_scale: withDefault(number, 0.1)
})
type Fields = typeof Fields.Type

/** The token, not the answer, is multiplied by the score of the one expert it goes to. */
const mixed = (
  path: string,
  { hidden_size: width, intermediate_size: size, num_local_experts: count }: Fields
): Part => {
  const shared = dense(`${path}.shared_expert`, width, size)
  return (ops, x) => {
    const logits = ops.linear(x, `${path}.router`, { rows: count })
    const chosen = ops.topIndices(logits, 1)
    const score = ops.native(ops.unary("sigmoid", ops.float32(ops.takeAlong(logits, chosen))))
    const stack = { path: `${path}.experts`, count, size, unit: swiglu }
    const answer = throughExperts(ops, ops.binary("multiply", x, score), chosen, width, stack)
    return ops.binary("add", ops.reshape(answer, [0, 0, width]), shared(ops, x))
  }
}

const attentionOf = (path: string, layer: number, fields: Fields, size: number, turned: RopeSpec): Part => {
  const local = (layer + 1) % 4 !== 0
  const bias = fields.attention_bias === true
  const headNorm =
    local && fields.use_qk_norm === true ? ({ kind: "rms", eps: 1e-6, span: "head", path: null } as const) : null
  return usualAttention({
    path,
    width: fields.hidden_size,
    heads: fields.num_attention_heads,
    kvHeads: fields.num_key_value_heads,
    headSize: size,
    inputBias: bias,
    outputBias: bias,
    queryNorm: headNorm,
    keyNorm: headNorm,
    normPlace: "after",
    rope: local ? turned : null,
    visibility: local ? { _tag: "Chunk", size: fields.attention_chunk_size } : ALL,
    queryScale:
      !local && fields.attn_temperature_tuning
        ? positionScale({ first: 1, every: fields.floor_scale, strength: fields.attn_scale })
        : null
  })
}

const text: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, interleave_moe_layer_step: step, num_attention_heads: heads } = fields
    const size = fields.head_dim || Math.floor(width / heads)
    const turned = yield* rope({
      dims: size,
      base: fields.rope_theta,
      interleaved: true,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    return preNorm({
      ...frame(fields),
      tied: false,
      attention: (layer, index) => attentionOf(`${layer}.self_attn`, index, fields, size, turned),
      mlp: (layer, index) =>
        index % step === step - 1
          ? mixed(`${layer}.feed_forward`, fields)
          : dense(`${layer}.feed_forward`, width, fields.intermediate_size_mlp)
    })
  })

export const llama4 = wrapped(
  languageModel((section) => section, /vision_model|multi_modal_projector/),
  () => text
)

const Text = Schema.Struct({
  ...baseFields,
  intermediate_size_mlp: size,
  num_key_value_heads: size,
  rope_theta: positive,
  head_dim: headSize,
  tie_word_embeddings: nullish(flag),
  no_rope_layers: list(
    (value): value is number | boolean => typeof value === "boolean" || Number.isSafeInteger(value),
    MAX_LAYERS,
    "numbers"
  ),
  use_qk_norm: switchField
})

/** The small models without experts. */
export const llama4Text = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Text, config)
    const { head_dim, hidden_size: width, num_hidden_layers: layers, rms_norm_eps: eps } = fields
    const turned = yield* plainRope(head_dim, fields.rope_theta, true)
    const turns = yield* perLayer("no_rope_layers", fields.no_rope_layers, layers)
    const headNorm = fields.use_qk_norm === true ? ({ kind: "rms", eps, span: "head", path: null } as const) : null
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      names: { head: "output" },
      attention: (layer, index) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads: fields.num_attention_heads,
          kvHeads: fields.num_key_value_heads,
          headSize: head_dim,
          queryNorm: headNorm,
          keyNorm: headNorm,
          rope: turns(index) ? turned : null
        }),
      mlp: (layer) => dense(`${layer}.feed_forward`, width, fields.intermediate_size_mlp)
    })
  })
