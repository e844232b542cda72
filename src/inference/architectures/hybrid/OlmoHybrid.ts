/** OLMo Hybrid: gated delta rule with norms before its branches, attention with norms behind them. */
import { Either, Schema } from "effect"
import { attention } from "../../blocks/Attention.js"
import { convolved, decayOf, deltaRule, unitQueriesAndKeys } from "../../blocks/DeltaRule.js"
import { norm } from "../../blocks/Norm.js"
import { chain, type Part, times } from "../../blocks/Part.js"
import { sequential } from "../../blocks/Transformer.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  knownLayers,
  layerCount,
  MAX_LAYERS,
  nullish,
  positive,
  type Section,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { framed, plainAttention, plainRope, rms, silentMlp, taps } from "./Frame.js"

const DEFAULT_ROPE_BASE = 10_000

const Fields = Schema.Struct({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: nullish(size),
  rms_norm_eps: eps,
  vocab_size: size,
  linear_num_key_heads: size,
  linear_num_value_heads: size,
  linear_key_head_dim: headSize,
  linear_value_head_dim: headSize,
  linear_conv_kernel_dim: taps,
  linear_allow_neg_eigval: flag,
  tie_word_embeddings: flag,
  attention_bias: flag,
  layer_norm_epsilon: withDefault(eps, 1e-5),
  head_dim: nullish(headSize),
  layer_types: nullish(texts(MAX_LAYERS)),
  rope_parameters: nullish(Schema.Struct({ rope_theta: nullish(positive) })),
  rope_theta: nullish(positive)
})
type Fields = typeof Fields.Type

const deltaLayer =
  (path: string, fields: Fields): Part =>
  (ops, x) => {
    const { linear_key_head_dim: keySize, linear_num_key_heads: keyHeads } = fields
    const { linear_num_value_heads: valueHeads, linear_value_head_dim: valueSize } = fields
    const values = valueHeads * valueSize
    const matrix = (name: string, rows: number) => ops.linear(x, `${path}.${name}`, { rows })
    const seen = (name: string, heads: number, width: number) => {
      const conv = { path: `${path}.${name}_conv1d`, channels: heads * width, taps: fields.linear_conv_kernel_dim }
      return ops.reshape(convolved(ops, matrix(`${name}_proj`, heads * width), conv), [0, 0, heads, width])
    }
    const perHead = (name: string) => ops.weight(`${path}.${name}`, [valueHeads])
    const open = ops.reshape(ops.unary("sigmoid", matrix("b_proj", valueHeads)), [0, 0, valueHeads, 1])
    const found = deltaRule(
      ops,
      {
        ...unitQueriesAndKeys(ops, seen("q", keyHeads, keySize), seen("k", keyHeads, keySize), keySize),
        values: seen("v", valueHeads, valueSize),
        decay: decayOf(ops, matrix("a_proj", valueHeads), perHead("A_log"), perHead("dt_bias")),
        strength: chain(times(fields.linear_allow_neg_eigval ? 2 : 1))(ops, open)
      },
      { state: `${path}.state`, keyHeads, keySize, valueHeads, valueSize }
    )
    const normed = norm(rms(`${path}.o_norm`, fields.layer_norm_epsilon), valueSize)(ops, found)
    const gate = ops.unary("silu", ops.float32(ops.reshape(matrix("g_proj", values), [0, 0, valueHeads, valueSize])))
    const gated = ops.reshape(ops.native(ops.binary("multiply", gate, normed)), [0, 0, values])
    return ops.linear(gated, `${path}.o_proj`, { rows: fields.hidden_size })
  }

const attends = (path: string, fields: Fields): Part => {
  const { attention_bias: bias, hidden_size: width, num_attention_heads: heads, rms_norm_eps, rope_theta } = fields
  const size = fields.head_dim ?? Math.floor(width / heads)
  const base = fields.rope_parameters
    ? (fields.rope_parameters.rope_theta ?? DEFAULT_ROPE_BASE)
    : rope_theta === undefined
      ? DEFAULT_ROPE_BASE
      : rope_theta
  const sizes = { width, heads, kvHeads: fields.num_key_value_heads ?? heads, headSize: size }
  const headNorm = (name: string) => ({ ...rms(`${path}.${name}`, rms_norm_eps), span: "all" }) as const
  return attention({
    ...plainAttention(path, sizes, base === null ? null : plainRope(size, base)),
    inputBias: bias,
    outputBias: bias,
    queryNorm: headNorm("q_norm"),
    keyNorm: headNorm("k_norm")
  })
}

export const olmoHybrid = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, rms_norm_eps: epsilon } = fields
    const types = yield* knownLayers(
      fields.layer_types ??
        Array.from({ length: fields.num_hidden_layers }, (_, i) =>
          i % 4 === 3 ? "full_attention" : "linear_attention"
        ),
      ["full_attention", "linear_attention"]
    )
    const layer = (type: string, index: number): Part => {
      const path = `model.layers.${index}`
      const normed = (name: string) => norm(rms(`${path}.${name}`, epsilon), width)
      const mlp = silentMlp(`${path}.mlp`, width, fields.intermediate_size)
      return type === "linear_attention"
        ? sequential(
            chain(normed("input_layernorm"), deltaLayer(`${path}.linear_attn`, fields)),
            chain(normed("post_attention_layernorm"), mlp)
          )
        : sequential(
            chain(attends(`${path}.self_attn`, fields), normed("post_attention_layernorm")),
            chain(mlp, normed("post_feedforward_layernorm"))
          )
    }
    return framed({
      vocabSize: fields.vocab_size,
      width,
      embedding: "model.embed_tokens",
      finalNorm: rms("model.norm", epsilon),
      layers: types.map(layer),
      tied: fields.tie_word_embeddings
    })
  })
