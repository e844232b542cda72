/** Nanbeige: the same layers several times over, each time with a cache of its own. */
import { Either, Schema } from "effect"
import { ALL, attention } from "../../blocks/Attention.js"
import { gatedMlp, swiglu } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, linear, type Part } from "../../blocks/Part.js"
import { embedding, sequential, transformer } from "../../blocks/Transformer.js"
import {
  decodeFields,
  eps,
  flag,
  integer,
  layerCount,
  MAX_HEAD_SIZE,
  nullish,
  numbers,
  positive,
  Section,
  size,
  unsupported,
  withDefault
} from "../../Config.js"
import type { Build } from "../../Decoder.js"
import { ropeSpec } from "../../Rope.js"
import { switchField } from "../experts/Fields.js"
import { fittingHeads } from "./Heads.js"

/** In reality two. */
const MAX_LOOPS = 64

const Fields = Schema.Struct({
  hidden_size: size,
  num_hidden_layers: layerCount,
  intermediate_size: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  rms_norm_eps: eps,
  vocab_size: size,
  head_dim: nullish(integer(0, MAX_HEAD_SIZE)),
  max_position_embeddings: nullish(size),
  rope_theta: withDefault(positive, 10_000),
  rope_scaling: nullish(Section),
  attention_bias: withDefault(flag, false),
  mlp_bias: withDefault(flag, false),
  tie_word_embeddings: switchField,
  num_loops: withDefault(integer(1, MAX_LOOPS), 1),
  loop_loss_weights: nullish(numbers(MAX_LOOPS - 1)),
  skip_loop_final_norm: withDefault(flag, false),
  enable_double_loop_split: withDefault(flag, false),
  loop_share_kv: withDefault(flag, false),
  enable_depth_attention: withDefault(flag, false)
})

export const nanbeige: Build = (config) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(Fields, config)
    for (const name of ["enable_double_loop_split", "loop_share_kv", "enable_depth_attention"] as const) {
      if (fields[name]) return yield* unsupported(`${name} is not supported`)
    }
    const { hidden_size: width, num_attention_heads: heads, num_key_value_heads: kvHeads } = fields
    const { headSize } = yield* fittingHeads(heads, kvHeads, fields.head_dim ?? Math.floor(width / heads))
    const rope = yield* ropeSpec({
      dims: headSize,
      base: fields.rope_theta,
      interleaved: false,
      scaling: fields.rope_scaling ?? null,
      maxPositions: fields.max_position_embeddings ?? null
    })
    // Checkpoints trained with a loss per loop have a weight for each loop but the first.
    const weighted = fields.loop_loss_weights?.length ?? 0
    const loops = weighted > 0 ? weighted + 1 : fields.num_loops
    const normed = (path: string) => norm({ kind: "rms", eps: fields.rms_norm_eps, path }, width)
    const layer = (index: number, loop: number): Part => {
      const path = `model.layers.${index}`
      const attend = attention({
        path: `${path}.self_attn`,
        cache: `${path}.self_attn.${loop}`,
        width,
        heads,
        kvHeads,
        headSize,
        names: { queries: "q_proj", keys: "k_proj", values: "v_proj" },
        inputBias: fields.attention_bias,
        output: "o_proj",
        outputBias: fields.attention_bias,
        rope,
        scale: headSize ** -0.5,
        visibility: ALL
      })
      const feed: Part = (ops, x) =>
        gatedMlp(ops, x, `${path}.mlp`, {
          width,
          size: fields.intermediate_size,
          unit: swiglu,
          bias: fields.mlp_bias
        })
      return sequential(
        chain(normed(`${path}.input_layernorm`), attend),
        chain(normed(`${path}.post_attention_layernorm`), feed)
      )
    }
    const finalNorm = normed("model.norm")
    const loop = (index: number): ReadonlyArray<Part> => {
      const layers = Array.from({ length: fields.num_hidden_layers }, (_, i) => layer(i, index))
      const isLast = index === loops - 1
      // The head norms what the last loop leaves; only the wanted rows.
      return isLast || fields.skip_loop_final_norm ? layers : [...layers, finalNorm]
    }
    const tied = fields.tie_word_embeddings === true
    return transformer({
      vocabSize: fields.vocab_size,
      embed: embedding("model.embed_tokens", fields.vocab_size, width),
      layers: Array.from({ length: loops }, (_, index) => loop(index)).flat(),
      head: chain(finalNorm, linear(tied ? "model.embed_tokens" : "lm_head", fields.vocab_size)),
      storedAs: (name) => (name.includes("rotary_emb.inv_freq") || (tied && name.startsWith("lm_head.")) ? null : name)
    })
  })
