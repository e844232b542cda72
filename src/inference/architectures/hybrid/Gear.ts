/** Gear: Gemma-like layers, some of which gate convolved values in place of attention. */
import { Either, Schema } from "effect"
import { excerpt } from "../../../domain/Excerpt.js"
import { ALL, attention } from "../../blocks/Attention.js"
import { causalConv } from "../../blocks/CausalConv.js"
import { type Activation, mlp } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, type Part, softcap, times } from "../../blocks/Part.js"
import { sequential } from "../../blocks/Transformer.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  knownLayers,
  layerCount,
  MAX_LAYERS,
  nullish,
  number,
  positive,
  Section,
  size,
  texts,
  unsupported,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { type RopeSpec, ropeSpec } from "../../Rope.js"
import { framed, plainAttention, plainRope, rms, taps } from "./Frame.js"

const CONV = "conv_mixer"
const LOCAL = "sliding_attention"
const GLOBAL = "full_attention"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: nullish(size),
  head_dim: headSize,
  rms_norm_eps: eps,
  layer_types: nullish(texts(MAX_LAYERS)),
  max_position_embeddings: nullish(size),
  hidden_activation: withDefault(Schema.String, "gelu_pytorch_tanh"),
  attention_bias: withDefault(flag, false),
  query_pre_attn_scalar: nullish(positive),
  sliding_window: withDefault(size, 512),
  conv_L_cache: withDefault(taps, 3),
  rope_theta: withDefault(positive, 1_000_000),
  rope_local_base_freq: withDefault(positive, 10_000),
  rope_scaling: nullish(Section),
  tie_word_embeddings: withDefault(flag, true),
  final_logit_softcapping: nullish(number),
  attn_logit_softcapping: nullish(number),
  use_bidirectional_attention: withDefault(flag, false)
})
type Fields = typeof Fields.Type

const activationNames: ReadonlyMap<string, Activation> = new Map([
  ["gelu_pytorch_tanh", "geluTanh"],
  ["gelu_new", "geluTanh"],
  ["gelu_fast", "geluTanh"],
  ["gelu", "gelu"],
  ["silu", "silu"],
  ["swish", "silu"]
])

const plusOne = (path: string, epsilon: number) => ({ ...rms(path, epsilon), offset: 1 })

const attends = (path: string, type: string, fields: Fields, global: RopeSpec): Part => {
  const { attention_bias: bias, head_dim, num_attention_heads: heads, rms_norm_eps } = fields
  const isLocal = type === LOCAL
  const rope = isLocal ? plainRope(head_dim, fields.rope_local_base_freq) : global
  const headNorm = (name: string) => ({ ...plusOne(`${path}.${name}`, rms_norm_eps), span: "head" }) as const
  const sizes = { width: fields.hidden_size, heads, kvHeads: fields.num_key_value_heads ?? heads, headSize: head_dim }
  return attention({
    ...plainAttention(path, sizes, rope),
    scale: (fields.query_pre_attn_scalar ?? head_dim) ** -0.5,
    inputBias: bias,
    outputBias: bias,
    queryNorm: headNorm("q_norm"),
    keyNorm: headNorm("k_norm"),
    softcap: fields.attn_logit_softcapping || null,
    visibility: isLocal ? { _tag: "Window", size: fields.sliding_window } : ALL
  })
}

/** sigmoid(query * convolved key) * convolved value, number by number. */
const convMixer =
  (path: string, fields: Fields): Part =>
  (ops, x) => {
    const { attention_bias: bias, head_dim: size, hidden_size: width, num_attention_heads: heads } = fields
    const kvHeads = fields.num_key_value_heads ?? heads
    const matrix = (name: string, count: number) => ops.linear(x, `${path}.${name}_proj`, { rows: count * size, bias })
    const normed = (name: string, count: number) => {
      const byHead = ops.reshape(matrix(name, count), [0, 0, count, size])
      const result = norm(plusOne(`${path}.${name}_norm`, fields.rms_norm_eps), size)(ops, byHead)
      return ops.reshape(result, [0, 0, count * size])
    }
    const seen = (y: typeof x, name: string) => {
      const conv = { path: `${path}.${name}_conv`, channels: kvHeads * size, taps: fields.conv_L_cache, bias }
      const byHead = ops.reshape(causalConv(ops, y, conv), [0, 0, kvHeads, size])
      return ops.reshape(ops.repeat(byHead, heads / kvHeads, 2), [0, 0, heads * size])
    }
    const open = ops.unary("sigmoid", ops.binary("multiply", normed("q", heads), seen(normed("k", kvHeads), "key")))
    const gated = ops.binary("multiply", open, seen(matrix("v", kvHeads), "value"))
    return ops.linear(gated, `${path}.o_proj`, { rows: width, bias })
  }

const layerTypes = (fields: Fields): Either.Either<ReadonlyArray<string>, ConfigProblem> => {
  const types = fields.layer_types ?? Array.from({ length: fields.num_hidden_layers }, () => GLOBAL)
  if (types.length !== fields.num_hidden_layers) return badConfig("layer_types: has not one entry per layer")
  return knownLayers(types, [CONV, LOCAL, GLOBAL])
}

export const gear = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { final_logit_softcapping: cap, hidden_size: width, rms_norm_eps: epsilon } = fields
    const types = yield* layerTypes(fields)
    const activation = activationNames.get(fields.hidden_activation)
    if (activation === undefined) {
      return yield* unsupported(`activation ${excerpt(fields.hidden_activation)} is not supported`)
    }
    if (fields.use_bidirectional_attention) return yield* unsupported("bidirectional attention is not supported")
    const rope = yield* ropeSpec({
      dims: fields.head_dim,
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings ?? null
    })
    const layer = (type: string, index: number): Part => {
      const path = `model.layers.${index}`
      const normed = (name: string) => norm(plusOne(`${path}.${name}`, epsilon), width)
      const mixer =
        type === CONV ? convMixer(`${path}.local_mixer`, fields) : attends(`${path}.self_attn`, type, fields, rope)
      const feedForward = mlp({
        path: `${path}.mlp`,
        names: { gate: "gate_proj", up: "up_proj", down: "down_proj" },
        width,
        size: fields.intermediate_size,
        activation
      })
      return sequential(
        chain(normed("input_layernorm"), mixer, normed("post_attention_layernorm")),
        chain(normed("pre_feedforward_layernorm"), feedForward, normed("post_feedforward_layernorm"))
      )
    }
    return framed({
      vocabSize: fields.vocab_size,
      width,
      embedding: "model.embed_tokens",
      embeddingScale: times(Math.sqrt(width)),
      finalNorm: plusOne("model.norm", epsilon),
      layers: types.map(layer),
      tied: fields.tie_word_embeddings,
      logits: cap ? softcap(cap) : null,
      storedAs: (name) => (/rotary_emb\.inv_freq|embed_scale$/.test(name) ? null : name)
    })
  })
