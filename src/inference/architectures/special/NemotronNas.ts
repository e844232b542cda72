/** Nemotron NAS: a search replaced the halves of some layers by one matrix, or left them out. */
import { Either, Schema } from "effect"
import { excerpt } from "../../../domain/Excerpt.js"
import { isObject } from "../../../domain/JsonFile.js"
import { ALL, attention } from "../../blocks/Attention.js"
import { type Activation, mlp } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { embedding, transformer } from "../../blocks/Transformer.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  layerCount,
  list,
  MAX_LAYERS,
  nullish,
  positive,
  Section,
  size,
  unsupported,
  withDefault
} from "../../Config.js"
import type { Build } from "../../Decoder.js"
import { ropeSpec } from "../../Rope.js"
import { switchField } from "../experts/Fields.js"
import { fittingHeads } from "./Heads.js"

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  silu: "silu",
  relu: "relu",
  gelu: "gelu",
  gelu_new: "geluTanh",
  gelu_fast: "geluTanh"
}

const Fields = Schema.Struct({
  hidden_size: withDefault(size, 8192),
  num_hidden_layers: withDefault(layerCount, 80),
  num_attention_heads: withDefault(size, 64),
  rms_norm_eps: withDefault(eps, 1e-5),
  vocab_size: withDefault(size, 128_256),
  block_configs: list(isObject, MAX_LAYERS, "objects"),
  hidden_act: withDefault(Schema.String, "silu"),
  attention_bias: withDefault(flag, false),
  mlp_bias: withDefault(flag, false),
  rope_theta: withDefault(positive, 500_000),
  rope_scaling: nullish(Section),
  max_position_embeddings: withDefault(size, 131_072),
  tie_word_embeddings: switchField
})

const half = { no_op: withDefault(flag, false), replace_with_linear: withDefault(flag, false) } as const
const Block = Schema.Struct({
  attention: withDefault(Section, {}),
  ffn: withDefault(Section, {})
})
const AttentionBlock = Schema.Struct({ ...half, n_heads_in_group: nullish(size) })
const MlpBlock = Schema.Struct({ ...half, ffn_mult: nullish(positive) })

/** What stands for one half of a layer: nothing, a matrix, or the real thing with its number. */
type Half = { readonly _tag: "None" } | { readonly _tag: "Linear" } | { readonly _tag: "Full"; readonly value: number }

const halfOf = (
  fields: { readonly no_op: boolean; readonly replace_with_linear: boolean },
  value: number | null | undefined,
  name: string
): Either.Either<Half, ConfigProblem> => {
  if (fields.no_op) return Either.right({ _tag: "None" })
  if (fields.replace_with_linear) return Either.right({ _tag: "Linear" })
  return value ? Either.right({ _tag: "Full", value }) : badConfig(`${name}: is missing`)
}

const blockOf = (block: Section, index: number) =>
  Either.gen(function* () {
    const path = `block_configs.${index}.`
    const { attention: first, ffn: second } = yield* decodeFields(Block, block, path)
    const attend = yield* decodeFields(AttentionBlock, first, `${path}attention.`)
    const feed = yield* decodeFields(MlpBlock, second, `${path}ffn.`)
    return {
      attention: yield* halfOf(attend, attend.n_heads_in_group, `${path}attention.n_heads_in_group`),
      mlp: yield* halfOf(feed, feed.ffn_mult, `${path}ffn.ffn_mult`)
    }
  })

/** Two thirds of the multiple, rounded up to whole blocks of 256. */
const mlpSize = (multiple: number, width: number) => {
  const rounded = Math.round(multiple * 1e6) / 1e6
  return Math.ceil(Math.trunc((2 * rounded * width) / 3) / 256) * 256
}

/** x + part(norm x), or x where there is nothing. */
const residual =
  (normed: Part, part: Part | null): Part =>
  (ops, x) =>
    part === null ? x : ops.binary("add", x, part(ops, normed(ops, x)))

export const nemotronNas: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads, num_hidden_layers: count, vocab_size: vocabSize } = fields
    const activation = Object.hasOwn(ACTIVATIONS, fields.hidden_act) ? ACTIVATIONS[fields.hidden_act] : undefined
    if (activation === undefined) return yield* unsupported(`hidden_act ${excerpt(fields.hidden_act)} is not supported`)
    const blocks = yield* Either.all(fields.block_configs.map(blockOf))
    if (blocks.length !== count) return yield* badConfig(`block_configs: ${blocks.length} values for ${count} layers`)
    const dims = width / heads
    yield* fittingHeads(heads, heads, dims)
    const uneven = blocks.find(({ attention: { _tag, ...rest } }) => "value" in rest && heads % rest.value !== 0)
    if (uneven) return yield* badConfig(`num_attention_heads ${heads} is not a multiple of n_heads_in_group`)
    const rope = yield* ropeSpec({
      dims,
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const attentionBias = fields.attention_bias
    const mlpBias = fields.mlp_bias

    const attend = (block: Half, path: string): Part | null => {
      if (block._tag === "None") return null
      if (block._tag === "Linear") return linear(`${path}.linear`, width, attentionBias)
      return attention({
        path,
        width,
        heads,
        kvHeads: heads / block.value,
        headSize: dims,
        names: { queries: "q_proj", keys: "k_proj", values: "v_proj" },
        inputBias: attentionBias,
        output: "o_proj",
        outputBias: attentionBias,
        rope,
        scale: dims ** -0.5,
        visibility: ALL
      })
    }
    const feed = (block: Half, path: string): Part | null => {
      if (block._tag === "None") return null
      if (block._tag === "Linear") return linear(`${path}.linear`, width, mlpBias)
      const names = { gate: "gate_proj", up: "up_proj", down: "down_proj" }
      return mlp({ path, names, width, size: mlpSize(block.value, width), activation, bias: mlpBias })
    }
    const normed = (path: string) => norm({ kind: "rms", eps: fields.rms_norm_eps, path }, width)
    const tied = fields.tie_word_embeddings === true
    return transformer({
      vocabSize,
      embed: embedding("model.embed_tokens", vocabSize, width),
      layers: blocks.map((block, layer) => {
        const path = `model.layers.${layer}`
        return chain(
          residual(normed(`${path}.input_layernorm`), attend(block.attention, `${path}.self_attn`)),
          residual(normed(`${path}.post_attention_layernorm`), feed(block.mlp, `${path}.mlp`))
        )
      }),
      head: chain(normed("model.norm"), linear(tied ? "model.embed_tokens" : "lm_head", vocabSize)),
      storedAs: (name) => (tied && name.startsWith("lm_head.") ? null : name)
    })
  })
