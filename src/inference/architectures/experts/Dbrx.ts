/** DBRX: clipped projections, and experts that are stored as modules of their own. */
import { Either, Schema } from "effect"
import { ALL, attention } from "../../blocks/Attention.js"
import { mlp } from "../../blocks/Mlp.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { type ConfigProblem, decodeFields, integer, positive, type Section, size } from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { chosenExperts, plainRope } from "./Fields.js"

/** Each expert of each layer is a list of weights. */
const MAX_EXPERTS = 64
const MAX_DBRX_LAYERS = 128

const Fields = Schema.Struct({
  vocab_size: size,
  d_model: size,
  n_layers: integer(1, MAX_DBRX_LAYERS),
  n_heads: size,
  ffn_config: Schema.Struct({ ffn_hidden_size: size, moe_num_experts: integer(1, MAX_EXPERTS), moe_top_k: size }),
  attn_config: Schema.Struct({ kv_n_heads: size, clip_qkv: positive, rope_theta: positive })
})

/**
 * Every expert answers every token, as their matrices aren't in one tensor; what isn't chosen counts nothing. The weights of
 * the chosen ones add up to one.
 */
const mixed = (path: string, fields: typeof Fields.Type, chosen: number): Part => {
  const { d_model: width, ffn_config } = fields
  const { ffn_hidden_size, moe_num_experts: count } = ffn_config
  const names = { gate: "w1", up: "v1", down: "w2" }
  const experts = Array.from({ length: count }, (_, i) =>
    mlp({ path: `${path}.experts.${i}`, names, width, size: ffn_hidden_size, activation: "silu" })
  )
  return (ops, x) => {
    const scores = ops.softmax(ops.float32(ops.linear(x, `${path}.router.layer`, { rows: count })), -1)
    const kept = ops.binary("greater", ops.keepTop(scores, chosen), Number.NEGATIVE_INFINITY)
    const shares = ops.binary("multiply", scores, kept)
    const weights = ops.native(ops.binary("divide", shares, ops.reduce("sum", shares, -1)))
    return experts
      .map((expert, i) => ops.binary("multiply", expert(ops, x), ops.slice(weights, -1, i, i + 1)))
      .reduce((sum, answer) => ops.binary("add", sum, answer))
  }
}

export const dbrx = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { attn_config, d_model: width, ffn_config, n_heads: heads } = fields
    const headSize = Math.floor(width / heads)
    const rope = yield* plainRope(headSize, attn_config.rope_theta)
    const chosen = yield* chosenExperts("ffn_config.moe_top_k", ffn_config.moe_top_k, ffn_config.moe_num_experts)
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers: fields.n_layers,
      norm: { kind: "layer", eps: 1e-5 },
      tied: false,
      names: {
        embedding: "transformer.wte",
        layers: "transformer.blocks",
        finalNorm: "transformer.norm_f",
        attentionNorm: "norm_attn_norm.norm_1",
        mlpNorm: "norm_attn_norm.norm_2"
      },
      attention: (layer) =>
        attention({
          path: `${layer}.norm_attn_norm.attn`,
          width,
          heads,
          kvHeads: attn_config.kv_n_heads,
          headSize,
          names: { fused: "Wqkv", rows: "blocks" },
          output: "out_proj",
          clip: attn_config.clip_qkv,
          rope,
          scale: headSize ** -0.5,
          visibility: ALL
        }),
      mlp: (layer) => mixed(`${layer}.ffn`, fields, chosen)
    })
  })
