/** Baichuan M1: keys and values pass a convolution over two positions; some layers have a window and other heads. */
import { Either, Schema } from "effect"
import { ALL, attention } from "../../blocks/Attention.js"
import { gatedMlp, swiglu } from "../../blocks/Mlp.js"
import type { Part } from "../../blocks/Part.js"
import { preNorm } from "../../blocks/PreNorm.js"
import { storedPrecision } from "../../blocks/StoredPrecision.js"
import {
  decodeFields,
  eps,
  integer,
  layerCount,
  MAX_HEAD_SIZE,
  MAX_LAYERS,
  nullish,
  numbers,
  positive,
  size
} from "../../Config.js"
import type { Build } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { fittingHeads } from "./Heads.js"

const Fields = Schema.Struct({
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  num_key_value_heads: size,
  rope_theta: positive,
  sliding_window: size,
  sliding_window_layers: numbers(MAX_LAYERS),
  conv_window: integer(2, 2),
  rms_norm_eps: eps,
  num_swa_attention_heads: nullish(integer(0, MAX_HEAD_SIZE)),
  num_swa_key_value_heads: nullish(integer(0, MAX_HEAD_SIZE))
})

/** The position before times one number of its head, plus the position itself times another: x [batch, length, width]. */
const twoTaps =
  (name: string, heads: number, size: number): Part =>
  <T>(ops: Ops<T>, x: T) => {
    const width = heads * size
    const before = ops.state(name, { shape: [1, width] })
    const inputs = ops.concat([before, x], 1)
    ops.remember(name, ops.slice(inputs, 1, -1, null))
    const taps = ops.reshape(ops.weight(name, [1, 1, heads, 1, 2]), [heads, 2])
    const tap = (i: number) => ops.repeat(ops.reshape(ops.slice(taps, 1, i, i + 1), [heads]), size, 0)
    const earlier = ops.binary("multiply", ops.slice(inputs, 1, 0, -1), tap(0))
    return ops.binary("add", earlier, ops.binary("multiply", x, tap(1)))
  }

const HEAD = "lm_head"

/** A head whose rows are made to have length one, and are stored so. */
const rowNormedHead =
  (rows: number, width: number, stored: Part): Part =>
  (ops, x) => {
    const head = ops.float32(ops.weight(`${HEAD}.weight`, [rows, width]))
    const lengths = ops.unary("sqrt", ops.reduce("sum", ops.unary("square", head), -1))
    const normed = ops.binary("divide", head, ops.binary("add", lengths, 1e-7))
    return ops.matmul(x, ops.transpose(ops.native(stored(ops, normed)), [1, 0]))
  }

export const baichuanM1: Build = (config, stored) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    const { hidden_size: width, num_attention_heads: heads, num_key_value_heads: kvHeads } = fields
    const windowHeads = fields.num_swa_attention_heads || heads
    const whole = yield* fittingHeads(heads, kvHeads, width / heads)
    const windowed = yield* fittingHeads(windowHeads, fields.num_swa_key_value_heads || kvHeads, width / windowHeads)
    const precision = yield* storedPrecision(config)
    const hasWindow = new Set(fields.sliding_window_layers)
    return preNorm({
      vocabSize: fields.vocab_size,
      width,
      layers: fields.num_hidden_layers,
      norm: { kind: "rms", eps: fields.rms_norm_eps },
      tied: false,
      ...(stored.has(`${HEAD}.scales`) ? {} : { head: rowNormedHead(fields.vocab_size, width, precision) }),
      attention: (layer, index) => {
        const path = `${layer}.self_attn`
        const own = hasWindow.has(index) ? windowed : whole
        return attention({
          ...own,
          path,
          width,
          names: { fused: "W_pack", rows: "blocks" },
          output: "o_proj",
          keysIn: twoTaps(`${path}.conv_k`, own.kvHeads, own.headSize),
          valuesIn: twoTaps(`${path}.conv_v`, own.kvHeads, own.headSize),
          rope: {
            dims: own.headSize,
            interleaved: false,
            rates: { _tag: "Base", base: fields.rope_theta, positionScale: 1 }
          },
          scale: own.headSize ** -0.5,
          visibility: hasWindow.has(index) ? { _tag: "Window", size: fields.sliding_window } : ALL
        })
      },
      mlp: (layer) => (ops, x) =>
        gatedMlp(ops, x, `${layer}.mlp`, { width, size: fields.intermediate_size, unit: swiglu })
    })
  })
