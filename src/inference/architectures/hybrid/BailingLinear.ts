/** Ling with linear attention: lightning attention in most layers, softmax or latent attention in the rest. */
import { Either, Schema } from "effect"
import { ALL, attention } from "../../blocks/Attention.js"
import { latentAttention } from "../../blocks/Latent.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  badConfig,
  between,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  integer,
  layerCount,
  MAX_LAYERS,
  nullish,
  number,
  positive,
  Section,
  size,
  unsupported,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { ropeSpec } from "../../Rope.js"
import { yarnScale } from "../../YarnScale.js"
import { feedForward, routerScore } from "./BailingExperts.js"
import { MAX_EXPERTS, rms } from "./Frame.js"
import { lightningAttention } from "./Lightning.js"

/** Each has a rate of its own, which is listed before the weights are looked at. */
const MAX_HEADS = 65_536

const common = {
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  moe_intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: integer(1, MAX_HEADS),
  num_experts: nullish(integer(1, MAX_EXPERTS)),
  num_experts_per_tok: size,
  num_shared_experts: integer(0, MAX_EXPERTS),
  first_k_dense_replace: integer(0, MAX_LAYERS),
  layer_group_size: size,
  group_norm_size: size,
  rms_norm_eps: eps,
  rope_theta: positive,
  max_position_embeddings: size,
  moe_shared_expert_intermediate_size: nullish(size),
  rope_scaling: nullish(Section),
  use_qkv_bias: withDefault(flag, false),
  use_bias: withDefault(flag, false),
  tie_word_embeddings: withDefault(flag, false)
} as const

const LinearFields = Schema.Struct({
  ...common,
  num_key_value_heads: size,
  norm_topk_prob: flag,
  rope_traditional: withDefault(flag, false),
  norm_head: withDefault(flag, false),
  use_qk_norm: withDefault(flag, false),
  partial_rotary_factor: withDefault(between(0, 1), 1),
  moe_router_enable_expert_bias: withDefault(flag, false),
  routed_scaling_factor: withDefault(number, 1),
  score_function: withDefault(Schema.String, "softmax"),
  n_group: withDefault(size, 1),
  topk_group: withDefault(size, 4),
  moe_router_enable_shared_expert: withDefault(flag, true),
  head_dim: nullish(headSize)
})

const LatentFields = Schema.Struct({
  ...common,
  n_group: size,
  topk_group: size,
  routed_scaling_factor: number,
  head_dim: nullish(headSize),
  kv_lora_rank: size,
  qk_rope_head_dim: headSize,
  qk_nope_head_dim: headSize,
  v_head_dim: headSize,
  q_lora_rank: nullish(size),
  rope_interleave: withDefault(flag, true),
  partial_rotary_factor: withDefault(between(0, 1), 0.5),
  use_qk_norm: withDefault(flag, true),
  score_function: withDefault(Schema.String, "sigmoid"),
  norm_topk_prob: withDefault(flag, true),
  moe_router_enable_expert_bias: withDefault(flag, true)
})

/** The last layer of each group sees everything, and so do those behind the last whole group. */
export const seesAll = (layer: number, layers: number, group: number): boolean =>
  (layer + 1) % group === 0 || layer >= Math.floor(layers / group) * group

const storedAs = (name: string) => name.replace(/\.mlp\.gate\.weight$/, ".mlp.gate.gate_proj.weight")

