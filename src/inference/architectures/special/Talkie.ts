/** Talkie: norms without weights, learned gains in their place, the embedding added again behind every layer. */
import { Either, Schema } from "effect"
import { ALL, attention } from "../../blocks/Attention.js"
import { mlp } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, type Part } from "../../blocks/Part.js"
import { embedding, wantedRows } from "../../blocks/Transformer.js"
import { decodeFields, eps, headSize, layerCount, positive, size, withDefault } from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { backwards } from "../../Rope.js"
import { fittingHeads } from "./Heads.js"

const Fields = Schema.Struct({
  hidden_size: withDefault(size, 5120),
  num_hidden_layers: withDefault(layerCount, 40),
  num_attention_heads: withDefault(size, 40),
  head_dim: withDefault(headSize, 128),
  intermediate_size: withDefault(size, 13_696),
  vocab_size: withDefault(size, 65_540),
  rope_theta: withDefault(positive, 1e6),
  rms_norm_eps: withDefault(eps, 1.1920928955078125e-7)
})
type Fields = typeof Fields.Type

/** Multiplied by one learned number. */
const gain =
  (name: string): Part =>
  (ops, x) =>
    ops.binary("multiply", x, ops.weight(name, [1]))

/** Queries [batch, heads, length, size] times one learned number per head. */
const headGain =
  (name: string, heads: number): Part =>
  (ops, queries) =>
    ops.binary("multiply", queries, ops.reshape(ops.weight(name, [heads]), [heads, 1, 1]))

/** What attention and MLP add in a layer. */
const branches = (fields: Fields, path: string): ReadonlyArray<Part> => {
  const { head_dim: dims, hidden_size: width, num_attention_heads: heads, rms_norm_eps } = fields
  const common = { kind: "rms", eps: rms_norm_eps, path: null } as const
  const attend = attention({
    path: `${path}.attn`,
    width,
    heads,
    kvHeads: heads,
    headSize: dims,
    names: { queries: "attn_query", keys: "attn_key", values: "attn_value" },
    output: "attn_resid",
    queryNorm: { ...common, span: "head" },
    keyNorm: { ...common, span: "head" },
    normPlace: "after",
    rope: backwards(dims, fields.rope_theta),
    queryScale: headGain(`${path}.attn.head_gain.head_g`, heads),
    scale: dims ** -0.5,
    visibility: ALL
  })
  const feed = mlp({
    path: `${path}.mlp`,
    names: { gate: "mlp_gate", up: "mlp_linear", down: "mlp_resid" },
    width,
    size: fields.intermediate_size,
    activation: "silu"
  })
  return [
    chain(norm(common, width), attend, gain(`${path}.attn_gain.a_g`)),
    chain(norm(common, width), feed, gain(`${path}.mlp_gain.a_g`))
  ]
}

const decoder = (fields: Fields): Decoder => {
  const { hidden_size: width, num_hidden_layers: count, rms_norm_eps, vocab_size: vocabSize } = fields
  const normed = norm({ kind: "rms", eps: rms_norm_eps, path: null }, width)
  const embed = chain(embedding("model.embed", vocabSize, width), normed)
  const head: Part = chain(
    normed,
    (ops, x) => ops.matmul(x, ops.transpose(ops.weight("lm_head", [vocabSize, width]), [1, 0])),
    gain("lm_head_gain.w_g")
  )
  return {
    vocabSize,
    storedAs: (name) => (name.includes("rotary") || /(cos|sin)$/.test(name) ? null : name),
    forward: <T>(ops: Ops<T>, ids: T, rows: "last" | "all") => {
      const embedded = embed(ops, ids)
      const layer = (before: T, index: number): T => {
        const path = `model.blocks.${index}`
        const x = branches(fields, path).reduce((y, branch) => ops.binary("add", y, branch(ops, y)), before)
        return ops.binary("add", x, gain(`${path}.embed_skip.a_g`)(ops, embedded))
      }
      const hidden = Array.from({ length: count }, (_, index) => index).reduce(layer, embedded)
      return head(ops, wantedRows(ops, hidden, rows))
    }
  }
}

export const talkie: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    yield* fittingHeads(fields.num_attention_heads, fields.num_attention_heads, fields.head_dim)
    return decoder(fields)
  })
