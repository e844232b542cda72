/** Granite 4: Mamba 2 mixers with a few layers of attention; with experts, or with plain MLPs. */
import { Either, Schema } from "effect"
import { attention } from "../../blocks/Attention.js"
import { routed } from "../../blocks/Experts.js"
import { mlp, swiglu } from "../../blocks/Mlp.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { gateThenNorm, mamba2 } from "../../blocks/StateSpace.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  integer,
  knownLayers,
  MAX_LAYERS,
  nullish,
  number,
  positive,
  type Section,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import {
  MAX_EXPERTS,
  plainAttention,
  plainRope,
  RopeParameters,
  rms,
  ropeBase,
  silentMlp,
  stepBound,
  taps
} from "./Frame.js"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  attention_bias: flag,
  embedding_multiplier: number,
  attention_multiplier: number,
  logits_scaling: number,
  residual_multiplier: number,
  layer_types: texts(MAX_LAYERS),
  rms_norm_eps: eps,
  num_local_experts: nullish(integer(0, MAX_EXPERTS)),
  num_experts_per_tok: nullish(integer(0, MAX_EXPERTS)),
  shared_intermediate_size: nullish(size),
  mlp_bias: withDefault(flag, false),
  position_embedding_type: withDefault(Schema.String, "rope"),
  tie_word_embeddings: withDefault(flag, true),
  rope_theta: withDefault(positive, 10_000),
  rope_parameters: nullish(RopeParameters)
})
type Fields = typeof Fields.Type

/** Of the recurrent layers; only read where there are some. */
const Recurrent = Schema.Struct({
  mamba_n_heads: size,
  mamba_d_head: size,
  mamba_proj_bias: nullish(flag),
  mamba_d_state: size,
  mamba_d_conv: taps,
  mamba_n_groups: size,
  mamba_conv_bias: nullish(flag),
  time_step_limit: withDefault(Schema.Tuple(stepBound, stepBound), [0.001, 100])
})

const attends = (fields: Fields, path: string): Part => {
  const { attention_bias: bias, hidden_size: width, num_attention_heads: heads } = fields
  const headSize = Math.floor(width / heads)
  const rope =
    fields.position_embedding_type === "nope"
      ? null
      : plainRope(headSize, ropeBase(fields.rope_theta, fields.rope_parameters))
  return attention({
    ...plainAttention(`${path}.self_attn`, { width, heads, kvHeads: fields.num_key_value_heads, headSize }, rope),
    scale: fields.attention_multiplier,
    inputBias: bias,
    outputBias: bias
  })
}

const mixes = (fields: Fields, recurrent: typeof Recurrent.Type, path: string): Part => {
  const { mamba_d_head: headSize, mamba_n_heads: heads } = recurrent
  const own = `${path}.mamba`
  const bias = recurrent.mamba_proj_bias ?? false
  return mamba2({
    path: own,
    width: fields.hidden_size,
    heads,
    headSize,
    groups: recurrent.mamba_n_groups,
    state: recurrent.mamba_d_state,
    stepLimit: recurrent.time_step_limit,
    taps: recurrent.mamba_d_conv,
    bias,
    convBias: recurrent.mamba_conv_bias ?? false,
    outputBias: bias,
    close: gateThenNorm(rms(`${own}.norm`, fields.rms_norm_eps), heads * headSize)
  })
}

/** Experts and the MLP that all tokens go through, added up. */
const experts = (fields: Fields, count: number, path: string): Either.Either<Part, ConfigProblem> => {
  const { hidden_size: width, num_experts_per_tok: chosen, shared_intermediate_size: sharedSize } = fields
  if (!chosen) return badConfig("num_experts_per_tok: is missing")
  if (!sharedSize) return badConfig("shared_intermediate_size: is missing")
  const own = `${path}.block_sparse_moe`
  const answer = routed({
    width,
    router: { path: `${own}.router.layer`, score: "chosenSoftmax", chosen },
    experts: { path: `${own}.switch_mlp`, count, size: fields.intermediate_size, unit: swiglu }
  })
  const shared = mlp({
    path: `${path}.shared_mlp`,
    names: { gateUp: "input_linear", down: "output_linear" },
    width,
    size: sharedSize,
    activation: "silu"
  })
  return Either.right((ops, x) => ops.binary("add", answer(ops, x), shared(ops, x)))
}

export const graniteHybrid = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_local_experts: count } = fields
    const types = yield* knownLayers(fields.layer_types, ["mamba", "attention"])
    const recurrent = types.includes("mamba") ? yield* decodeFields(Recurrent, config) : null
    const paths = types.map((_, layer) => `model.layers.${layer}`)
    const mlps = yield* Either.all(
      paths.map((path) =>
        count
          ? experts(fields, count, path)
          : Either.right(silentMlp(`${path}.mlp`, width, fields.intermediate_size, fields.mlp_bias))
      )
    )

    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers: types.length,
      norm: { kind: "rms", eps: fields.rms_norm_eps },
      attention: (path, layer) =>
        types[layer] === "mamba" && recurrent !== null ? mixes(fields, recurrent, path) : attends(fields, path),
      mlp: (_, layer) => mlps[layer] ?? ((_ops, x) => x),
      tied: fields.tie_word_embeddings,
      embeddingScale: fields.embedding_multiplier,
      branchScale: fields.residual_multiplier,
      logitsDivisor: fields.logits_scaling
    })
  })
