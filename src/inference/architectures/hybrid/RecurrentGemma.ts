/** RecurrentGemma (Griffin, arXiv 2402.19427): gated linear recurrences in turn with local attention. */
import { Either, Schema } from "effect"
import { attention } from "../../blocks/Attention.js"
import { causalConv } from "../../blocks/CausalConv.js"
import { mlp } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, type Part, softcap, times } from "../../blocks/Part.js"
import { sequential } from "../../blocks/Transformer.js"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  eps,
  flag,
  knownLayers,
  layerCount,
  MAX_LAYERS,
  nullish,
  number,
  size,
  texts,
  withDefault
} from "../../Config.js"
import type { Build } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { framed, plainAttention, plainRope, rms } from "./Frame.js"

const Fields = Schema.Struct({
  hidden_size: size,
  intermediate_size: size,
  logits_soft_cap: nullish(number),
  num_attention_heads: size,
  num_hidden_layers: layerCount,
  rms_norm_eps: eps,
  attention_window_size: size,
  vocab_size: size,
  embeddings_scale_by_sqrt_dim: withDefault(flag, true),
  block_types: nullish(texts(MAX_LAYERS)),
  _block_types: nullish(texts(MAX_LAYERS))
})
type Fields = typeof Fields.Type

/** Fixed in the architecture. */
const LAYER_EPS = 1e-5
const ROPE_BASE = 10_000
const TAPS = 4
/** How strongly the gate of the recurrence acts. */
const DECAY = -8

/** One small matrix per head, its rows being inputs: x [batch, length, width] -> sigmoid of the same shape. */
const headGate = <T>(ops: Ops<T>, x: T, path: string, heads: number, size: number): T => {
  const split = ops.transpose(ops.reshape(x, [0, 0, heads, size]), [0, 2, 1, 3])
  const product = ops.matmul(split, ops.weight(`${path}_weight`, [heads, size, size]))
  const biased = ops.binary("add", product, ops.reshape(ops.weight(`${path}_bias`, [heads, size]), [heads, 1, size]))
  return ops.unary("sigmoid", ops.reshape(ops.transpose(biased, [0, 2, 1, 3]), [0, 0, heads * size]))
}

/** Real-gated linear recurrence: x [batch, length, width] -> the same shape. */
const recurrence = <T>(ops: Ops<T>, x: T, path: string, heads: number, width: number): T => {
  const gate = (name: string) => headGate(ops, x, `${path}.${name}`, heads, width / heads)
  const speed = ops.unary("softplus", ops.weight(`${path}.recurrent_param`, [width]))
  const exponent = ops.binary("multiply", ops.binary("multiply", gate("recurrent_gate"), speed), DECAY)
  const decay = ops.unary("exp", exponent)
  const rest = ops.binary("subtract", ops.constant([1], [1]), ops.unary("exp", ops.binary("multiply", exponent, 2)))
  const isFirst = ops.reshape(ops.binary("equal", ops.positions(), 0), [1, -1, 1])
  const share = ops.where(isFirst, 1, ops.unary("sqrt", rest))
  const input = ops.binary("multiply", ops.binary("multiply", x, gate("input_gate")), share)
  const name = `${path}.state`
  const { output, states } = ops.scan(
    { decay, input },
    { memory: ops.state(name, { shape: [width] }) },
    (now, { memory }) => {
      const after = ops.binary("add", ops.binary("multiply", now.decay, memory), now.input)
      return { states: { memory: after }, output: after }
    }
  )
  ops.remember(name, states.memory)
  return output
}

const recurrentBlock =
  (path: string, width: number, heads: number): Part =>
  (ops, x) => {
    const matrix = (y: typeof x, name: string) => ops.linear(y, `${path}.${name}`, { rows: width, bias: true })
    const gate = ops.unary("geluTanh", matrix(x, "linear_y"))
    const seen = causalConv(ops, matrix(x, "linear_x"), {
      path: `${path}.conv_1d`,
      channels: width,
      taps: TAPS,
      bias: true
    })
    const found = recurrence(ops, seen, `${path}.rg_lru`, heads, width)
    return matrix(ops.binary("multiply", found, gate), "linear_out")
  }

const localAttention = (path: string, fields: Fields): Part => {
  const { attention_window_size: window, hidden_size: width, num_attention_heads: heads } = fields
  const headSize = width / heads
  return attention({
    ...plainAttention(path, { width, heads, kvHeads: 1, headSize }, plainRope(headSize / 2, ROPE_BASE)),
    outputBias: true,
    visibility: { _tag: "Window", size: window }
  })
}

const blockTypes = (fields: Fields): Either.Either<ReadonlyArray<string>, ConfigProblem> => {
  const types = fields.block_types ?? fields._block_types
  if (!types) return badConfig("block_types: is missing")
  return knownLayers(types, ["recurrent", "attention"])
}

export const recurrentGemma: Build = (config, stored) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const types = yield* blockTypes(fields)
    const { hidden_size: width, logits_soft_cap: cap, num_attention_heads: heads } = fields
    if (width % heads !== 0) return yield* badConfig("hidden_size: is not a multiple of num_attention_heads")
    const plusOne = (path: string, epsilon: number) => ({ ...rms(path, epsilon), offset: 1 })
    const layer = (_: unknown, index: number): Part => {
      const path = `model.layers.${index}`
      const normed = (name: string) => norm(plusOne(`${path}.${name}`, LAYER_EPS), width)
      const block = `${path}.temporal_block`
      const isRecurrent = types[index % types.length] === "recurrent"
      return sequential(
        chain(
          normed("temporal_pre_norm"),
          isRecurrent ? recurrentBlock(block, width, heads) : localAttention(block, fields)
        ),
        chain(
          normed("channel_pre_norm"),
          mlp({
            path: `${path}.mlp_block`,
            names: { gate: "gate_proj", up: "up_proj", down: "down_proj" },
            width,
            size: Math.floor(fields.intermediate_size / 2),
            activation: "geluTanh",
            bias: true
          })
        )
      )
    }
    return framed({
      vocabSize: fields.vocab_size,
      width,
      embedding: "model.embed_tokens",
      embeddingScale: fields.embeddings_scale_by_sqrt_dim ? times(Math.sqrt(width)) : null,
      finalNorm: plusOne("model.final_norm", fields.rms_norm_eps),
      layers: Array.from({ length: fields.num_hidden_layers }, layer),
      tied: !stored.has("lm_head.weight"),
      logits: cap ? softcap(cap) : null
    })
  })
