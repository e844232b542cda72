/** LFM2: short convolutions between a few layers of attention; with experts in its MoE form. */
import { Either, Schema } from "effect"
import { attention } from "../../blocks/Attention.js"
import { causalConv } from "../../blocks/CausalConv.js"
import { mixture } from "../../blocks/Experts.js"
import { mlp, swiglu } from "../../blocks/Mlp.js"
import { type Part, split } from "../../blocks/Part.js"
import { type LayerPart, preNorm } from "../../blocks/PreNorm.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  integer,
  knownLayers,
  layerCount,
  MAX_LAYERS,
  nullish,
  number,
  numbers,
  positive,
  type Section,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { plainAttention, plainRope, RopeParameters, rms, ropeBase, silentMlp, taps } from "./Frame.js"

const Common = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: size,
  norm_eps: eps,
  conv_bias: flag,
  conv_L_cache: taps,
  rope_theta: withDefault(positive, 1_000_000),
  rope_parameters: nullish(RopeParameters),
  full_attn_idxs: nullish(numbers(MAX_LAYERS)),
  layer_types: nullish(texts(MAX_LAYERS))
})
type Common = typeof Common.Type

const Dense = Schema.Struct({
  block_dim: size,
  block_multiple_of: size,
  block_ffn_dim_multiplier: nullish(positive),
  block_auto_adjust_ff_dim: flag,
  block_ff_dim: nullish(size),
  intermediate_size: nullish(size)
})

const Sparse = Schema.Struct({
  intermediate_size: size,
  moe_intermediate_size: size,
  num_experts: size,
  num_experts_per_tok: size,
  norm_topk_prob: flag,
  use_expert_bias: flag,
  num_dense_layers: integer(0, MAX_LAYERS),
  routed_scaling_factor: withDefault(number, 1)
})

/** Gated from both sides: the inner input before the convolution, its result after it. */
const shortConv =
  (path: string, { conv_L_cache, conv_bias: bias, hidden_size: width }: Common): Part =>
  (ops, x) => {
    const all = ops.linear(x, `${path}.in_proj`, { rows: 3 * width, bias })
    const [before = all, after = all, inner = all] = split(ops, all, [width, width, width])
    const conv = { path: `${path}.conv`, channels: width, taps: conv_L_cache, bias }
    const seen = causalConv(ops, ops.binary("multiply", before, inner), conv)
    return ops.linear(ops.binary("multiply", after, seen), `${path}.out_proj`, { rows: width, bias })
  }

const attends = (fields: Common): Either.Either<ReadonlySet<number>, ConfigProblem> => {
  const { full_attn_idxs: indexes, layer_types: types } = fields
  if (indexes) return Either.right(new Set(indexes))
  if (!types) return badConfig("layer_types: is missing")
  return Either.map(
    knownLayers(types, ["conv", "full_attention"]),
    (known) => new Set(known.flatMap((type, layer) => (type === "full_attention" ? [layer] : [])))
  )
}

const mixer = (fields: Common, path: string, isAttention: boolean): Part => {
  const { hidden_size: width, norm_eps, num_attention_heads: heads, num_key_value_heads: kvHeads } = fields
  if (!isAttention) return shortConv(`${path}.conv`, fields)
  const headSize = Math.floor(width / heads)
  const own = `${path}.self_attn`
  const headNorm = (name: string) => ({ ...rms(`${own}.${name}`, norm_eps), span: "head" }) as const
  return attention({
    ...plainAttention(
      own,
      { width, heads, kvHeads, headSize },
      plainRope(headSize, ropeBase(fields.rope_theta, fields.rope_parameters))
    ),
    output: "out_proj",
    queryNorm: headNorm("q_layernorm"),
    keyNorm: headNorm("k_layernorm")
  })
}

const decoder = (fields: Common, mlp: LayerPart): Either.Either<Decoder, ConfigProblem> =>
  Either.map(attends(fields), (attention) =>
    preNorm({
      vocabSize: fields.vocab_size,
      width: fields.hidden_size,
      layers: fields.num_hidden_layers,
      norm: { kind: "rms", eps: fields.norm_eps },
      names: { finalNorm: "model.embedding_norm", attentionNorm: "operator_norm", mlpNorm: "ffn_norm" },
      attention: (path, layer) => mixer(fields, path, attention.has(layer)),
      mlp: (path, layer) => mlp(`${path}.feed_forward`, layer),
      tied: true
    })
  )

/** Two thirds of the configured width when it is to be adjusted, times a factor, rounded up. */
const feedForwardSize = (fields: typeof Dense.Type, size: number): number => {
  if (!fields.block_auto_adjust_ff_dim) return size
  const scaled = Math.floor((fields.block_ffn_dim_multiplier ?? 1) * Math.floor((2 * size) / 3))
  return fields.block_multiple_of * Math.ceil(scaled / fields.block_multiple_of)
}

export const lfm2 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const common = yield* decodeFields(Common, config)
    const dense = yield* decodeFields(Dense, config)
    const configured = dense.block_ff_dim ?? dense.intermediate_size
    if (!configured) return yield* badConfig("block_ff_dim: is missing")
    return yield* decoder(common, (path) =>
      mlp({
        path,
        names: { gate: "w1", up: "w3", down: "w2" },
        width: dense.block_dim,
        size: feedForwardSize(dense, configured),
        activation: "silu"
      })
    )
  })

export const lfm2Moe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const common = yield* decodeFields(Common, config)
    const sparse = yield* decodeFields(Sparse, config)
    const { hidden_size: width } = common
    return yield* decoder(common, (path, layer) =>
      layer < sparse.num_dense_layers
        ? silentMlp(path, width, sparse.intermediate_size)
        : mixture({
            width,
            router: {
              path: `${path}.gate`,
              score: "sigmoid",
              chosen: sparse.num_experts_per_tok,
              choiceBias: sparse.use_expert_bias ? `${path}.expert_bias` : null,
              normalize: sparse.norm_topk_prob ? 1e-6 : null,
              scale: sparse.routed_scaling_factor
            },
            experts: {
              path: `${path}.switch_mlp`,
              count: sparse.num_experts,
              size: sparse.moe_intermediate_size,
              unit: swiglu
            }
          })
    )
  })
