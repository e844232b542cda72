/** Mamba 2. */
import { Either, Schema } from "effect"
import { norm } from "../../blocks/Norm.js"
import { chain, type Part } from "../../blocks/Part.js"
import { gateThenNorm, mamba2 } from "../../blocks/StateSpace.js"
import { type ConfigProblem, decodeFields, eps, flag, layerCount, nullish, type Section, size } from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { framed, residual, rms, stepBound, taps } from "./Frame.js"

const Fields = Schema.Struct({
  num_heads: size,
  head_dim: size,
  vocab_size: size,
  hidden_size: size,
  state_size: size,
  ssm_state_size: nullish(size),
  num_hidden_layers: layerCount,
  layer_norm_epsilon: eps,
  conv_kernel: taps,
  n_groups: size,
  use_bias: flag,
  use_conv_bias: flag,
  tie_word_embeddings: flag,
  time_step_limit: Schema.Tuple(stepBound, stepBound)
})

/** The norms of the layers use it whatever the config says. */
const LAYER_EPS = 1e-5

export const mamba2Decoder = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.map(decodeFields(Fields, config), (fields) => {
    const { hidden_size: width, layer_norm_epsilon: epsilon } = fields
    const layer = (index: number): Part => {
      const path = `backbone.layers.${index}`
      const mixer = mamba2({
        path: `${path}.mixer`,
        width,
        heads: fields.num_heads,
        headSize: fields.head_dim,
        groups: fields.n_groups,
        state: fields.ssm_state_size ?? fields.state_size,
        stepLimit: fields.time_step_limit,
        taps: fields.conv_kernel,
        bias: fields.use_bias,
        convBias: fields.use_conv_bias,
        outputBias: fields.use_bias,
        close: gateThenNorm(rms(`${path}.mixer.norm`, epsilon), fields.num_heads * fields.head_dim)
      })
      return residual(chain(norm(rms(`${path}.norm`, LAYER_EPS), width), mixer))
    }
    return framed({
      vocabSize: fields.vocab_size,
      width,
      embedding: "backbone.embeddings",
      finalNorm: rms("backbone.norm_f", epsilon),
      layers: Array.from({ length: fields.num_hidden_layers }, (_, index) => layer(index)),
      tied: fields.tie_word_embeddings
    })
  })
