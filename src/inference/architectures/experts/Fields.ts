/** Config fields that families with experts share, and what is made of them. Pure. */
import { Either, Schema } from "effect"
import { ALL, type Attention, attention, type HeadNorm } from "../../blocks/Attention.js"
import { type ExpertStack, type Mixture, mixture } from "../../blocks/Experts.js"
import { type GatedMlp, type GatedUnit, gatedMlp, swiglu } from "../../blocks/Mlp.js"
import type { Part } from "../../blocks/Part.js"
import type { ExpertGroups, Router } from "../../blocks/Router.js"
import {
  badConfig,
  type ConfigProblem,
  eps,
  flag,
  integer,
  knownLayers,
  layerCount,
  MAX_HEAD_SIZE,
  MAX_LAYERS,
  nullish,
  numbers,
  positive,
  Section,
  size,
  withDefault
} from "../../Config.js"
import type { Visibility } from "../../Ops.js"
import { type RopeConfig, type RopeSpec, ropeSpec } from "../../Rope.js"

/** Required by most families. */
export const baseFields = {
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: layerCount,
  num_attention_heads: size,
  rms_norm_eps: eps
} as const

/** What most decoders take from them. */
export const frame = (fields: {
  readonly vocab_size: number
  readonly hidden_size: number
  readonly num_hidden_layers: number
  readonly rms_norm_eps: number
}) =>
  ({
    vocabSize: fields.vocab_size,
    width: fields.hidden_size,
    layers: fields.num_hidden_layers,
    norm: { kind: "rms", eps: fields.rms_norm_eps }
  }) as const

/** A number of layers, or the index of one, where 0 is meaningful. */
export const layerIndex = integer(0, MAX_LAYERS)

/** Many times the largest real number: lists of this length are made before the weights are looked at. */
const MAX_EXPERTS = 4096
export const someExperts = integer(1, MAX_EXPERTS)

/** A number of experts, which may be none. */
export const expertCount = integer(0, MAX_EXPERTS)

/** A switch that may be missing or null, which both mean off. */
export const switchField = nullish(flag)

/** Fields of rope that most families read. */
export const ropeFields = { rope_theta: withDefault(positive, 10_000), rope_scaling: nullish(Section) } as const

/** Rope of `dims` dimensions; a config that asks for none or an odd number of them is refused. */
export const rope = (config: RopeConfig): Either.Either<RopeSpec, ConfigProblem> =>
  config.dims > 0 && config.dims % 2 === 0 && config.dims <= MAX_HEAD_SIZE
    ? ropeSpec(config)
    : badConfig(`${config.dims} rotary dimensions are not an even number up to ${MAX_HEAD_SIZE}`)

/** Plain rope with this base. */
export const plainRope = (dims: number, base: number, interleaved = false): Either.Either<RopeSpec, ConfigProblem> =>
  rope({ dims, base, interleaved, scaling: null, maxPositions: null })

/** Dimensions of a part of a head, as Python's int(). */
export const share = (headSize: number, factor: number): number => Math.trunc(headSize * factor)

/** What a config says about the groups that experts compete in; one group is none. */
export const groupFields = { n_group: withDefault(size, 1), topk_group: withDefault(expertCount, 1) } as const

export const expertGroups = (
  count: number,
  keep: number,
  by: ExpertGroups["by"] = "bestTwo"
): Either.Either<ExpertGroups | null, ConfigProblem> => {
  if (count === 1) return Either.right(null)
  return keep >= 1 && keep <= count
    ? Either.right(keep === count ? null : { count, keep, by })
    : badConfig(`topk_group: must be an integer between 1 and n_group ${count}`)
}

/** The names that almost all families give to the projections. */
const usualNames = {
  names: { queries: "q_proj", keys: "k_proj", values: "v_proj" },
  output: "o_proj"
} as const

type UsualAttention = Omit<Attention, "names" | "output" | "scale" | "visibility"> &
  Partial<Pick<Attention, "scale" | "visibility">>

/** Attention with the usual names; scores are divided by the root of the head's size, and everything is seen. */
export const usualAttention = (spec: UsualAttention): Part =>
  attention({ ...usualNames, scale: spec.headSize ** -0.5, visibility: ALL, ...spec })

/** RMS norms of queries and keys below an attention. */
export const headNorms = (
  path: string,
  eps: number,
  span: HeadNorm["span"] = "head",
  offset = 0
): Pick<Attention, "queryNorm" | "keyNorm"> => ({
  queryNorm: { kind: "rms", eps, span, offset, path: `${path}.q_norm` },
  keyNorm: { kind: "rms", eps, span, offset, path: `${path}.k_norm` }
})

/** An ordinary MLP. */
export const dense =
  (path: string, width: number, size: number, rest: Partial<Pick<GatedMlp, "bias" | "unit">> = {}): Part =>
  (ops, x) =>
    gatedMlp(ops, x, path, { width, size, unit: swiglu, ...rest })

/** Width of the shared expert; null, or a count of zero, is none. */
export const sharedSize = (count: number | null | undefined, each: number): number => (count ?? 0) * each

export interface UsualMixture extends Omit<Router, "path"> {
  /** The module that router, experts and shared expert lie below. */
  readonly path: string
  readonly width: number
  readonly count: number
  /** Width inside an expert. */
  readonly size: number
  /** Width inside the shared expert; 0 for none. */
  readonly shared: number
  readonly unit?: GatedUnit
  /** Names below `path`. */
  readonly gate?: string
  readonly experts?: string
  readonly sharedName?: string
  readonly sharedGate?: string
  /** Of the experts' matrices, and of the shared expert's where nothing else is said. */
  readonly expertBias?: boolean
  readonly sharedBias?: boolean
  readonly sharedUnit?: GatedUnit
}

