/** GPT-OSS: every other layer has a window, every head a sink, every matrix a bias. */
import { Either, Schema } from "effect"
import { clippedSwish } from "../../blocks/ClippedUnits.js"
import { preNorm } from "../../blocks/PreNorm.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  headSize,
  layerCount,
  MAX_LAYERS,
  nullish,
  positive,
  Section,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { chosenExperts, frame, perLayer, rope, someExperts, usualAttention, usualMixture, windows } from "./Fields.js"

const Fields = Schema.Struct({
  num_hidden_layers: withDefault(layerCount, 36),
  num_local_experts: withDefault(someExperts, 128),
  num_experts_per_tok: withDefault(size, 4),
  vocab_size: withDefault(size, 201_088),
  rms_norm_eps: withDefault(eps, 1e-5),
  hidden_size: withDefault(size, 2880),
  intermediate_size: withDefault(size, 2880),
  head_dim: withDefault(headSize, 64),
  num_attention_heads: withDefault(size, 64),
  num_key_value_heads: withDefault(size, 8),
  sliding_window: withDefault(size, 128),
  rope_theta: withDefault(positive, 150_000),
  rope_scaling: nullish(Section),
  layer_types: nullish(texts(MAX_LAYERS))
})

const UNIT = clippedSwish(1.702, 7)

const alternating = (layers: number) =>
  Array.from({ length: layers }, (_, layer) => (layer % 2 === 0 ? "sliding_attention" : "full_attention"))

export const gptOss = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { head_dim, hidden_size: width, num_hidden_layers: layers, num_local_experts: count } = fields
    const turned = yield* rope({
      dims: head_dim,
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: null
    })
    const types = fields.layer_types ?? alternating(layers)
    const seen = yield* perLayer("layer_types", yield* windows(types, layers, fields.sliding_window), layers)
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    return preNorm({
      ...frame(fields),
      tied: false,
      attention: (layer, index) =>
        usualAttention({
          path: `${layer}.self_attn`,
          width,
          heads: fields.num_attention_heads,
          kvHeads: fields.num_key_value_heads,
          headSize: head_dim,
          inputBias: true,
          outputBias: true,
          rope: turned,
          sinks: "sinks",
          visibility: seen(index)
        }),
      mlp: (layer) =>
        usualMixture({
          path: `${layer}.mlp`,
          gate: "router",
          experts: "experts",
          width,
          count,
          size: fields.intermediate_size,
          unit: UNIT,
          bias: true,
          expertBias: true,
          score: "chosenSoftmax",
          chosen,
          shared: 0
        })
    })
  })
