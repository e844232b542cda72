/** RWKV 7 (arXiv 2503.14456): no attention at all; time mixing with a matrix state, channel mixing with the token before. */
import { Either, Schema } from "effect"
import { type Norm, norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { embedding, wantedRows } from "../../blocks/Transformer.js"
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
import type { Ops } from "../../Ops.js"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  norm_eps: eps,
  head_dim: headSize,
  num_hidden_layers: layerCount,
  a_low_rank_dim: size,
  v_low_rank_dim: size,
  gate_low_rank_dim: size,
  decay_low_rank_dim: size,
  tie_word_embeddings: withDefault(flag, false)
})
type Fields = typeof Fields.Type

/** Fixed in the architecture. */
const HEAD_EPS = 64e-5
const SHORTEST = 1e-7
/** The greatest exponent of the decay: exp(-1/2). */
const DECAY = -0.606531

/** x of the position before; zeros before the first. */
const shifted = <T>(ops: Ops<T>, x: T, state: string, width: number): T => {
  const all = ops.concat([ops.state(state, { shape: [1, width] }), x], 1)
  ops.remember(state, ops.slice(all, 1, -1, null))
  return ops.slice(all, 1, 0, -1)
}

/** Two narrow matrices with a function between them. */
const lora = (
  path: string,
  {
    bias = true,
    between,
    rank,
    width
  }: {
    readonly rank: number
    readonly width: number
    readonly between: "tanh" | "sigmoid" | null
    readonly bias?: boolean
  }
): Part =>
  chain(
    linear(`${path}.lora.0`, rank),
    between === null ? null : (ops, x) => ops.unary(between, x),
    linear(`${path}.lora.2`, width, bias)
  )

/** What the first layer hands to all others. */
interface Mixed<T> {
  readonly output: T
  readonly firstValues: T
}

interface Time<T> {
  readonly receptance: T
  readonly decay: T
  readonly key: T
  readonly value: T
  /** The direction that is taken out of the state, and what comes in its place. */
  readonly removed: T
  readonly added: T
}

/** All [batch, length, heads, size]. */
const recurrence = <T>(ops: Ops<T>, time: Time<T>, state: string, heads: number, size: number): T => {
  const column = (x: T) => ops.reshape(x, [0, 0, size, 1])
  const row = (x: T) => ops.reshape(x, [0, 0, 1, size])
  const { output, states } = ops.scan(
    { ...time },
    { memory: ops.state(state, { shape: [heads, size, size] }) },
    ({ added, decay, key, receptance, removed, value }, { memory }) => {
      const replaced = ops.matmul(ops.matmul(memory, column(removed)), row(added))
      const learned = ops.matmul(column(value), row(key))
      const kept = ops.binary("multiply", memory, row(decay))
      const after = ops.binary("add", ops.binary("add", kept, learned), replaced)
      return { states: { memory: after }, output: ops.reshape(ops.matmul(after, column(receptance)), [0, 0, size]) }
    }
  )
  ops.remember(state, states.memory)
  return output
}

