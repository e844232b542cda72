/** Jamba: Mamba layers with attention in between, every other MLP a layer of experts. */
import { Either, Schema } from "effect"
import { attention } from "../../blocks/Attention.js"
import { mixture } from "../../blocks/Experts.js"
import { swiglu } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { mamba } from "../../blocks/SelectiveScan.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  integer,
  knownLayers,
  layerCount,
  MAX_LAYERS,
  nullish,
  type Section,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { plainAttention, rms, silentMlp, taps } from "./Frame.js"

const offset = integer(0, MAX_LAYERS)

const Fields = Schema.Struct({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: size,
  attn_layer_offset: offset,
  attn_layer_period: layerCount,
  expert_layer_offset: offset,
  expert_layer_period: layerCount,
  mamba_d_conv: taps,
  mamba_d_state: size,
  mamba_expand: size,
  num_experts: size,
  num_experts_per_tok: size,
  rms_norm_eps: eps,
  vocab_size: size,
  mamba_dt_rank: withDefault(Schema.Union(size, Schema.Literal("auto")), "auto"),
  mamba_proj_bias: withDefault(flag, false),
  mamba_conv_bias: withDefault(flag, true),
  layers_block_type: nullish(texts(MAX_LAYERS)),
  tie_word_embeddings: withDefault(flag, true)
})
type Fields = typeof Fields.Type

const mixes = (fields: Fields, path: string): Part => {
  const { hidden_size: width, mamba_d_state: state, mamba_dt_rank, rms_norm_eps } = fields
  const rank = mamba_dt_rank === "auto" ? Math.ceil(width / 16) : mamba_dt_rank
  const normed = (name: string, size: number) => norm(rms(`${path}.${name}_layernorm`, rms_norm_eps), size)
  return mamba({
    path,
    width,
    channels: fields.mamba_expand * width,
    state,
    rank,
    taps: fields.mamba_d_conv,
    bias: fields.mamba_proj_bias,
    convBias: fields.mamba_conv_bias,
    normalize: (ops, { input, output, step }) => ({
      step: normed("dt", rank)(ops, step),
      input: normed("b", state)(ops, input),
      output: normed("c", state)(ops, output)
    })
  })
}

const layerTypes = (fields: Fields): Either.Either<ReadonlyArray<string>, ConfigProblem> => {
  const { attn_layer_offset, attn_layer_period, layers_block_type: given, num_hidden_layers: length } = fields
  const types =
    given ??
    Array.from({ length }, (_, layer) => (layer % attn_layer_period === attn_layer_offset ? "attention" : "mamba"))
  return knownLayers(types, ["attention", "mamba"])
}

export const jamba = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const types = yield* layerTypes(fields)
    const { hidden_size: width, intermediate_size: inner, num_attention_heads: heads, num_experts: count } = fields
    const sizes = { width, heads, kvHeads: fields.num_key_value_heads, headSize: Math.floor(width / heads) }
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers: types.length,
      norm: { kind: "rms", eps: fields.rms_norm_eps },
      names: { finalNorm: "model.final_layernorm", mlpNorm: "pre_ff_layernorm" },
      attention: (path, layer) =>
        types[layer] === "attention"
          ? attention(plainAttention(`${path}.self_attn`, sizes, null))
          : mixes(fields, `${path}.mamba`),
      mlp: (path, layer) => {
        const own = `${path}.feed_forward`
        if (count === 1 || (layer + fields.expert_layer_offset) % fields.expert_layer_period !== 0) {
          return silentMlp(own, width, inner)
        }
        return mixture({
          width,
          router: { path: `${own}.router`, score: "chosenSoftmax", chosen: fields.num_experts_per_tok },
          experts: { path: `${own}.switch_mlp`, count, size: inner, unit: swiglu }
        })
      },
      tied: fields.tie_word_embeddings
    })
  })
