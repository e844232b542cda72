/** Gemma 3n: several residual streams, a low-rank side path, sparse gates, shared keys, a vector per layer and token. */
import { Either, Schema } from "effect"
import { type Attention, attendTo, type KeysValues, keysValues, project } from "../../blocks/Attention.js"
import { norm } from "../../blocks/Norm.js"
import { chain, eachHead, linear, type Part, softcap } from "../../blocks/Part.js"
import { wantedRows } from "../../blocks/Transformer.js"
import { decodeFields, Section } from "../../Config.js"
import type { Build, Decoder } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { type AltUp, correct, gather, predict, spread, stream } from "./AltUp.js"
import { type Gemma3nConfig, type Gemma3nLayer, gemma3nConfig } from "./Gemma3nConfig.js"
import { isUnusedKey, visibilityOf } from "./GemmaFields.js"
import { gatedInput, ofLayer, type PerLayerInput, perLayerInputs } from "./PerLayerInput.js"
import { normalQuantile } from "./Quantile.js"

const MODEL = "model.language_model"
const EMBEDDING = `${MODEL}.embed_tokens`

const attentionOf = ({ fields }: Gemma3nConfig, { type }: Gemma3nLayer, path: string): Attention => {
  const { head_dim: headSize, num_key_value_heads: kvHeads, rms_norm_eps: eps } = fields
  const base = type === "full_attention" ? fields.rope_theta : fields.rope_local_base_freq
  return {
    path,
    width: fields.hidden_size,
    heads: fields.num_attention_heads,
    kvHeads,
    headSize,
    names: { queries: "q_proj", keys: "k_proj", values: "v_proj" },
    output: "o_proj",
    queryNorm: { kind: "rms", eps, span: "head", path: `${path}.q_norm` },
    keyNorm: { kind: "rms", eps, span: "head", path: `${path}.k_norm` },
    valuesIn: eachHead(norm({ kind: "rms", eps, path: null }, headSize), kvHeads, headSize),
    rope: { dims: headSize, interleaved: false, rates: { _tag: "Base", base, positionScale: 1 } },
    scale: 1,
    visibility: visibilityOf(type, fields.sliding_window)
  }
}

/** GELU of what lies above the quantile of its own row, the rest counting as nothing. */
const sparseGelu =
  (share: number): Part =>
  <T>(ops: Ops<T>, x: T) => {
    if (share <= 0) return ops.unary("geluTanh", x)
    const mean = ops.reduce("mean", x, -1)
    const spreadOut = ops.reduce("mean", ops.unary("square", ops.binary("subtract", x, mean)), -1)
    const cutoff = ops.binary("multiply", ops.unary("sqrt", spreadOut), normalQuantile(share))
    return ops.unary("geluTanh", ops.unary("relu", ops.binary("subtract", x, ops.binary("add", mean, cutoff))))
  }

const mlp = (path: string, width: number, { mlpSize, sparsity }: Gemma3nLayer): Part => {
  const gate = chain(linear(`${path}.gate_proj`, mlpSize), sparseGelu(sparsity))
  const up = linear(`${path}.up_proj`, mlpSize)
  const down = linear(`${path}.down_proj`, width)
  return (ops, x) => down(ops, ops.binary("multiply", gate(ops, x), up(ops, x)))
}

/** The active stream x through a layer, whose attention is `attend`. */
const through = <T>(
  ops: Ops<T>,
  x: T,
  { fields }: Gemma3nConfig,
  layer: Gemma3nLayer,
  path: string,
  attend: (seen: T) => T
): T => {
  const { hidden_size: width, laurel_rank: rank, rms_norm_eps: eps } = fields
  const normed = (name: string) => norm({ kind: "rms", eps, path: `${path}.${name}` }, width)
  const laurel = chain(
    linear(`${path}.laurel.linear_left`, rank),
    linear(`${path}.laurel.linear_right`, width),
    normed("laurel.post_laurel_norm")
  )
  const feed = chain(
    normed("pre_feedforward_layernorm"),
    mlp(`${path}.mlp`, width, layer),
    normed("post_feedforward_layernorm")
  )
  const seen = normed("input_layernorm")(ops, x)
  const side = ops.binary("add", seen, laurel(ops, seen))
  const attended = ops.binary("add", x, normed("post_attention_layernorm")(ops, attend(seen)))
  const between = ops.binary("multiply", ops.binary("add", attended, side), Math.SQRT1_2)
  return ops.binary("add", between, feed(ops, between))
}

