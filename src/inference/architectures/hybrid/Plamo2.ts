/** PLaMo 2: Mamba 2 in turn with attention; every stored norm weight has a constant added. */
import { Either, Schema } from "effect"
import { attention } from "../../blocks/Attention.js"
import { causalConv } from "../../blocks/CausalConv.js"
import { mlp } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, type Part, split } from "../../blocks/Part.js"
import { stateSpace } from "../../blocks/StateSpace.js"
import { sequential } from "../../blocks/Transformer.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  headSize,
  layerCount,
  type Section,
  size,
  withDefault
} from "../../Config.js"
import type { Decoder } from "../../Decoder.js"
import { framed, plainAttention, plainRope, rms, taps } from "./Frame.js"

const Fields = Schema.Struct({
  hidden_size: withDefault(size, 4096),
  num_hidden_layers: withDefault(layerCount, 32),
  rms_norm_eps: withDefault(eps, 1e-6),
  tie_word_embeddings: withDefault(flag, true),
  num_attention_heads: withDefault(size, 32),
  num_key_value_heads: withDefault(size, 4),
  hidden_size_per_head: withDefault(headSize, 128),
  mamba_d_state: withDefault(size, 64),
  mamba_d_conv: withDefault(taps, 4),
  mamba_num_heads: withDefault(size, 64),
  mamba_step: withDefault(size, 2),
  mamba_enabled: withDefault(flag, true),
  intermediate_size: withDefault(size, 13_312),
  vocab_size: withDefault(size, 32_000)
})
type Fields = typeof Fields.Type

/** Fixed in the architecture. */
const HEAD_EPS = 1e-6
const ROPE_BASE = 10_000
const STEP_LIMIT = [0.001, 100] as const
const MIN_STEP_RANK = 64

const mixes =
  (path: string, fields: Fields): Part =>
  (ops, x) => {
    const { hidden_size: width, hidden_size_per_head: headSize, mamba_d_state: state, mamba_num_heads: heads } = fields
    const inner = heads * headSize
    const rank = Math.max(MIN_STEP_RANK, Math.floor(width / 16))
    const both = ops.reshape(ops.linear(x, `${path}.in_proj`, { rows: 2 * inner }), [0, 0, heads, 2 * headSize])
    const [gate = both, raw = both] = split(ops, both, [headSize, headSize])
    const flat = (y: typeof x) => ops.reshape(y, [0, 0, inner])
    const conv = { path: `${path}.conv1d`, channels: inner, taps: fields.mamba_d_conv, bias: false }
    const seen = ops.unary("silu", causalConv(ops, flat(raw), conv))
    const joined = ops.linear(seen, `${path}.bcdt_proj`, { rows: rank + 2 * state })
    const [b = joined, c = joined, dt = joined] = split(ops, joined, [state, state, rank])
    const normed = (y: typeof x, name: string, size: number) =>
      ops.rmsNorm(y, ops.weight(`${path}.${name}_norm_weight`, [size]), fields.rms_norm_eps)
    const found = stateSpace(
      ops,
      {
        x: seen,
        inputs: normed(b, "B", state),
        outputs: normed(c, "C", state),
        steps: ops.linear(normed(dt, "dt", rank), `${path}.dt_proj`, { rows: heads })
      },
      { path, heads, headSize, groups: 1, state, stepLimit: STEP_LIMIT }
    )
    return ops.linear(ops.binary("multiply", ops.unary("silu", flat(gate)), found), `${path}.out_proj`, { rows: width })
  }

const attends = (path: string, fields: Fields): Part => {
  const { hidden_size: width, hidden_size_per_head: headSize, num_attention_heads: heads } = fields
  const each = (name: string) => ({ ...rms(`${path}.${name}`, HEAD_EPS), span: "each" }) as const
  return attention({
    ...plainAttention(
      path,
      { width, heads, kvHeads: fields.num_key_value_heads, headSize },
      plainRope(headSize, ROPE_BASE)
    ),
    names: { fused: "qkv_proj", rows: "blocks" },
    queryNorm: each("q"),
    keyNorm: each("k")
  })
}

/** All but every `mamba_step`-th layer; in a model of few layers all but the last. */
const isMamba = (fields: Fields, layer: number): boolean => {
  const { mamba_enabled, mamba_step: step, num_hidden_layers: layers } = fields
  const middle = Math.floor(step / 2)
  if (!mamba_enabled) return false
  return layers <= middle ? layer !== layers - 1 : layer % step !== middle
}

export const plamo2 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, rms_norm_eps: epsilon } = fields
    if (fields.mamba_enabled && fields.mamba_step === 1) return yield* badConfig("mamba_step: must be at least 2")
    const plus = (path: string, offset: number) => ({ ...rms(path, epsilon), offset })
    const layer = (_: unknown, index: number): Part => {
      const path = `model.layers.layers.${index}`
      const own = `${path}.mixer`
      const normed = (name: string, offset: number) => norm(plus(`${path}.${name}`, offset), width)
      const feedForward = mlp({
        path: `${path}.mlp`,
        names: { gateUp: "gate_up_proj", down: "down_proj" },
        width,
        size: fields.intermediate_size,
        activation: "silu"
      })
      return sequential(
        chain(
          normed("pre_mixer_norm", 1),
          isMamba(fields, index) ? mixes(own, fields) : attends(own, fields),
          normed("post_mixer_norm", 1 / 5)
        ),
        chain(normed("pre_mlp_norm", 1), feedForward, normed("post_mlp_norm", 5 ** -1.5))
      )
    }
    return framed({
      vocabSize: fields.vocab_size,
      width,
      embedding: "model.embed_tokens",
      finalNorm: plus("model.norm", 1),
      layers: Array.from({ length: fields.num_hidden_layers }, layer),
      tied: fields.tie_word_embeddings,
      storedAs: (name) => name.replace(/\.mixer\.([qk])_weight$/, ".mixer.$1.weight")
    })
  })
