/** Hunyuan: layers read the keys and values that an earlier layer's matrices made, and most have experts. */
import { Either, Schema } from "effect"
import { ALL, type Attention, attendTo, type KeysValues, keysValues, project } from "../../blocks/Attention.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { wantedRows } from "../../blocks/Transformer.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  layerCount,
  MAX_LAYERS,
  nullish,
  numbers,
  positive,
  size
} from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { chosenExperts, dense, sharedSize, usualMixture } from "../experts/Fields.js"
import { fittingHeads } from "./Heads.js"

const perLayer = Schema.Union(size, numbers(MAX_LAYERS))

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: layerCount,
  intermediate_size: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  attention_bias: flag,
  moe_topk: perLayer,
  num_experts: size,
  num_shared_expert: perLayer,
  use_mixed_mlp_moe: flag,
  use_qk_norm: flag,
  rms_norm_eps: eps,
  rope_theta: positive,
  use_cla: flag,
  cla_share_factor: size,
  moe_intermediate_size: nullish(perLayer),
  rope_scaling: Schema.Struct({ alpha: positive })
})
type Fields = typeof Fields.Type

/** A field that may have a value for each layer. */
const ofLayer = (value: number | ReadonlyArray<number>, layer: number): number =>
  typeof value === "number" ? value : (value[layer] ?? 0)

const attentionOf = (fields: Fields, path: string): Attention => {
  const { attention_bias: bias, hidden_size: width, num_attention_heads: heads, rms_norm_eps } = fields
  const headSize = width / heads
  const headNorm = (name: string) =>
    fields.use_qk_norm ? ({ kind: "rms", eps: rms_norm_eps, span: "head", path: `${path}.${name}` } as const) : null
  const base = fields.rope_theta * fields.rope_scaling.alpha ** (headSize / (headSize - 2))
  return {
    path,
    width,
    heads,
    kvHeads: fields.num_key_value_heads,
    headSize,
    names: { queries: "q_proj", keys: "k_proj", values: "v_proj" },
    inputBias: bias,
    output: "o_proj",
    outputBias: bias,
    queryNorm: headNorm("query_layernorm"),
    keyNorm: headNorm("key_layernorm"),
    normPlace: "after",
    rope: { dims: headSize, interleaved: false, rates: { _tag: "Base", base, positionScale: 1 } },
    scale: headSize ** -0.5,
    visibility: ALL
  }
}

const feedForward = (fields: Fields, layer: number): Either.Either<Part, ConfigProblem> => {
  const { hidden_size: width, intermediate_size: wide, num_experts: count } = fields
  const path = `model.layers.${layer}.mlp`
  if (count === 1) return Either.right(dense(path, width, wide))
  return Either.map(chosenExperts("moe_topk", ofLayer(fields.moe_topk, layer), count), (chosen) =>
    usualMixture({
      path,
      width,
      count,
      size: ofLayer(fields.moe_intermediate_size ?? wide, layer),
      chosen,
      score: "softmax",
      gate: "gate.wg",
      sharedName: "shared_mlp",
      shared: fields.use_mixed_mlp_moe ? sharedSize(ofLayer(fields.num_shared_expert, layer), wide) : 0
    })
  )
}

const EMBEDDING = "model.embed_tokens"

const decoder = (fields: Fields, feeds: ReadonlyArray<Part>): Decoder => {
  const { cla_share_factor: group, hidden_size: width, use_cla: sharing, vocab_size: vocabSize } = fields
  const normed = (path: string) => norm({ kind: "rms", eps: fields.rms_norm_eps, path }, width)
  const head = chain(normed("model.norm"), linear(EMBEDDING, vocabSize))

  const forward: Decoder["forward"] = <T>(ops: Ops<T>, ids: T, rows: "last" | "all"): T => {
    /** The layer's attention to x, and the keys and values it read, before rope. */
    const attended = (x: T, layer: number, before: KeysValues<T> | null) => {
      const spec = attentionOf(fields, `model.layers.${layer}.self_attn`)
      const rows = spec.heads * spec.headSize
      const own =
        before === null || !sharing || layer % group === 0
          ? project(ops, x, spec)
          : { ...before, queries: ops.linear(x, `${spec.path}.q_proj`, { rows, bias: fields.attention_bias }) }
      return { kv: own, found: attendTo(ops, x, own.queries, keysValues(ops, own, spec), spec) }
    }
    const start: { readonly x: T; readonly kv: KeysValues<T> | null } = {
      x: ops.embedding(ids, EMBEDDING, { rows: vocabSize, columns: width }),
      kv: null
    }
    const { x: hidden } = feeds.reduce(({ kv: before, x }, feed, layer) => {
      const path = `model.layers.${layer}`
      const { found, kv } = attended(normed(`${path}.input_layernorm`)(ops, x), layer, before)
      const between = ops.binary("add", x, found)
      const fed = chain(normed(`${path}.post_attention_layernorm`), feed)(ops, between)
      return { x: ops.binary("add", between, fed), kv }
    }, start)
    return head(ops, wantedRows(ops, hidden, rows))
  }
  return { vocabSize, forward, storedAs: (name) => (name.startsWith("lm_head.") ? null : name) }
}

export const hunyuan: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads, num_key_value_heads: kvHeads } = fields
    const { headSize } = yield* fittingHeads(heads, kvHeads, width / heads)
    if (headSize < 4) return yield* badConfig(`head size ${headSize} is below 4`)
    const layers = Array.from({ length: fields.num_hidden_layers }, (_, layer) => feedForward(fields, layer))
    return decoder(fields, yield* Either.all(layers))
  })
