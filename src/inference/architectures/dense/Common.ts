/** What several rows of the table have in common. Pure. */
import type { DenseRow, HeadNorms, RopeRow } from "./Row.js"
import { field } from "./Setting.js"

export const required = field<number>("num_key_value_heads")
export const noBias = { qkvBias: false, outputBias: false, mlpBias: false } as const
export const ownSize = { headSize: 0 } as const
export const untied = { tied: false } as const

/** Weights [head size], before rope. */
export const normedHeads: HeadNorms = {
  names: { queries: "q_norm", keys: "k_norm" },
  kind: "rms",
  span: "head",
  place: "before"
}

/** Rope without scaling. */
export const plainRope = (base: RopeRow["base"], more: Partial<RopeRow> = {}): RopeRow => ({ base, ...more })

/** Rope with whatever `rope_scaling` says. */
export const scaledRope = (base: RopeRow["base"], more: Partial<RopeRow> = {}): RopeRow => ({
  base,
  scaling: ["rope_scaling"],
  ...more
})

/** Where null doesn't mean the field's default but none. */
export const noneForNull =
  (name: string): DenseRow["prepare"] =>
  (config) =>
    config[name] === null ? { ...config, [name]: 0 } : config

/** Each branch normalised on its way in and on its way out. */
export const sandwich: DenseRow["norms"] = {
  beforeAttention: "input_layernorm",
  afterAttention: "post_attention_layernorm",
  beforeMlp: "pre_feedforward_layernorm",
  afterMlp: "post_feedforward_layernorm"
}

/** Each branch normalised on its way out only. */
export const outOnly: DenseRow["norms"] = { ...sandwich, beforeAttention: null, beforeMlp: null }

/** GPT-2's module names. */
export const gptNames = {
  embedding: "transformer.wte",
  layerList: "transformer.h",
  finalNorm: "transformer.ln_f",
  attention: "attn",
  norms: { beforeAttention: "ln_1", afterAttention: null, beforeMlp: "ln_2", afterMlp: null }
} as const

/** Its sizes. */
export const gptSizes = {
  hidden: field<number>("n_embd"),
  layers: field<number>("n_layer"),
  heads: field<number>("n_head"),
  kvHeads: 0,
  headSize: 0,
  eps: field<number>("layer_norm_epsilon")
} as const

/** Other norms than Llama's. */
export const layerNorm = { norm: "layer", normBias: true } as const
export const allBiased = { qkvBias: true, outputBias: true, mlpBias: true } as const
