/** Mamba and Falcon Mamba: nothing but selective scans. */
import { Either, Schema } from "effect"
import { norm } from "../../blocks/Norm.js"
import { chain, type Part } from "../../blocks/Part.js"
import { type Mamba, mamba, type Selection } from "../../blocks/SelectiveScan.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  layerCount,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { framed, residual, rms, taps } from "./Frame.js"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  state_size: size,
  num_hidden_layers: layerCount,
  conv_kernel: taps,
  use_bias: flag,
  use_conv_bias: flag,
  time_step_rank: Schema.Union(size, Schema.Literal("auto")),
  tie_word_embeddings: withDefault(flag, true),
  use_bcdt_rms: withDefault(flag, false),
  mixer_rms_eps: withDefault(eps, 1e-6)
})

/** What layers and the final norm use whatever the config says. */
const NORM_EPS = 1e-5

/** Each normalized by itself, without weights. */
const normalized =
  (epsilon: number) =>
  <T>(ops: Ops<T>, { input, output, step }: Selection<T>): Selection<T> => ({
    step: ops.rmsNorm(step, null, epsilon),
    input: ops.rmsNorm(input, null, epsilon),
    output: ops.rmsNorm(output, null, epsilon)
  })

const asTheyAre: Mamba["normalize"] = (_ops, selection) => selection

/** `alwaysNormalizes` is Falcon's. */
export const mambaDecoder =
  (alwaysNormalizes: boolean) =>
  (config: Section): Either.Either<Decoder, ConfigProblem> =>
    Either.map(decodeFields(Fields, config), (fields) => {
      const { hidden_size: width, time_step_rank: rank, vocab_size: vocabSize } = fields
      const layer = (index: number): Part => {
        const path = `backbone.layers.${index}`
        const mixer = mamba({
          path: `${path}.mixer`,
          width,
          channels: fields.intermediate_size,
          state: fields.state_size,
          rank: rank === "auto" ? Math.ceil(width / 16) : rank,
          taps: fields.conv_kernel,
          bias: fields.use_bias,
          convBias: fields.use_conv_bias,
          normalize: alwaysNormalizes || fields.use_bcdt_rms ? normalized(fields.mixer_rms_eps) : asTheyAre
        })
        return residual(chain(norm(rms(`${path}.norm`, NORM_EPS), width), mixer))
      }
      return framed({
        vocabSize,
        width,
        embedding: "backbone.embeddings",
        finalNorm: rms("backbone.norm_f", NORM_EPS),
        layers: Array.from({ length: fields.num_hidden_layers }, (_, index) => layer(index)),
        tied: fields.tie_word_embeddings
      })
    })
