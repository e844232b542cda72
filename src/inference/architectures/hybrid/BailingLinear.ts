/** Ling with linear attention: lightning attention in most layers, softmax or latent attention in the rest. */
import { Either, Schema } from "effect"
import { excerpt } from "../../../domain/Excerpt.js"
import { ALL, attention } from "../../blocks/Attention.js"
import { mixture } from "../../blocks/Experts.js"
import { fadingAttention } from "../../blocks/FadingAttention.js"
import { latentAttention } from "../../blocks/Latent.js"
import { swiglu } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import type { Part } from "../../blocks/Part.js"
import { type LayerPart, preNorm } from "../../blocks/PreNorm.js"
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
import { type RopeSpec, ropeSpec } from "../../Rope.js"
import { yarnScale } from "../../YarnScale.js"
import { rms, silentMlp } from "./Frame.js"

const MAX_EXPERTS = 65_536

const common = {
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  moe_intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
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

/** Slopes of ALiBi (arXiv 2108.12409) for any number of heads. */
const slopes = (heads: number): ReadonlyArray<number> => {
  const powers = (count: number) => Array.from({ length: count }, (_, i) => 2 ** ((-8 * (i + 1)) / count))
  const whole = 2 ** Math.floor(Math.log2(heads))
  const between = powers(2 * whole).filter((_, i) => i % 2 === 0)
  return [...powers(whole), ...between.slice(0, heads - whole)]
}

interface Linear {
  readonly path: string
  readonly width: number
  readonly heads: number
  readonly size: number
  readonly qkvBias: boolean
  readonly bias: boolean
  readonly headNorm: boolean
  readonly eps: number
  readonly rope: RopeSpec
  /** Groups that the result is normalized in. */
  readonly groups: number
  /** The slopes are multiplied by it. */
  readonly factor: number
}

const linearAttention = (spec: Linear): Part => {
  const { eps: epsilon, groups, heads, path, rope, size, width } = spec
  const inner = heads * size
  return (ops, x) => {
    const all = ops.linear(x, `${path}.query_key_value`, { rows: 3 * inner, bias: spec.qkvBias })
    const part = (index: number) => {
      const flat = ops.slice(all, -1, index * inner, (index + 1) * inner)
      return ops.transpose(ops.reshape(flat, [0, 0, heads, size]), [0, 2, 1, 3])
    }
    const positioned = (index: number, name: string) => {
      const normed = spec.headNorm
        ? norm(rms(`${path}.${name}_layernorm`, epsilon), size)(ops, part(index))
        : part(index)
      return ops.rope(normed, rope)
    }
    const found = fadingAttention(
      ops,
      { queries: positioned(0, "query"), keys: positioned(1, "key"), values: part(2) },
      { state: `${path}.state`, size, scale: size ** -0.5, decay: slopes(heads).map((slope) => -slope * spec.factor) }
    )
    const merged = ops.reshape(ops.transpose(found, [0, 2, 1, 3]), [0, 0, groups, inner / groups])
    const normed = ops.reshape(ops.rmsNorm(merged, null, epsilon), [0, 0, inner])
    const weighted = ops.binary("multiply", normed, ops.weight(`${path}.g_norm.weight`, [inner]))
    const open = ops.unary("sigmoid", ops.linear(x, `${path}.g_proj`, { rows: inner }))
    return ops.linear(ops.binary("multiply", weighted, open), `${path}.dense`, { rows: width, bias: spec.bias })
  }
}

/** The last layer of each group sees everything, and so do those behind the last whole group. */
const seesAll = (layer: number, layers: number, group: number): boolean =>
  (layer + 1) % group === 0 || layer >= Math.floor(layers / group) * group

const score = (name: string): Either.Either<"sigmoid" | "softmax", ConfigProblem> =>
  name === "sigmoid" || name === "softmax"
    ? Either.right(name)
    : unsupported(`score function ${excerpt(name)} is not supported`)

interface MixtureFields {
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly moe_intermediate_size: number
  readonly num_experts?: number | null
  readonly num_experts_per_tok: number
  readonly first_k_dense_replace: number
  readonly norm_topk_prob: boolean
  readonly moe_router_enable_expert_bias: boolean
  readonly routed_scaling_factor: number
  readonly use_bias: boolean
}

const feedForward = (
  fields: MixtureFields,
  router: {
    readonly score: "sigmoid" | "softmax"
    readonly groups: { readonly count: number; readonly keep: number; readonly dropped: number } | null
    readonly epsilon: number
    /** Width of the shared expert, 0 for none. */
    readonly sharedSize: number
  }
): LayerPart => {
  const { hidden_size: width, num_experts: count, num_experts_per_tok: chosen, use_bias: bias } = fields
  return (path, layer) => {
    const own = `${path}.mlp`
    if (typeof count !== "number" || layer < fields.first_k_dense_replace) {
      return silentMlp(own, width, fields.intermediate_size, bias)
    }
    return mixture({
      width,
      router: {
        path: `${own}.gate.gate_proj`,
        score: router.score,
        chosen,
        choiceBias: fields.moe_router_enable_expert_bias ? `${own}.gate.expert_bias` : null,
        groups: router.groups === null ? null : { ...router.groups, by: "bestTwo" },
        normalize: chosen > 1 && fields.norm_topk_prob ? router.epsilon : null,
        scale: fields.routed_scaling_factor
      },
      experts: { path: `${own}.switch_mlp`, count, size: fields.moe_intermediate_size, unit: swiglu, bias },
      shared:
        router.sharedSize > 0 ? { path: `${own}.shared_experts`, size: router.sharedSize, unit: swiglu, bias } : null
    })
  }
}

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
          : linearAttention({
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
        score: yield* score(fields.score_function),
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
          : linearAttention({
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
        score: yield* score(fields.score_function),
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
