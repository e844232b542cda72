/** Klear: a learned mix of what the routed and the shared experts answer. */
import { Either, Schema } from "effect"
import { routed, sharedExpert } from "../../blocks/Experts.js"
import { swiglu } from "../../blocks/Mlp.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { type ConfigProblem, decodeFields, positive, type Section, size } from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  baseFields,
  chosenExperts,
  dense,
  frame,
  headNorms,
  isQwenSparse,
  plainRope,
  qwenSparseFields,
  switchField,
  usualAttention
} from "./Fields.js"

const Fields = Schema.Struct({
  ...baseFields,
  ...qwenSparseFields,
  attention_bias: switchField,
  n_shared_experts: size,
  num_key_value_heads: size,
  rope_theta: positive
})

const mixed = (path: string, fields: typeof Fields.Type, chosen: number): Part => {
  const { hidden_size: width, moe_intermediate_size: each, n_shared_experts, norm_topk_prob, num_experts } = fields
  const experts = routed({
    width,
    router: {
      path: `${path}.gate`,
      score: "sigmoid",
      chosen,
      choiceBias: `${path}.expert_bias`,
      normalize: norm_topk_prob === true ? 0 : null
    },
    experts: { path: `${path}.experts`, count: num_experts, size: each, unit: swiglu }
  })
  const shared = sharedExpert(width, { path: `${path}.shared_experts`, size: each * n_shared_experts, unit: swiglu })
  return (ops, x) => {
    const parts = ops.softmax(ops.linear(x, `${path}.coefficient`, { rows: 2, bias: true }), -1)
    const first = ops.binary("multiply", experts(ops, x), ops.slice(parts, -1, 0, 1))
    return ops.binary("add", first, ops.binary("multiply", shared(ops, x), ops.slice(parts, -1, 1, 2)))
  }
}

export const klear = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads, num_experts: count, rms_norm_eps: eps } = fields
    const headSize = Math.floor(width / heads)
    const bias = fields.attention_bias === true
    const rope = yield* plainRope(headSize, fields.rope_theta)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: false,
      attention: (layer) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads,
          kvHeads: fields.num_key_value_heads,
          headSize,
          inputBias: bias,
          outputBias: bias,
          ...headNorms(`${layer}.self_attn`, eps),
          rope
        }),
      mlp: (layer, index) =>
        isQwenSparse(fields, index)
          ? mixed(`${layer}.mlp`, fields, chosen)
          : dense(`${layer}.mlp`, width, fields.intermediate_size)
    })
  })