const decoder = (config: Gemma3nConfig): Decoder => {
  const { fields, layers } = config
  const { altup_active_idx: chosen, altup_num_inputs: streams, hidden_size: width, rms_norm_eps: eps } = fields
  const { hidden_size_per_layer_input: small, vocab_size: vocabSize, vocab_size_per_layer_input: known } = fields
  const perLayer: PerLayerInput = { path: MODEL, width, layers: layers.length, size: small, vocabSize: known, eps }
  const head = chain(
    norm({ kind: "rms", eps, path: `${MODEL}.norm` }, width),
    linear(EMBEDDING, vocabSize),
    fields.final_logit_softcapping === null ? null : softcap(fields.final_logit_softcapping)
  )

  const forward: Decoder["forward"] = <T>(ops: Ops<T>, ids: T, rows: "last" | "all"): T => {
    const tokens = ops.embedding(ids, EMBEDDING, { rows: vocabSize, columns: width })
    const embedded = ops.binary("multiply", tokens, width ** 0.5)
    const knownIds = ops.where(ops.binary("less", ids, known), ops.binary("minimum", ids, known - 1), 0)
    const inputs = perLayerInputs(ops, knownIds, embedded, perLayer)
    const cached = new Map<number, KeysValues<T>>()

    const attended = (x: T, layer: number, { keysOf }: Gemma3nLayer, spec: Attention): T => {
      const shared = cached.get(keysOf)
      if (shared !== undefined) {
        const queries = ops.linear(x, `${spec.path}.q_proj`, { rows: spec.heads * spec.headSize })
        return attendTo(ops, x, queries, shared, spec)
      }
      const projected = project(ops, x, spec)
      const own = keysValues(ops, projected, spec)
      cached.set(layer, own)
      return attendTo(ops, x, projected.queries, own, spec)
    }

    const all = layers.reduce(
      (before, layer, index) => {
        const path = `${MODEL}.layers.${index}`
        const altUp: AltUp = {
          path: `${path}.altup`,
          width,
          streams,
          active: chosen,
          eps,
          clip: fields.altup_coef_clip
        }
        const predicted = predict(ops, before, altUp)
        const spec = attentionOf(config, layer, `${path}.self_attn`)
        const seen = stream(ops, predicted, chosen, width)
        const found = through(ops, seen, config, layer, path, (x) => attended(x, index, layer, spec))
        const after = correct(ops, predicted, found, altUp)
        const first = stream(ops, after, chosen, width)
        const scaled = fields.altup_correct_scale
          ? ops.binary("multiply", first, ops.weight(`${path}.altup.correct_output_scale`, [width]))
          : first
        const own = gatedInput(ops, scaled, ofLayer(ops, inputs, index, small), path, perLayer)
        const others = ops.binary("add", ops.slice(after, 2, 1, null), ops.reshape(own, [0, 0, 1, width]))
        return ops.concat([ops.slice(after, 2, 0, 1), others], 2)
      },
      spread(ops, embedded, `${MODEL}.altup_projections`, streams, width)
    )
    const wanted = wantedRows(ops, all, rows)
    return head(ops, gather(ops, wanted, `${MODEL}.altup_unembed_projections`, streams, width))
  }

  const firstShared = layers.length - fields.num_kv_shared_layers
  return {
    vocabSize,
    forward,
    storedAs: (name) =>
      /^model\.(vision_tower|audio_tower|embed_audio|embed_vision)\./.test(name) ||
      isUnusedKey(name, firstShared) ||
      (!fields.altup_correct_scale && name.endsWith(".altup.correct_output_scale"))
        ? null
        : name
  }
}

export const gemma3n: Build = (config) =>
  Either.gen(function* () {
    const { text_config: text } = yield* decodeFields(Schema.Struct({ text_config: Section }), config)
    return decoder(yield* gemma3nConfig(text))
  })
