/** Nemotron H: every layer is one thing alone, a Mamba 2 mixer, attention without rope, an MLP or experts. */
import { Either, Schema } from "effect"
import { attention } from "../../blocks/Attention.js"
import { weighted } from "../../blocks/Experts.js"
import { activations, mlp } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { route } from "../../blocks/Router.js"
import { gateThenGroupNorm, mamba2 } from "../../blocks/StateSpace.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  integer,
  knownLayers,
  MAX_LAYERS,
  nullish,
  number,
  type Section,
  size,
  texts
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { framed, plainAttention, residual, rms, stepBound, taps } from "./Frame.js"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  attention_bias: flag,
  mamba_num_heads: size,
  mamba_head_dim: size,
  mamba_proj_bias: flag,
  ssm_state_size: size,
  conv_kernel: taps,
  n_groups: size,
  mlp_bias: flag,
  layer_norm_epsilon: eps,
  use_conv_bias: flag,
  hybrid_override_pattern: nullish(Schema.Union(Schema.String.pipe(Schema.maxLength(MAX_LAYERS)), texts(MAX_LAYERS))),
  layers_block_type: nullish(texts(MAX_LAYERS)),
  layer_types: nullish(texts(MAX_LAYERS)),
  head_dim: nullish(headSize),
  time_step_limit: nullish(Schema.Tuple(stepBound, stepBound))
})
type Fields = typeof Fields.Type

/** Of the layers of experts; only read where there are some. */
const Sparse = Schema.Struct({
  moe_intermediate_size: size,
  moe_shared_expert_intermediate_size: nullish(size),
  moe_latent_size: nullish(size),
  n_group: size,
  n_routed_experts: size,
  n_shared_experts: nullish(integer(0, MAX_LAYERS)),
  topk_group: size,
  num_experts_per_tok: size,
  norm_topk_prob: nullish(flag),
  routed_scaling_factor: number
})

const MIXER = "M"
const ATTENTION = "*"
const MLP = "-"
const EXPERTS = "E"

/** Layer types by their longer names. */
const kinds = new Map([
  ["full_attention", ATTENTION],
  ["attention", ATTENTION],
  ["linear_attention", MIXER],
  ["mamba", MIXER],
  ["conv", MIXER],
  ["mlp", MLP],
  ["moe", EXPERTS]
])

/** One letter per layer. */
const pattern = (fields: Fields): Either.Either<ReadonlyArray<string>, ConfigProblem> => {
  const { hybrid_override_pattern: letters } = fields
  const types = fields.layers_block_type ?? fields.layer_types
  const found = letters ? [...letters] : types?.map((type) => kinds.get(type) ?? type)
  if (found === undefined || found.length === 0) return badConfig("hybrid_override_pattern: is missing")
  return knownLayers(found, [MIXER, ATTENTION, MLP, EXPERTS])
}

const squaredRelu = (path: string, { hidden_size: width, mlp_bias: bias }: Fields, size: number): Part =>
  mlp({ path, names: { up: "up_proj", down: "down_proj" }, width, size, activation: "relu2", bias })

const experts = (path: string, fields: Fields, sparse: typeof Sparse.Type): Part => {
  const { hidden_size: width, mlp_bias } = fields
  const { moe_intermediate_size: inner, moe_latent_size: latent, n_routed_experts: count } = sparse
  const between = latent ?? width
  const shared =
    typeof sparse.n_shared_experts === "number"
      ? squaredRelu(
          `${path}.shared_experts`,
          fields,
          sparse.moe_shared_expert_intermediate_size || fields.intermediate_size
        )
      : null
  const narrow = latent ? linear(`${path}.fc1_latent_proj`, latent, mlp_bias) : null
  const widen = latent ? linear(`${path}.fc2_latent_proj`, width, mlp_bias) : null
  return (ops, x) => {
    const { chosen, weights } = route(ops, x, count, {
      path: `${path}.gate`,
      score: "sigmoid",
      chosen: sparse.num_experts_per_tok,
      choiceBias: `${path}.gate.e_score_correction_bias`,
      groups: sparse.n_group > 1 ? { count: sparse.n_group, keep: sparse.topk_group, by: "bestTwo" } : null,
      normalize: sparse.num_experts_per_tok > 1 && sparse.norm_topk_prob ? 1e-20 : null,
      scale: sparse.routed_scaling_factor
    })
    const token = ops.reshape(chain(narrow)(ops, x), [0, 0, 1, between])
    const hidden = ops.expertLinear(token, chosen, `${path}.switch_mlp.fc1`, { count, rows: inner })
    const bent = activations.relu2()(ops, hidden)
    const answers = ops.expertLinear(bent, chosen, `${path}.switch_mlp.fc2`, { count, rows: between })
    const answer = chain(widen)(ops, weighted(ops, answers, weights, between))
    return shared === null ? answer : ops.binary("add", answer, shared(ops, x))
  }
}

const attends = (path: string, fields: Fields): Part => {
  const { attention_bias: bias, hidden_size: width, num_attention_heads: heads } = fields
  const size = fields.head_dim ?? Math.floor(width / heads)
  return attention({
    ...plainAttention(path, { width, heads, kvHeads: fields.num_key_value_heads, headSize: size }, null),
    inputBias: bias,
    outputBias: bias
  })
}

const mixes = (path: string, fields: Fields): Part => {
  const { mamba_head_dim: headSize, mamba_num_heads: heads, mamba_proj_bias: bias, n_groups: groups } = fields
  const inner = heads * headSize
  return mamba2({
    path,
    width: fields.hidden_size,
    heads,
    headSize,
    groups,
    state: fields.ssm_state_size,
    stepLimit: fields.time_step_limit ?? [0, Number.MAX_VALUE],
    taps: fields.conv_kernel,
    bias,
    convBias: fields.use_conv_bias,
    outputBias: bias,
    close: gateThenGroupNorm({ ...rms(null, fields.layer_norm_epsilon), path: `${path}.norm` }, inner, inner / groups)
  })
}

export const nemotronH = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const letters = yield* pattern(fields)
    const sparse = letters.includes(EXPERTS) ? yield* decodeFields(Sparse, config) : null
    const { hidden_size: width, layer_norm_epsilon: epsilon } = fields
    const mixer = (letter: string, path: string): Part => {
      if (letter === MIXER) return mixes(path, fields)
      if (letter === ATTENTION) return attends(path, fields)
      return sparse !== null && letter === EXPERTS
        ? experts(path, fields, sparse)
        : squaredRelu(path, fields, fields.intermediate_size)
    }
    return framed({
      vocabSize: fields.vocab_size,
      width,
      embedding: "backbone.embeddings",
      finalNorm: rms("backbone.norm_f", epsilon),
      layers: letters.map((letter, index) => {
        const path = `backbone.layers.${index}`
        return residual(chain(norm(rms(`${path}.norm`, epsilon), width), mixer(letter, `${path}.mixer`)))
      }),
      tied: false
    })
  })
