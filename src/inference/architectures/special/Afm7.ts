/** AFM 7: the last layers have queries only and read the keys and values of the last one that makes some. */
import { Either, Schema } from "effect"
import { ALL, type Attention, attendTo, type KeysValues, keysValues, project } from "../../blocks/Attention.js"
import { gatedMlp, swiglu } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { embedding, wantedRows } from "../../blocks/Transformer.js"
import {
  badConfig,
  decodeFields,
  eps,
  integer,
  layerCount,
  MAX_LAYERS,
  positive,
  size,
  withDefault
} from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { fittingHeads } from "./Heads.js"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_dim: size,
  num_layers: layerCount,
  num_kv_reuse_layers: integer(0, MAX_LAYERS),
  num_heads: size,
  num_kv_heads: size,
  hidden_dim_scale_factor: withDefault(positive, 3.25),
  rope_theta: withDefault(positive, 50_000),
  rms_norm_eps: withDefault(eps, 1e-5)
})
type Fields = typeof Fields.Type

/** Of the head norms; the config has no field for it. */
const HEAD_EPS = 1e-5

/** To whole steps of a learned size, as if stored in 8 bits. */
const stepped =
  (name: string): Part =>
  (ops, x) => {
    const step = ops.weight(name, [])
    const rounded = ops.unary("floor", ops.binary("add", ops.binary("divide", x, step), 0.5))
    return ops.binary("multiply", ops.clip(rounded, -128, 127), step)
  }

const attentionOf = (fields: Fields, path: string): Attention => {
  const { hidden_dim: width, num_heads: heads } = fields
  const headSize = width / heads
  const common = { kind: "rms", eps: HEAD_EPS, span: "head" } as const
  return {
    path,
    width,
    heads,
    kvHeads: fields.num_kv_heads,
    headSize,
    names: { fused: "qkv_proj", rows: "blocks" },
    output: "out_proj",
    queryNorm: { ...common, path: `${path}.q_norm` },
    keyNorm: { ...common, path: `${path}.k_norm` },
    normPlace: "after",
    keysOut: stepped(`${path}.quant_key_scale`),
    valuesIn: stepped(`${path}.quant_value_scale`),
    rope: {
      dims: headSize,
      interleaved: true,
      rates: { _tag: "Base", base: fields.rope_theta, positionScale: 1 }
    },
    scale: headSize ** -0.5,
    visibility: ALL
  }
}

/** Of a layer that makes no keys. */
const queriesOf = <T>(ops: Ops<T>, x: T, { path, width }: Attention): T =>
  ops.linear(x, `${path}.q_proj`, { rows: width })

const decoder = (fields: Fields): Decoder => {
  const { hidden_dim: width, num_kv_reuse_layers: reusing, vocab_size: vocabSize } = fields
  const own = fields.num_layers - reusing
  const mlpSize = Math.trunc(width * fields.hidden_dim_scale_factor)
  const normed = (path: string) => norm({ kind: "rms", eps: fields.rms_norm_eps, path }, width)
  const embed = embedding("model.embedding", vocabSize, width)
  const head = chain(normed("model.output_norm"), linear("model.embedding", vocabSize))

  const forward: Decoder["forward"] = <T>(ops: Ops<T>, ids: T, rows: "last" | "all"): T => {
    /** One layer; without keys and values to read it makes its own, which the answer has. */
    const layer = (x: T, path: string, given: KeysValues<T> | null): { readonly x: T; readonly kv: KeysValues<T> } => {
      const spec = attentionOf(fields, `${path}.self_attn`)
      const seen = normed(`${path}.input_layernorm`)(ops, x)
      const made = given === null ? project(ops, seen, spec) : { ...given, queries: queriesOf(ops, seen, spec) }
      const kv = given ?? keysValues(ops, made, spec)
      const between = ops.binary("add", x, attendTo(ops, seen, made.queries, kv, spec))
      const fed = normed(`${path}.post_attention_layernorm`)(ops, between)
      const mlp = gatedMlp(ops, fed, `${path}.mlp`, { width, size: mlpSize, unit: swiglu })
      return { x: ops.binary("add", between, mlp), kv }
    }
    const rest = Array.from({ length: own - 1 }, (_, index) => `model.layers.${index + 1}`)
    const first = layer(embed(ops, ids), "model.layers.0", null)
    const last = rest.reduce(({ x }, path) => layer(x, path, null), first)
    const reusers = Array.from({ length: reusing }, (_, index) => `model.kv_reuse_layers.${index}`)
    const hidden = reusers.reduce((x, path) => layer(x, path, last.kv).x, last.x)
    return head(ops, wantedRows(ops, hidden, rows))
  }
  return { vocabSize, forward, storedAs: (name) => name }
}

export const afm7: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_dim: width, num_heads: heads, num_kv_heads: kvHeads } = fields
    yield* fittingHeads(heads, kvHeads, width / heads)
    return fields.num_kv_reuse_layers < fields.num_layers
      ? decoder(fields)
      : yield* badConfig("num_kv_reuse_layers: must be below num_layers")
  })
