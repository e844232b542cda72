/**
 * IQuest Loop Coder: the layers run twice. The second time a learned gate per head mixes attention to the first time's keys
 * with attention to its own, which has a window.
 */
import { Either, Schema } from "effect"
import { ALL } from "../../blocks/Attention.js"
import { gatedMlp, swiglu } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, mergeHeads, splitHeads } from "../../blocks/Part.js"
import { wantedRows } from "../../blocks/Transformer.js"
import {
  decodeFields,
  eps,
  flag,
  headSize,
  integer,
  layerCount,
  nullish,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import type { Ops, Visibility } from "../../Ops.js"
import { type RopeSpec, ropeSpec } from "../../Rope.js"
import { switchField } from "../experts/Fields.js"
import { fittingHeads } from "./Heads.js"

const Fields = Schema.Struct({
  hidden_size: size,
  num_hidden_layers: layerCount,
  intermediate_size: size,
  num_attention_heads: size,
  rms_norm_eps: eps,
  vocab_size: size,
  head_dim: headSize,
  num_key_value_heads: size,
  max_position_embeddings: withDefault(size, 131_072),
  attention_bias: withDefault(flag, false),
  mlp_bias: withDefault(flag, false),
  rope_theta: withDefault(positive, 500_000),
  rope_scaling: nullish(Section),
  tie_word_embeddings: switchField,
  loop_num: withDefault(integer(2, 2), 2),
  loop_window_size: withDefault(size, 64)
})
type Fields = typeof Fields.Type

/** [batch, heads, length, size]; keys and values with everything that is cached. */
interface Turned<T> {
  readonly queries: T
  readonly keys: T
  readonly values: T
}

const decoder = (fields: Fields, rope: RopeSpec): Decoder => {
  const { head_dim: dims, hidden_size: width, num_attention_heads: heads, num_key_value_heads: kvHeads } = fields
  const { vocab_size: vocabSize } = fields
  const tied = fields.tie_word_embeddings === true
  const window: Visibility = { _tag: "Window", size: fields.loop_window_size }
  const normed = (path: string) => norm({ kind: "rms", eps: fields.rms_norm_eps, path }, width)
  const embedding = "model.embed_tokens"
  const head = chain(normed("model.norm"), linear(tied ? embedding : "lm_head", vocabSize))

  const turned = <T>(ops: Ops<T>, x: T, path: string, cache: string, visibility: Visibility): Turned<T> => {
    const project = (name: string, count: number) =>
      splitHeads(ops, linear(`${path}.${name}`, count * dims, fields.attention_bias)(ops, x), count, dims)
    return {
      queries: ops.rope(project("q_proj", heads), rope),
      keys: ops.cached(`${cache}.keys`, ops.rope(project("k_proj", kvHeads), rope), visibility),
      values: ops.cached(`${cache}.values`, project("v_proj", kvHeads), visibility)
    }
  }
  const attend = <T>(ops: Ops<T>, { keys, queries, values }: Turned<T>, visibility: Visibility): T =>
    ops.attend(queries, keys, values, { scale: dims ** -0.5, visibility })

  /** How much of each query comes from the first time's keys: [batch, heads, length, 1]. */
  const gate = <T>(ops: Ops<T>, queries: T, path: string): T => {
    const weight = ops.reshape(ops.weight(`${path}.weight`, [heads, dims]), [heads, dims, 1])
    const bias = ops.reshape(ops.weight(`${path}.bias`, [heads]), [heads, 1, 1])
    return ops.unary("sigmoid", ops.binary("add", ops.matmul(queries, weight), bias))
  }

  const forward: Decoder["forward"] = <T>(ops: Ops<T>, ids: T, rows: "last" | "all"): T => {
    const rest = (x: T, found: T, path: string): T => {
      const output = linear(`${path}.self_attn.o_proj`, width, fields.attention_bias)
      const between = ops.binary("add", x, output(ops, mergeHeads(ops, found, heads, dims)))
      const seen = normed(`${path}.post_attention_layernorm`)(ops, between)
      const spec = { width, size: fields.intermediate_size, unit: swiglu, bias: fields.mlp_bias }
      return ops.binary("add", between, gatedMlp(ops, seen, `${path}.mlp`, spec))
    }
    const before = (x: T, path: string) => normed(`${path}.input_layernorm`)(ops, x)
    const paths = Array.from({ length: fields.num_hidden_layers }, (_, layer) => `model.layers.${layer}`)
    const firsts: Array<Turned<T>> = []
    const once = paths.reduce(
      (x, path) => {
        const own = turned(ops, before(x, path), `${path}.self_attn`, `${path}.first`, ALL)
        firsts.push(own)
        return rest(x, attend(ops, own, ALL), path)
      },
      ops.embedding(ids, embedding, { rows: vocabSize, columns: width })
    )
    const twice = paths.reduce((x, path, layer) => {
      const own = turned(ops, before(x, path), `${path}.self_attn`, `${path}.second`, window)
      const { keys, values } = firsts[layer] ?? own
      const open = gate(ops, own.queries, `model.gate_projections.${layer}`)
      const all = attend(ops, { queries: own.queries, keys, values }, ALL)
      const near = attend(ops, own, window)
      const mixed = ops.binary("add", near, ops.binary("multiply", open, ops.binary("subtract", all, near)))
      return rest(x, mixed, path)
    }, once)
    return head(ops, wantedRows(ops, twice, rows))
  }
  return { vocabSize, forward, storedAs: (name) => (tied && name.startsWith("lm_head.") ? null : name) }
}

export const iquestLoopCoder: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { head_dim: dims, num_attention_heads: heads, num_key_value_heads: kvHeads } = fields
    yield* fittingHeads(heads, kvHeads, dims)
    const rope = yield* ropeSpec({
      dims,
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    return decoder(fields, rope)
  })