/** Ling 2 with softmax attention in the other layers. */
export const bailingMoeLinear = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(LinearFields, config)
    const { hidden_size: width, num_attention_heads: heads, num_hidden_layers: layers } = fields
    if (fields.norm_head) return yield* unsupported("a normalized head (norm_head) is not supported")
    const size = fields.head_dim ?? Math.floor(width / heads)
    const linearSize = Math.floor(width / heads)
    const rope = (of: number) =>
      ropeSpec({
        dims: Math.floor(of * fields.partial_rotary_factor),
        base: fields.rope_theta,
        interleaved: fields.rope_traditional,
        scaling: fields.rope_scaling ?? null,
        maxPositions: fields.max_position_embeddings
      })
    const [full, linear] = [yield* rope(size), yield* rope(linearSize)]
    const attends = (path: string): Part => {
      const headNorm = (name: string) =>
        fields.use_qk_norm
          ? ({ ...rms(`${path}.${name}_layernorm`, fields.rms_norm_eps), span: "head" } as const)
          : null
      return attention({
        path,
        width,
        heads,
        kvHeads: fields.num_key_value_heads,
        headSize: size,
        names: { fused: "query_key_value", rows: "blocks" },
        inputBias: fields.use_qkv_bias,
        output: "dense",
        outputBias: fields.use_bias,
        queryNorm: headNorm("query"),
        keyNorm: headNorm("key"),
        rope: full,
        scale: size ** -0.5,
        visibility: ALL
      })
    }
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers,
      norm: { kind: "rms", eps: fields.rms_norm_eps },
      names: { embedding: "model.word_embeddings" },
      attention: (path, layer) =>
        seesAll(layer, layers, fields.layer_group_size)
          ? attends(`${path}.attention`)
          : lightningAttention({
              path: `${path}.attention`,
              width,
              heads,
              size: linearSize,
              qkvBias: fields.use_qkv_bias,
              bias: fields.use_bias,
              headNorm: fields.use_qk_norm,
              eps: fields.rms_norm_eps,
              rope: linear,
              groups: fields.group_norm_size,
              factor: 1 - Math.max(0, layer - 1) / Math.max(1, layers - 1) + 1e-5
            }),
      mlp: feedForward(fields, {
        score: yield* routerScore(fields.score_function),
        groups: fields.n_group > 1 ? { count: fields.n_group, keep: fields.topk_group, dropped: 0 } : null,
        epsilon: 0,
        sharedSize: fields.moe_router_enable_shared_expert
          ? (fields.moe_shared_expert_intermediate_size || fields.moe_intermediate_size) * fields.num_shared_experts
          : 0
      }),
      tied: fields.tie_word_embeddings,
      storedAs
    })
  })

/** Ling 2.5 with latent attention in the other layers. */
export const bailingHybrid = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(LatentFields, config)
    const { hidden_size: width, num_attention_heads: heads, num_hidden_layers: layers, use_qkv_bias } = fields
    const { qk_nope_head_dim: plainSize, qk_rope_head_dim: ropeSize } = fields
    const linearSize = fields.head_dim || Math.floor(width / heads)
    const linearDims = Math.floor(linearSize * fields.partial_rotary_factor)
    if (linearDims === 0 || linearDims % 2 !== 0)
      return yield* badConfig("partial_rotary_factor: turns no even number of dimensions")
    const rope = (dims: number, interleaved: boolean) =>
      ropeSpec({
        dims,
        base: fields.rope_theta,
        interleaved,
        scaling: fields.rope_scaling ?? null,
        maxPositions: fields.max_position_embeddings
      })
    const turned = yield* rope(ropeSize, fields.rope_interleave)
    const linear = yield* rope(linearDims, false)
    const scale = (plainSize + ropeSize) ** -0.5 * (yield* yarnScale(fields.rope_scaling ?? null))
    const sharedSize =
      fields.moe_shared_expert_intermediate_size || fields.moe_intermediate_size * fields.num_shared_experts
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers,
      norm: { kind: "rms", eps: fields.rms_norm_eps },
      names: { embedding: "model.word_embeddings" },
      attention: (path, layer) =>
        seesAll(layer, layers, fields.layer_group_size)
          ? latentAttention({
              path: `${path}.attention`,
              width,
              heads,
              plainSize,
              ropeSize,
              valueSize: fields.v_head_dim,
              latentSize: fields.kv_lora_rank,
              queryRank: fields.q_lora_rank ?? null,
              bias: use_qkv_bias,
              eps: fields.rms_norm_eps,
              scale,
              rope: turned,
              storage: "perHead",
              output: "dense"
            })
          : lightningAttention({
              path: `${path}.attention`,
              width,
              heads,
              size: linearSize,
              qkvBias: use_qkv_bias,
              bias: fields.use_bias,
              headNorm: fields.use_qk_norm,
              eps: fields.rms_norm_eps,
              rope: linear,
              groups: fields.group_norm_size,
              factor: 1 - layer / Math.max(1, layers - 1) + 1e-5
            }),
      mlp: feedForward(fields, {
        score: yield* routerScore(fields.score_function),
        groups:
          fields.n_group > fields.topk_group
            ? { count: fields.n_group, keep: fields.topk_group, dropped: Number.NEGATIVE_INFINITY }
            : null,
        epsilon: 1e-20,
        sharedSize: fields.num_shared_experts > 0 ? sharedSize : 0
      }),
      tied: fields.tie_word_embeddings,
      storedAs
    })
  })
