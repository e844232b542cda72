/** Bailing (Ling): one matrix for queries, keys and values; routing by softmax or by sigmoid, with groups. */
import { Either, Schema } from "effect"
import { ALL, attention } from "../../blocks/Attention.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { storedPrecision } from "../../blocks/StoredPrecision.js"
import {
  between,
  type ConfigProblem,
  decodeFields,
  flag,
  headSize,
  nullish,
  number,
  positive,
  Section,
  size,
  unsupported,
  withDefault
} from "../../Config.js"
import type { Build } from "../../Decoder.js"
import {
  baseFields,
  chosenExperts,
  dense,
  expertCount,
  expertGroups,
  frame,
  layerIndex,
  rope,
  share,
  sharedSize,
  switchField,
  usualMixture
} from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  intermediate_size: size,
  max_position_embeddings: size,
  moe_intermediate_size: size,
  num_experts: nullish(expertCount),
  num_shared_experts: expertCount,
  norm_topk_prob: switchField,
  num_experts_per_tok: size,
  num_key_value_heads: size,
  rope_theta: positive,
  first_k_dense_replace: layerIndex,
  rope_scaling: nullish(Section),
  use_bias: switchField,
  use_qkv_bias: switchField,
  norm_head: switchField,
  use_qk_norm: switchField,
  tie_word_embeddings: switchField,
  partial_rotary_factor: withDefault(between(0, 1), 1),
  rotary_dim: nullish(headSize),
  moe_router_enable_expert_bias: switchField,
  routed_scaling_factor: withDefault(number, 1),
  score_function: withDefault(Schema.String, "softmax"),
  n_group: withDefault(size, 1),
  topk_group: withDefault(expertCount, 4),
  moe_shared_expert_intermediate_size: nullish(size),
  moe_router_enable_shared_expert: withDefault(Schema.NullOr(flag), true)
})
type Fields = typeof Fields.Type

const attentionOf = (fields: Fields): Either.Either<(path: string) => Part, ConfigProblem> =>
  Either.gen(function* () {
    const { hidden_size: width, num_attention_heads: heads, rms_norm_eps: eps } = fields
    const headSize = Math.floor(width / heads)
    const turned = yield* rope({
      dims: fields.rotary_dim ?? share(headSize, fields.partial_rotary_factor),
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const headNorm = (path: string) => ({ kind: "rms", eps, span: "head", path }) as const
    const normed = fields.use_qk_norm === true
    return (path) =>
      attention({
        path,
        width,
        heads,
        kvHeads: fields.num_key_value_heads,
        headSize,
        names: { fused: "query_key_value", rows: "blocks" },
        inputBias: fields.use_qkv_bias === true,
        output: "dense",
        outputBias: fields.use_bias === true,
        queryNorm: normed ? headNorm(`${path}.query_layernorm`) : null,
        keyNorm: normed ? headNorm(`${path}.key_layernorm`) : null,
        rope: turned,
        scale: headSize ** -0.5,
        visibility: ALL
      })
  })

const mixtureOf = (fields: Fields): Either.Either<(path: string) => Part, ConfigProblem> =>
  Either.gen(function* () {
    const count = fields.num_experts ?? 0
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    const groups = yield* expertGroups(fields.n_group, fields.topk_group)
    const each = fields.moe_shared_expert_intermediate_size ?? fields.moe_intermediate_size
    return (path) =>
      usualMixture({
        path,
        gate: "gate.gate_proj",
        width: fields.hidden_size,
        count,
        size: fields.moe_intermediate_size,
        score: fields.score_function === "sigmoid" ? "sigmoid" : "softmax",
        chosen,
        choiceBias: fields.moe_router_enable_expert_bias === true ? `${path}.gate.expert_bias` : null,
        groups: groups === null ? null : { ...groups, lastFirst: true },
        normalize: fields.norm_topk_prob === true && chosen > 1 ? 1e-20 : null,
        scale: fields.routed_scaling_factor,
        expertBias: fields.use_bias === true,
        shared: fields.moe_router_enable_shared_expert === true ? sharedSize(fields.num_shared_experts, each) : 0
      })
  })

const storedAs = (name: string) => name.replace(/^(model\.layers\.\d+\.mlp\.gate)\.(weight|bias)$/, "$1.gate_proj.$2")

const HEAD = "lm_head"

/** A head whose columns are made to have length one, and are stored so. */
const columnNormedHead =
  (rows: number, width: number, stored: Part): Part =>
  (ops, x) => {
    const head = ops.float32(ops.weight(`${HEAD}.weight`, [rows, width]))
    const lengths = ops.unary("sqrt", ops.reduce("sum", ops.unary("square", head), 0))
    const normed = ops.binary("divide", head, ops.binary("add", lengths, 1e-7))
    return ops.matmul(x, ops.transpose(ops.native(stored(ops, normed)), [1, 0]))
  }

export const bailingMoe: Build = (config, stored) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const tied = fields.tie_word_embeddings === true
    const normalizes = fields.norm_head === true
    if (normalizes && (tied || stored.has(`${HEAD}.scales`))) {
      return yield* unsupported(`norm_head with a head that is ${tied ? "tied" : "quantized"} is not supported`)
    }
    const precision = yield* storedPrecision(config)
    const attend = yield* attentionOf(fields)
    const mixed = yield* mixtureOf(fields)
    const bias = fields.use_bias === true
    return preNorm({
      ...frame(fields),
      tied,
      names: { embedding: "model.word_embeddings" },
      storedAs,
      ...(normalizes ? { head: columnNormedHead(fields.vocab_size, fields.hidden_size, precision) } : {}),
      attention: (layer) => attend(`${layer}.attention`),
      mlp: (layer, index) =>
        typeof fields.num_experts === "number" && index >= fields.first_k_dense_replace
          ? mixed(`${layer}.mlp`)
          : dense(`${layer}.mlp`, fields.hidden_size, fields.intermediate_size, { bias })
    })
  })