/** Everything in the time mixing of a layer that is not the recurrence. */
const timeMixing = <T>(ops: Ops<T>, x: T, path: string, fields: Fields, firstValues: T | null): Mixed<T> => {
  const { head_dim: size, hidden_size: width } = fields
  const heads = width / size
  const difference = ops.binary("subtract", shifted(ops, x, `${path}.token`, width), x)
  const mixed = (name: string) =>
    ops.binary("add", x, ops.binary("multiply", difference, ops.weight(`${path}.${name}`, [1, 1, width])))
  const byHead = (y: T) => ops.reshape(y, [0, 0, heads, size])
  const perHead = (name: string) => ops.weight(`${path}.${name}`, [heads, size])
  const projected = (name: string) => byHead(ops.linear(mixed(`x_${name}`), `${path}.${name}_proj`, { rows: width }))
  const low = (name: string, rank: number, between: "tanh" | "sigmoid" | null, bias = true) =>
    lora(`${path}.${name}_lora`, { rank, width, between, bias })(ops, mixed(`x_${name}`))

  const receptance = projected("r")
  const rate = byHead(ops.unary("sigmoid", low("a", fields.a_low_rank_dim, null)))
  const own = projected("v")
  const share = () => byHead(ops.unary("sigmoid", low("v", fields.v_low_rank_dim, null)))
  const value =
    firstValues === null
      ? own
      : ops.binary("add", own, ops.binary("multiply", ops.binary("subtract", firstValues, own), share()))
  const speed = ops.float32(ops.unary("sigmoid", byHead(low("w", fields.decay_low_rank_dim, "tanh"))))
  const plainKey = projected("k")
  const scaledKey = ops.binary("multiply", plainKey, perHead("k_k"))
  const length = ops.unary("sqrt", ops.reduce("sum", ops.unary("square", scaledKey), -1))
  const direction = ops.binary("divide", scaledKey, ops.binary("maximum", length, SHORTEST))
  const slowed = ops.binary("multiply", ops.binary("subtract", rate, 1), perHead("k_a"))
  const key = ops.binary("multiply", plainKey, ops.binary("add", slowed, 1))

  const found = recurrence(
    ops,
    {
      receptance,
      decay: ops.native(ops.unary("exp", ops.binary("multiply", speed, DECAY))),
      key,
      value,
      removed: ops.unary("negative", direction),
      added: ops.binary("multiply", direction, rate)
    },
    `${path}.state`,
    heads,
    size
  )
  const normed = ops.binary("multiply", ops.layerNorm(found, null, null, HEAD_EPS), perHead("g_norm.weight"))
  const match = ops.binary("multiply", ops.binary("multiply", receptance, key), perHead("r_k"))
  const bonus = ops.binary("multiply", ops.reduce("sum", match, -1), value)
  const all = ops.binary("add", ops.binary("add", normed, perHead("g_norm.bias")), bonus)
  const gate = low("g", fields.gate_low_rank_dim, "sigmoid", false)
  const gated = ops.binary("multiply", ops.reshape(all, [0, 0, width]), gate)
  return { output: ops.linear(gated, `${path}.o_proj`, { rows: width }), firstValues: firstValues ?? own }
}

const channelMixing =
  (path: string, { hidden_size: width, intermediate_size: inner }: Fields): Part =>
  (ops, x) => {
    const difference = ops.binary("subtract", shifted(ops, x, `${path}.token`, width), x)
    const mixed = ops.binary("add", x, ops.binary("multiply", difference, ops.weight(`${path}.x_k`, [width])))
    const hidden = ops.unary("square", ops.unary("relu", ops.linear(mixed, `${path}.key`, { rows: inner })))
    return ops.linear(hidden, `${path}.value`, { rows: width })
  }

export const rwkv7 = (config: Section): Either.Either<Decoder, ConfigProblem> =>
  Either.flatMap(decodeFields(Fields, config), (fields) => {
    const { head_dim, hidden_size: width, norm_eps, num_hidden_layers: layers, tie_word_embeddings: tied } = fields
    if (width % head_dim !== 0) return badConfig("hidden_size: is not a multiple of head_dim")
    const layerNorm = (path: string): Norm => ({ kind: "layer", path, eps: norm_eps, bias: true })
    const normed = (path: string) => norm(layerNorm(path), width)
    const head = chain(normed("model.norm"), linear(tied ? "model.embeddings" : "lm_head", fields.vocab_size))

    return Either.right({
      vocabSize: fields.vocab_size,
      storedAs: (name) => (tied && name === "lm_head.weight" ? null : name),
      forward: <T>(ops: Ops<T>, ids: T, rows: "last" | "all"): T => {
        let x = normed("model.layers.0.pre_norm")(
          ops,
          embedding("model.embeddings", fields.vocab_size, width)(ops, ids)
        )
        let firstValues: T | null = null
        for (let layer = 0; layer < layers; layer++) {
          const path = `model.layers.${layer}`
          const time: Mixed<T> = timeMixing(
            ops,
            normed(`${path}.attn_norm`)(ops, x),
            `${path}.attn`,
            fields,
            firstValues
          )
          firstValues = time.firstValues
          const between = ops.binary("add", x, time.output)
          const channel = channelMixing(`${path}.ffn`, fields)(ops, normed(`${path}.ffn_norm`)(ops, between))
          x = ops.binary("add", between, channel)
        }
        return head(ops, wantedRows(ops, x, rows))
      }
    })
  })
