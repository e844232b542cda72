/** What sets one dense family apart: a row of the table. Pure. */
import type { Either } from "effect"
import { isObject } from "../../../domain/JsonFile.js"
import type { HeadNorm, OutputGate, QkvNames } from "../../blocks/Attention.js"
import type { Activation, MlpNames } from "../../blocks/Mlp.js"
import type { Part } from "../../blocks/Part.js"
import type { ConfigProblem, Section } from "../../Config.js"
import { type LayerPlan, plain } from "./Plan.js"
import { field, type Setting } from "./Setting.js"

/** A norm of a layer, by its module name below the layer, and where it differs from the others; null for none. */
export type PlacedNorm =
  | string
  | null
  | { readonly name: string; readonly offset?: number; readonly eps?: Setting<number> }

/** Norms of queries and keys. */
export interface HeadNorms extends Pick<HeadNorm, "span"> {
  /** Module names below the attention; null for norms without a weight. */
  readonly names: { readonly queries: string; readonly keys: string } | null
  readonly kind: "rms" | "layer"
  /** Before or after rope. */
  readonly place: "before" | "after"
  /** Added to the stored weights. */
  readonly offset?: number
  /** Whether they are there at all. */
  readonly when?: Setting<boolean>
}

export interface RopeRow {
  readonly base: Setting<number>
  /** Share of each head that is turned. */
  readonly part?: Setting<number>
  /** Its dimensions, where a config gives them as such; 0 for the whole head. */
  readonly dims?: Setting<number>
  readonly interleaved?: Setting<boolean>
  /** Sections of config.json that scale it; the first that is there counts. None: the plain kind. */
  readonly scaling?: ReadonlyArray<string>
  /** The only kinds of scaling this family has. */
  readonly kinds?: ReadonlyArray<string>
  /** Multiplies the base to the power dims / (dims - 2). */
  readonly alpha?: Setting<number>
  /** What a missing max_position_embeddings stands for; only dynamic and long rope read it. */
  readonly maxPositions?: number
  /** Turns the other way round. */
  readonly backwards?: true
}

export interface DenseRow {
  readonly vocab: Setting<number>
  readonly hidden: Setting<number>
  readonly layers: Setting<number>
  readonly heads: Setting<number>
  /** 0 stands for as many as heads. */
  readonly kvHeads: Setting<number>
  /** 0 stands for hidden / heads. */
  readonly headSize: Setting<number>
  readonly mlpSize: Setting<number>
  readonly eps: Setting<number>
  readonly tied: Setting<boolean> | "when the head is missing"

  /** Module names: embedding, list of layers, final norm, head; attention and MLP below a layer. */
  readonly embedding: string
  readonly layerList: string
  readonly finalNorm: string
  readonly head: string
  readonly attention: string
  readonly mlp: string

  /** Multiplies the embedding. */
  readonly embeddingScale: Setting<number>
  /** A norm without weight behind the embedding. */
  readonly embeddingNorm: boolean
  /** A table of learned positions that are added. */
  readonly positions: { readonly path: string; readonly rows: Setting<number> } | null

  readonly norm: "rms" | "layer"
  readonly normBias: Setting<boolean>
  /** Added to the stored weights of norms. */
  readonly normOffset: number
  /** Whether the norms of layers and the final one have weights. */
  readonly normWeights: boolean
  /** For the final norm, where it is another. */
  readonly finalNormOffset?: number
  readonly norms: {
    readonly beforeAttention: PlacedNorm
    readonly afterAttention: PlacedNorm
    readonly beforeMlp: PlacedNorm
    readonly afterMlp: PlacedNorm
  }
  /** Attention and MLP side by side, instead of one after the other. */
  readonly parallel: Setting<boolean>
  /** Side by side they read the same norm, `beforeAttention`. */
  readonly sharedNorm: boolean
  /** Multiplies what attention and MLP add. */
  readonly branchScale: Setting<number>

