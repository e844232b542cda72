/**
 * Falcon H1: attention and a Mamba 2 mixer side by side in every layer. Its many multipliers are already in the weights of a
 * converted checkpoint, all but the one of a tied head.
 */
import { Either, Schema } from "effect"
import { attention } from "../../blocks/Attention.js"
import { norm } from "../../blocks/Norm.js"
import { chain, type Part, times } from "../../blocks/Part.js"
import { gateOnly, gateThenNorm, mamba2, normThenGate } from "../../blocks/StateSpace.js"
import {
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  layerCount,
  nullish,
  number,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { ropeSpec } from "../../Rope.js"
import { framed, plainAttention, residual, rms, silentMlp, taps } from "./Frame.js"

const Fields = Schema.Struct({
  attention_bias: withDefault(flag, false),
  embedding_multiplier: withDefault(number, 4 * Math.SQRT2),
  head_dim: withDefault(headSize, 64),
  hidden_size: withDefault(size, 1024),
  intermediate_size: withDefault(size, 2048),
  lm_head_multiplier: withDefault(number, 0.0390625),
  mamba_conv_bias: withDefault(flag, true),
  mamba_d_conv: withDefault(taps, 4),
  mamba_d_head: withDefault(size, 64),
  mamba_d_state: withDefault(size, 128),
  mamba_n_groups: withDefault(size, 1),
  mamba_n_heads: withDefault(size, 24),
  mamba_norm_before_gate: withDefault(flag, false),
  mamba_proj_bias: withDefault(flag, false),
  mamba_rms_norm: withDefault(flag, false),
  max_position_embeddings: withDefault(size, 131_072),
  mlp_bias: withDefault(flag, false),
  num_attention_heads: withDefault(size, 8),
  num_hidden_layers: withDefault(layerCount, 36),
  num_key_value_heads: withDefault(size, 2),
  projectors_bias: withDefault(flag, false),
  rms_norm_eps: withDefault(eps, 1e-5),
  rope_traditional: withDefault(flag, false),
  rope_scaling: nullish(Section),
  rope_theta: withDefault(positive, 1e11),
  vocab_size: withDefault(size, 32_784),
  tie_word_embeddings: withDefault(flag, true)
})

export const falconH1 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { head_dim, hidden_size: width, mamba_n_heads: heads, rms_norm_eps } = fields
    const rope = yield* ropeSpec({
      dims: head_dim,
      base: fields.rope_theta,
      interleaved: fields.rope_traditional,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings
    })
    const sizes = {
      width,
      heads: fields.num_attention_heads,
      kvHeads: fields.num_key_value_heads,
      headSize: head_dim
    }

    const close = (path: string) => {
      if (!fields.mamba_rms_norm) return gateOnly
      const spec = [rms(`${path}.norm`, rms_norm_eps), heads * fields.mamba_d_head] as const
      return fields.mamba_norm_before_gate ? normThenGate(...spec) : gateThenNorm(...spec)
    }
    const mixer = (path: string): Part =>
      mamba2({
        path,
        width,
        heads,
        headSize: fields.mamba_d_head,
        groups: fields.mamba_n_groups,
        state: fields.mamba_d_state,
        stepLimit: [0, Number.MAX_VALUE],
        taps: fields.mamba_d_conv,
        bias: fields.mamba_proj_bias,
        convBias: fields.mamba_conv_bias,
        outputBias: fields.projectors_bias,
        close: close(path)
      })
    const layer = (index: number): Part => {
      const path = `model.layers.${index}`
      const attend = attention({
        ...plainAttention(`${path}.self_attn`, sizes, rope),
        inputBias: fields.attention_bias,
        outputBias: fields.attention_bias
      })
      const scan = mixer(`${path}.mamba`)
      const both: Part = (ops, x) => ops.binary("add", scan(ops, x), attend(ops, x))
      const normed = (name: string) => norm(rms(`${path}.${name}`, rms_norm_eps), width)
      const mlp = silentMlp(`${path}.feed_forward`, width, fields.intermediate_size, fields.mlp_bias)
      return chain(residual(chain(normed("input_layernorm"), both)), residual(chain(normed("pre_ff_layernorm"), mlp)))
    }
    return framed({
      vocabSize: fields.vocab_size,
      width,
      embedding: "model.embed_tokens",
      finalNorm: rms("model.final_layernorm", rms_norm_eps),
      layers: Array.from({ length: fields.num_hidden_layers }, (_, index) => layer(index)),
      tied: fields.tie_word_embeddings,
      logits: fields.tie_word_embeddings ? times(fields.lm_head_multiplier / fields.embedding_multiplier) : null
    })
  })
