/** Mixtral and its like: every layer has experts, and the weights are a softmax over the chosen logits. */
import { Either, Schema } from "effect"
import { throughExperts, weighted } from "../../blocks/Experts.js"
import { swiglu } from "../../blocks/Mlp.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { sparseMixer } from "../../blocks/SparseMixer.js"
import {
  between,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  integer,
  layerCount,
  nullish,
  number,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import type { RopeSpec } from "../../Rope.js"
import {
  baseFields,
  chosenExperts,
  frame,
  plainRope,
  rope,
  someExperts,
  switchField,
  usualAttention,
  usualMixture
} from "./Fields.js"

const Mixtral = Schema.Struct({
  vocab_size: withDefault(size, 32_000),
  hidden_size: withDefault(size, 4096),
  intermediate_size: withDefault(size, 14_336),
  num_hidden_layers: withDefault(layerCount, 32),
  num_attention_heads: withDefault(size, 32),
  num_experts_per_tok: withDefault(size, 2),
  num_key_value_heads: Schema.optionalWith(Schema.NullOr(size), { exact: true, default: () => 8 }),
  num_local_experts: withDefault(someExperts, 8),
  rms_norm_eps: withDefault(eps, 1e-5),
  rope_theta: withDefault(positive, 1e6),
  rope_traditional: switchField,
  tie_word_embeddings: switchField
})

/** The scaling of rope is unread. */
export const mixtral = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Mixtral, config)
    const { hidden_size: width, num_attention_heads: heads, num_local_experts: count } = fields
    const headSize = Math.floor(width / heads)
    const turned = yield* plainRope(headSize, fields.rope_theta, fields.rope_traditional === true)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads ?? heads,
          headSize,
          rope: turned
        }),
      mlp: (layer) =>
        usualMixture({
          path: `${layer}.block_sparse_moe`,
          width,
          count,
          size: fields.intermediate_size,
          score: "chosenSoftmax",
          chosen,
          shared: 0
        })
    })
  })

const Granite = Schema.Struct({
  ...baseFields,
  intermediate_size: size,
  logits_scaling: positive,
  attention_multiplier: number,
  embedding_multiplier: number,
  residual_multiplier: number,
  max_position_embeddings: size,
  num_key_value_heads: size,
  attention_bias: nullish(flag),
  rope_theta: positive,
  num_local_experts: someExperts,
  num_experts_per_tok: size,
  rope_scaling: nullish(Section),
  tie_word_embeddings: Schema.optionalWith(Schema.NullOr(flag), { exact: true, default: () => true })
})

export const graniteMoe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Granite, config)
    const { hidden_size: width, num_attention_heads: heads, num_local_experts: count } = fields
    const headSize = Math.floor(width / heads)
    const bias = fields.attention_bias === true
    const turned = yield* rope({
      dims: headSize,
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: fields.tie_word_embeddings === true,
      embeddingScale: fields.embedding_multiplier,
      branchScale: fields.residual_multiplier,
      logitsDivisor: fields.logits_scaling,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads,
          headSize,
          inputBias: bias,
          outputBias: bias,
          scale: fields.attention_multiplier,
          rope: turned
        }),
      mlp: (layer) =>
        usualMixture({
          path: `${layer}.block_sparse_moe`,
          gate: "router.layer",
          width,
          count,
          size: fields.intermediate_size,
          score: "chosenSoftmax",
          chosen,
          shared: 0
        })
    })
  })

const Phi = Schema.Struct({
  vocab_size: withDefault(size, 32_064),
  hidden_size: withDefault(size, 4096),
  intermediate_size: withDefault(size, 6400),
  num_hidden_layers: withDefault(layerCount, 32),
  num_attention_heads: withDefault(size, 32),
  num_key_value_heads: withDefault(size, 8),
  max_position_embeddings: withDefault(size, 131_072),
  original_max_position_embeddings: withDefault(size, 4096),
  rms_norm_eps: withDefault(eps, 1e-6),
  rope_scaling: nullish(Schema.Struct({ long_factor: Schema.Unknown, long_mscale: nullish(number) })),
  num_local_experts: withDefault(someExperts, 16),
  num_experts_per_tok: withDefault(integer(1, 16), 2),
  rope_theta: withDefault(positive, 10_000),
  router_jitter_noise: withDefault(between(0, 1), 0.01)
})

/** The kind of scaling isn't read: there is only one. */
const phiRope = (fields: typeof Phi.Type, dims: number): Either.Either<RopeSpec, ConfigProblem> => {
  const { max_position_embeddings, original_max_position_embeddings, rope_scaling: scaling, rope_theta: base } = fields
  if (!scaling) return plainRope(dims, base)
  const long = { ...scaling, type: "longrope", original_max_position_embeddings }
  const spec = rope({ dims, base, interleaved: false, scaling: long, maxPositions: max_position_embeddings })
  return Either.map(spec, ({ rates, ...rest }) => ({
    ...rest,
    rates: rates._tag === "Table" && scaling.long_mscale ? { ...rates, magnitude: scaling.long_mscale } : rates
  }))
}

/** Experts are chosen one after another; norms are LayerNorms with biases. */
export const phiMoe = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Phi, config)
    const { hidden_size: width, num_attention_heads: heads, num_local_experts: count } = fields
    const headSize = Math.floor(width / heads)
    const turned = yield* phiRope(fields, headSize)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      norm: { kind: "layer", eps: fields.rms_norm_eps, bias: true },
      tied: false,
      headBias: true,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads,
          headSize,
          inputBias: true,
          outputBias: true,
          rope: turned
        }),
      mlp: (layer) => (ops, x) => {
        const path = `${layer}.block_sparse_moe`
        const routing = sparseMixer(ops, ops.linear(x, `${path}.gate`, { rows: count }), count, {
          chosen,
          jitter: fields.router_jitter_noise
        })
        const stack = { path: `${path}.switch_mlp`, count, size: fields.intermediate_size, unit: swiglu }
        return weighted(ops, throughExperts(ops, x, routing.chosen, width, stack), routing.weights, width)
      }
    })
  })
