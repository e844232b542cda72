/** Gemma 4: two kinds of layers, shared keys and values, a vector per layer and token, experts beside the MLP. */
import { Either } from "effect"
import { type Attention, attendTo, type KeysValues, keysValues, project } from "../../blocks/Attention.js"
import { throughExperts, weighted } from "../../blocks/Experts.js"
import { gatedBy, gatedMlp } from "../../blocks/Mlp.js"
import { norm } from "../../blocks/Norm.js"
import { chain, eachHead, linear, type Part, softcap } from "../../blocks/Part.js"
import { decide } from "../../blocks/Router.js"
import { wantedRows } from "../../blocks/Transformer.js"
import type { Build, Decoder } from "../../Decoder.js"
import type { Ops } from "../../Ops.js"
import { type Experts, type Gemma4Config, gemma4Config } from "./Gemma4Config.js"
import { isUnusedKey } from "./GemmaFields.js"
import { gatedInput, ofLayer, type PerLayerInput, perLayerInputs } from "./PerLayerInput.js"

const MODEL = "model"
const EMBEDDING = `${MODEL}.embed_tokens`
const unit = gatedBy("geluTanh")

const attentionOf = ({ fields, layers }: Gemma4Config, layer: number): Attention | null => {
  const kind = layers[layer]?.attention
  if (kind === undefined) return null
  const path = `${MODEL}.layers.${layer}.self_attn`
  const common = { kind: "rms", eps: fields.rms_norm_eps, span: "head" } as const
  return {
    path,
    width: fields.hidden_size,
    heads: fields.num_attention_heads,
    kvHeads: kind.kvHeads,
    headSize: kind.headSize,
    names: { queries: "q_proj", keys: "k_proj", values: kind.keysAreValues ? "k_proj" : "v_proj" },
    output: "o_proj",
    queryNorm: { ...common, path: `${path}.q_norm` },
    keyNorm: { ...common, path: `${path}.k_norm` },
    valuesIn: eachHead(norm({ ...common, path: null }, kind.headSize), kind.kvHeads, kind.headSize),
    rope: kind.rope,
    scale: 1,
    visibility: kind.visibility
  }
}

/** The answers of the experts to x, which the router sees differently than they do. */
const expertBranch =
  ({ fields }: Gemma4Config, { chosen: count, count: all, size }: Experts, path: string): Part =>
  <T>(ops: Ops<T>, x: T) => {
    const { hidden_size: width, rms_norm_eps: eps } = fields
    const scale = ops.binary("multiply", ops.weight(`${path}.router.scale`, [width]), width ** -0.5)
    const logits = ops.linear(ops.rmsNorm(x, scale, eps), `${path}.router.proj`, { rows: all })
    const { chosen, weights } = decide(ops, logits, all, { score: "chosenSoftmax", chosen: count })
    const own = ops.takeRows(ops.weight(`${path}.router.per_expert_scale`, [all]), chosen)
    const seen = norm({ kind: "rms", eps, path: `${path}.pre_feedforward_layernorm_2` }, width)(ops, x)
    const stack = { path: `${path}.experts.switch_glu`, count: all, size, unit }
    const answers = throughExperts(ops, seen, chosen, width, stack)
    return weighted(ops, answers, ops.binary("multiply", weights, own), width)
  }

/** The second half of a layer, without its residual connection. */
const feedForward = (config: Gemma4Config, path: string, size: number): Part => {
  const { hidden_size: width, rms_norm_eps: eps } = config.fields
  const normed = (name: string) => norm({ kind: "rms", eps, path: `${path}.${name}` }, width)
  const mlp: Part = (ops, x) => gatedMlp(ops, x, `${path}.mlp`, { width, size, unit })
  const first = chain(normed("pre_feedforward_layernorm"), mlp)
  const last = normed("post_feedforward_layernorm")
  if (config.experts === null) return chain(first, last)
  const one = chain(first, normed("post_feedforward_layernorm_1"))
  const two = chain(expertBranch(config, config.experts, path), normed("post_feedforward_layernorm_2"))
  return chain((ops, x) => ops.binary("add", one(ops, x), two(ops, x)), last)
}

const decoder = (config: Gemma4Config): Decoder => {
  const { fields, layers } = config
  const { hidden_size: width, rms_norm_eps: eps, vocab_size: vocabSize } = fields
  const tied = fields.tie_word_embeddings === true
  const small = fields.hidden_size_per_layer_input ?? 0
  const perLayer: PerLayerInput = {
    path: MODEL,
    width,
    layers: layers.length,
    size: small,
    vocabSize: fields.vocab_size_per_layer_input,
    eps
  }
  const head = chain(
    norm({ kind: "rms", eps, path: `${MODEL}.norm` }, width),
    linear(tied ? EMBEDDING : "lm_head", vocabSize),
    fields.final_logit_softcapping === null ? null : softcap(fields.final_logit_softcapping)
  )

  const forward: Decoder["forward"] = <T>(ops: Ops<T>, ids: T, rows: "last" | "all"): T => {
    const tokens = ops.embedding(ids, EMBEDDING, { rows: vocabSize, columns: width })
    const embedded = ops.binary("multiply", tokens, width ** 0.5)
    const inputs = small === 0 ? null : perLayerInputs(ops, ids, embedded, perLayer)
    const cached = new Map<number, KeysValues<T>>()

    const attended = (x: T, layer: number, keysOf: number): T => {
      const spec = attentionOf(config, layer)
      if (spec === null) return x
      if (keysOf === layer) {
        const projected = project(ops, x, spec)
        const own = keysValues(ops, projected, spec)
        cached.set(layer, own)
        return attendTo(ops, x, projected.queries, own, spec)
      }
      const queries = ops.linear(x, `${spec.path}.q_proj`, { rows: spec.heads * spec.headSize })
      const shared = cached.get(keysOf)
      return shared === undefined ? x : attendTo(ops, x, queries, shared, spec)
    }

    const hidden = layers.reduce((x, { keysOf, mlpSize }, layer) => {
      const path = `${MODEL}.layers.${layer}`
      const normed = (name: string) => norm({ kind: "rms", eps, path: `${path}.${name}` }, width)
      const found = attended(normed("input_layernorm")(ops, x), layer, keysOf)
      const between = ops.binary("add", x, normed("post_attention_layernorm")(ops, found))
      const fed = ops.binary("add", between, feedForward(config, path, mlpSize)(ops, between))
      const own =
        inputs === null
          ? fed
          : ops.binary("add", fed, gatedInput(ops, fed, ofLayer(ops, inputs, layer, small), path, perLayer))
      return ops.binary("multiply", own, ops.weight(`${path}.layer_scalar`, [1]))
    }, embedded)
    return head(ops, wantedRows(ops, hidden, rows))
  }

  const firstShared = layers.length - fields.num_kv_shared_layers
  return {
    vocabSize,
    forward,
    storedAs: (name) =>
      /self_attn\.rotary_emb|(input|output)_(max|min)/.test(name) ||
      isUnusedKey(name, firstShared) ||
      (tied && name.startsWith("lm_head."))
        ? null
        : name
  }
}

export const gemma4Text: Build = (config) => Either.map(gemma4Config(config), decoder)
