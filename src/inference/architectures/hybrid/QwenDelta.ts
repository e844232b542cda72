/** Qwen3-Next and Qwen3.5: gated delta rule in most layers, gated attention in the rest. */
import { Either, Schema } from "effect"
import { ALL } from "../../blocks/Attention.js"
import { mixture } from "../../blocks/Experts.js"
import { swiglu } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { mergeHeads, type Part, splitHeads } from "../../blocks/Part.js"
import { type LayerPart, preNorm } from "../../blocks/PreNorm.js"
import {
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
  numbers,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import { type RopeSpec, ropeSpec } from "../../Rope.js"
import { visualLanguageModel, wrapped } from "../Wrappers.js"
import { MAX_EXPERTS, rms, silentMlp, taps } from "./Frame.js"
import { type DeltaSizes, deltaLayer, grouped, type Projection, separate } from "./GatedDelta.js"

const expertCount = integer(0, MAX_EXPERTS)

interface AttentionSizes {
  readonly width: number
  readonly heads: number
  readonly kvHeads: number
  readonly headSize: number
  readonly bias: boolean
  readonly eps: number
  readonly rope: RopeSpec
}

/** The rows of `q_proj` are by head its query and the gate of what it finds. */
const gatedAttention =
  (path: string, { bias, eps: epsilon, headSize: size, heads, kvHeads, rope, width }: AttentionSizes): Part =>
  (ops, x) => {
    const matrix = (name: string, rows: number) => ops.linear(x, `${path}.${name}`, { rows, bias })
    const both = ops.reshape(matrix("q_proj", 2 * heads * size), [0, 0, heads, 2 * size])
    const gate = ops.reshape(ops.slice(both, -1, size, null), [0, 0, heads * size])
    const turned = (y: typeof x, name: string) => ops.rope(norm(rms(`${path}.${name}`, epsilon), size)(ops, y), rope)
    const queries = turned(ops.transpose(ops.slice(both, -1, 0, size), [0, 2, 1, 3]), "q_norm")
    const keys = turned(splitHeads(ops, matrix("k_proj", kvHeads * size), kvHeads, size), "k_norm")
    const values = splitHeads(ops, matrix("v_proj", kvHeads * size), kvHeads, size)
    const found = ops.attend(
      queries,
      ops.cached(`${path}.keys`, keys, ALL),
      ops.cached(`${path}.values`, values, ALL),
      {
        scale: size ** -0.5,
        visibility: ALL
      }
    )
    const open = ops.binary("multiply", mergeHeads(ops, found, heads, size), ops.unary("sigmoid", gate))
    return ops.linear(open, `${path}.o_proj`, { rows: width, bias })
  }

/** What both generations say in the same words. */
const common = {
  num_experts_per_tok: expertCount,
  moe_intermediate_size: integer(0, MAX_EXPERTS),
  shared_expert_intermediate_size: integer(0, MAX_EXPERTS)
}

interface MixtureFields {
  readonly hidden_size: number
  readonly num_experts: number
  readonly num_experts_per_tok: number
  readonly moe_intermediate_size: number
  readonly shared_expert_intermediate_size: number
  readonly norm_topk_prob: boolean
}

const experts = (path: string, fields: MixtureFields): Part =>
  mixture({
    width: fields.hidden_size,
    router: {
      path: `${path}.gate`,
      score: "softmax",
      chosen: fields.num_experts_per_tok,
      normalize: fields.norm_topk_prob ? 0 : null
    },
    experts: {
      path: `${path}.switch_mlp`,
      count: fields.num_experts,
      size: fields.moe_intermediate_size,
      unit: swiglu
    },
    shared: {
      path: `${path}.shared_expert`,
      size: fields.shared_expert_intermediate_size,
      unit: swiglu,
      gate: `${path}.shared_expert_gate`
    }
  })

interface LayerFields {
  readonly vocab_size: number
  readonly hidden_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly rms_norm_eps: number
  readonly attention_bias: boolean
  readonly tie_word_embeddings: boolean
  readonly full_attention_interval: number
  readonly linear_num_value_heads: number
  readonly linear_num_key_heads: number
  readonly linear_key_head_dim: number
  readonly linear_value_head_dim: number
  readonly linear_conv_kernel_dim: number
}

const decoder = (
  fields: LayerFields,
  {
    headSize: size,
    mlp,
    projection,
    rope
  }: {
    readonly headSize: number
    readonly rope: RopeSpec
    readonly projection: Projection
    readonly mlp: LayerPart
  }
): Decoder => {
  const { hidden_size: width, rms_norm_eps: epsilon } = fields
  const delta: DeltaSizes = {
    width,
    keyHeads: fields.linear_num_key_heads,
    keySize: fields.linear_key_head_dim,
    valueHeads: fields.linear_num_value_heads,
    valueSize: fields.linear_value_head_dim,
    taps: fields.linear_conv_kernel_dim,
    eps: epsilon
  }
  const attention: AttentionSizes = {
    width,
    heads: fields.num_attention_heads,
    kvHeads: fields.num_key_value_heads,
    headSize: size,
    bias: fields.attention_bias,
    eps: epsilon,
    rope
  }
  return preNorm({
    vocabSize: fields.vocab_size,
    width,
    layers: fields.num_hidden_layers,
    norm: { kind: "rms", eps: epsilon },
    attention: (path, layer) =>
      (layer + 1) % fields.full_attention_interval === 0
        ? gatedAttention(`${path}.self_attn`, attention)
        : deltaLayer(`${path}.linear_attn`, delta, projection),
    mlp: (path, layer) => mlp(`${path}.mlp`, layer),
    tied: fields.tie_word_embeddings,
    storedAs: (name) => (name.includes("mtp.") ? null : name)
  })
}

const NextFields = Schema.Struct({
  ...common,
  hidden_size: size,
  num_hidden_layers: layerCount,
  intermediate_size: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  linear_num_value_heads: size,
  linear_num_key_heads: size,
  linear_key_head_dim: headSize,
  linear_value_head_dim: headSize,
  linear_conv_kernel_dim: taps,
  num_experts: expertCount,
  decoder_sparse_step: size,
  mlp_only_layers: Schema.Union(Schema.Tuple(), numbers(MAX_LAYERS)),
  rms_norm_eps: eps,
  vocab_size: size,
  rope_theta: positive,
  partial_rotary_factor: between(0, 1),
  max_position_embeddings: size,
  head_dim: headSize,
  norm_topk_prob: withDefault(flag, false),
  tie_word_embeddings: withDefault(flag, false),
  attention_bias: withDefault(flag, false),
  rope_scaling: nullish(Section),
  full_attention_interval: withDefault(size, 4)
})

export const qwen3Next = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(NextFields, config)
    const { head_dim, hidden_size: width } = fields
    const rope = yield* ropeSpec({
      dims: Math.floor(head_dim * fields.partial_rotary_factor),
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const dense = new Set<number>(fields.mlp_only_layers)
    const mlp: LayerPart = (path, layer) =>
      fields.num_experts > 0 && !dense.has(layer) && (layer + 1) % fields.decoder_sparse_step === 0
        ? experts(path, fields)
        : silentMlp(path, width, fields.intermediate_size)
    return decoder(fields, { headSize: head_dim, rope, projection: grouped, mlp })
  })

const RopeParameters = Schema.Struct({
  partial_rotary_factor: withDefault(between(0, 1), 0.25),
  rope_theta: withDefault(positive, 100_000)
})

const Fields35 = Schema.Struct({
  hidden_size: withDefault(size, 4096),
  intermediate_size: withDefault(size, 14_336),
  num_hidden_layers: withDefault(layerCount, 32),
  num_attention_heads: withDefault(size, 32),
  rms_norm_eps: withDefault(eps, 1e-6),
  vocab_size: withDefault(size, 151_936),
  num_key_value_heads: withDefault(size, 8),
  max_position_embeddings: withDefault(size, 131_072),
  linear_num_value_heads: withDefault(size, 64),
  linear_num_key_heads: withDefault(size, 16),
  linear_key_head_dim: withDefault(headSize, 192),
  linear_value_head_dim: withDefault(headSize, 128),
  linear_conv_kernel_dim: withDefault(taps, 4),
  tie_word_embeddings: withDefault(flag, false),
  attention_bias: withDefault(flag, false),
  head_dim: nullish(headSize),
  full_attention_interval: withDefault(size, 4),
  num_experts: withDefault(expertCount, 0),
  num_experts_per_tok: withDefault(common.num_experts_per_tok, 0),
  shared_expert_intermediate_size: withDefault(common.shared_expert_intermediate_size, 0),
  moe_intermediate_size: withDefault(common.moe_intermediate_size, 0),
  norm_topk_prob: withDefault(flag, true),
  rope_parameters: nullish(Section)
})

const text35 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields35, config)
    const size = fields.head_dim ?? Math.floor(fields.hidden_size / fields.num_attention_heads)
    const parameters = fields.rope_parameters ?? {}
    const { partial_rotary_factor: part, rope_theta: base } = yield* decodeFields(
      RopeParameters,
      parameters,
      "rope_parameters."
    )
    const rope = yield* ropeSpec({
      dims: Math.floor(size * part),
      base,
      interleaved: false,
      scaling: fields.rope_parameters ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const mlp: LayerPart = (path) =>
      fields.num_experts > 0 ? experts(path, fields) : silentMlp(path, fields.hidden_size, fields.intermediate_size)
    return decoder(fields, { headSize: size, rope, projection: separate, mlp })
  })

export const qwen35: Build = wrapped(visualLanguageModel, () => text35)