  readonly qkv: QkvNames
  readonly qkvBias: Setting<boolean>
  readonly output: string
  readonly outputBias: Setting<boolean>
  readonly headNorms: HeadNorms | null
  /** Multiplies the scores; null for 1 / sqrt(head size). */
  readonly scale: Setting<number> | null
  /** Multiplies that scale. */
  readonly scaleFactor: Setting<number>
  readonly attentionSoftcap: Setting<number> | null
  readonly tiled: boolean
  readonly gate: Pick<OutputGate, "name" | "per"> | null
  /** A norm below the attention, before its output matrix. */
  readonly outputNorm: string | null
  /** For queries behind rope and norms. */
  readonly queryScale: ((config: Section) => Either.Either<Part, ConfigProblem>) | null

  /** Null for none. */
  readonly rope: RopeRow | null
  /** Of layers with a window, where it is another. */
  readonly windowRope: RopeRow | null
  /** Which layers have a window and which turn. */
  readonly plan: LayerPlan
  readonly window: Setting<number>

  readonly mlpNames: MlpNames
  readonly activation: Activation
  readonly mlpBias: Setting<boolean>
  /** A norm below the MLP, before its last matrix. */
  readonly mlpNorm: string | null

  readonly headBias: Setting<boolean>
  /** Multiplies the logits. */
  readonly logitScale: Setting<number>
  readonly logitSoftcap: Setting<number> | null

  /** Fields that may only hold one value, as nothing else is there. */
  readonly only: Readonly<Record<string, string | boolean>>
  /** What is read in place of config.json. */
  readonly prepare: (config: Section) => Section
  /** The architecture's name for a stored tensor, null for one that nobody needs. */
  readonly rename: (name: string) => string | null
}

/** Newer configs say in one section what `rope_theta` and `rope_scaling` say in older ones, which win. */
const withOlderRope = (config: Section): Section => {
  const { rope_parameters: rope, rope_scaling: scaling, rope_theta: base } = config
  const isOlder = (base ?? scaling ?? null) !== null || !isObject(rope)
  return isOlder ? config : { ...config, rope_theta: rope["rope_theta"], rope_scaling: rope }
}

/** Llama as most families vary it; null and 0 in a config count as not given. */
export const standard: DenseRow = {
  vocab: field("vocab_size"),
  hidden: field("hidden_size"),
  layers: field("num_hidden_layers"),
  heads: field("num_attention_heads"),
  kvHeads: field("num_key_value_heads", 0),
  headSize: field("head_dim", 0),
  mlpSize: field("intermediate_size"),
  eps: field("rms_norm_eps"),
  tied: field("tie_word_embeddings", true),

  embedding: "model.embed_tokens",
  layerList: "model.layers",
  finalNorm: "model.norm",
  head: "lm_head",
  attention: "self_attn",
  mlp: "mlp",

  embeddingScale: 1,
  embeddingNorm: false,
  positions: null,

  norm: "rms",
  normBias: false,
  normOffset: 0,
  normWeights: true,
  norms: {
    beforeAttention: "input_layernorm",
    afterAttention: null,
    beforeMlp: "post_attention_layernorm",
    afterMlp: null
  },
  parallel: false,
  sharedNorm: false,
  branchScale: 1,

  qkv: { queries: "q_proj", keys: "k_proj", values: "v_proj" },
  qkvBias: field("attention_bias", false),
  output: "o_proj",
  outputBias: field("attention_bias", false),
  headNorms: null,
  scale: null,
  scaleFactor: 1,
  attentionSoftcap: null,
  tiled: false,
  gate: null,
  outputNorm: null,
  queryScale: null,

  rope: {
    base: field("rope_theta", 10_000),
    interleaved: field("rope_traditional", false),
    scaling: ["rope_scaling"]
  },
  windowRope: null,
  plan: plain,
  window: field("sliding_window"),

  mlpNames: { gate: "gate_proj", up: "up_proj", down: "down_proj" },
  activation: "silu",
  mlpBias: field("mlp_bias", false),
  mlpNorm: null,

  headBias: false,
  logitScale: 1,
  logitSoftcap: null,

  only: {},
  prepare: withOlderRope,
  rename: (name) => name
}