/** Experts in `switch_mlp`, their router in `gate`, the shared one in `shared_experts`, unless a name says otherwise. */
export const usualMixture = (spec: UsualMixture): Part => mixture(usual(spec))

export const usual = (spec: UsualMixture): Mixture => {
  const { count, experts = "switch_mlp", expertBias: bias = false, gate = "gate", path, unit = swiglu, width } = spec
  const { shared, sharedBias = bias, sharedGate, sharedName = "shared_experts", sharedUnit = unit, size } = spec
  const stack: ExpertStack = { path: `${path}.${experts}`, count, size, unit, bias }
  const all = { path: `${path}.${sharedName}`, size: shared, unit: sharedUnit, bias: sharedBias }
  return {
    width,
    router: { ...spec, path: `${path}.${gate}` },
    experts: stack,
    shared: shared === 0 ? null : sharedGate === undefined ? all : { ...all, gate: `${path}.${sharedGate}` }
  }
}

/** What the layers see: everything, or a window where `layer_types` says so. There must be a type for each layer. */
export const windows = (
  types: ReadonlyArray<string>,
  layers: number,
  window: number | null | undefined
): Either.Either<ReadonlyArray<Visibility>, ConfigProblem> =>
  Either.flatMap(knownLayers(types, ["full_attention", "sliding_attention"]), (known) => {
    if (known.length !== layers) return badConfig(`layer_types: ${types.length} values for ${layers} layers`)
    if (!known.includes("sliding_attention")) return Either.right(known.map(() => ALL))
    return window
      ? Either.right(known.map((type) => (type === "sliding_attention" ? { _tag: "Window", size: window } : ALL)))
      : badConfig("sliding_window: is missing")
  })

/** One value per layer. */
export const perLayer = <A>(
  field: string,
  values: ReadonlyArray<A>,
  layers: number
): Either.Either<(layer: number) => A, ConfigProblem> => {
  const [first] = values
  return first === undefined || values.length < layers
    ? badConfig(`${field}: ${values.length} values for ${layers} layers`)
    : Either.right((layer) => values[layer] ?? first)
}

/** How many experts a token goes to, where there are any: at most all. */
export const chosenExperts = (field: string, chosen: number, count: number): Either.Either<number, ConfigProblem> =>
  count === 0 || chosen <= count
    ? Either.right(Math.min(chosen, count))
    : badConfig(`${field}: must be at most the number of experts ${count}`)

/** A field of config.json that only one value is known for. */
export const only = <A extends string>(value: A) =>
  Schema.Literal(value).annotations({ message: () => `must be ${value}` })

/** Whether a layer of DeepSeek's kind has experts. */
export const isDeepseekSparse = (
  fields: {
    readonly n_routed_experts?: number | null
    readonly first_k_dense_replace: number
    readonly moe_layer_freq?: number
  },
  layer: number
): boolean =>
  typeof fields.n_routed_experts === "number" &&
  layer >= fields.first_k_dense_replace &&
  layer % (fields.moe_layer_freq ?? 1) === 0

/** Fields of DeepSeek's later routing, under the names that most families kept. */
interface SigmoidRouting {
  readonly hidden_size: number
  readonly moe_intermediate_size: number
  readonly n_routed_experts?: number | null
  readonly n_shared_experts?: number | null
  readonly num_experts_per_tok: number
  readonly n_group: number
  readonly topk_group: number
  readonly norm_topk_prob?: boolean | null
  readonly routed_scaling_factor: number
}

/**
 * Sigmoid scores, groups ranked by their two best, a bias that only chooses; one chosen expert counts as it comes. Gives the
 * part for a module of that kind.
 */
export const sigmoidMixture = (
  fields: SigmoidRouting,
  rest: Partial<Pick<UsualMixture, "experts" | "sharedBias">> = {}
): Either.Either<(path: string) => Part, ConfigProblem> =>
  Either.gen(function* () {
    const count = fields.n_routed_experts ?? 0
    const chosen = yield* chosenExperts("num_experts_per_tok", fields.num_experts_per_tok, count)
    const groups = yield* expertGroups(fields.n_group, fields.topk_group)
    return (path: string) =>
      usualMixture({
        path,
        width: fields.hidden_size,
        count,
        size: fields.moe_intermediate_size,
        score: "sigmoid",
        chosen,
        choiceBias: `${path}.gate.e_score_correction_bias`,
        groups,
        normalize: fields.norm_topk_prob === true && chosen > 1 ? 0 : null,
        scale: fields.routed_scaling_factor,
        shared: sharedSize(fields.n_shared_experts, fields.moe_intermediate_size),
        ...rest
      })
  })

/** Which layers have experts, as Qwen says it, and how wide they are. */
export const qwenSparseFields = {
  decoder_sparse_step: size,
  mlp_only_layers: numbers(MAX_LAYERS),
  num_experts: expertCount,
  num_experts_per_tok: size,
  moe_intermediate_size: size,
  intermediate_size: size,
  norm_topk_prob: switchField
} as const

interface QwenSparse {
  readonly decoder_sparse_step: number
  readonly mlp_only_layers: ReadonlyArray<number>
  readonly num_experts: number
}

/** The listed layers have none, the others where their number, from 1, is a multiple of the step. */
export const isQwenSparse = (fields: QwenSparse, layer: number) =>
  !fields.mlp_only_layers.includes(layer) && fields.num_experts > 0 && (layer + 1) % fields.decoder_sparse_step === 0
