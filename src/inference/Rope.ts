/**
 * Rotary position embeddings as data: an engine needs the rate of each pair of dimensions (radians per position) and a
 * factor. The kinds and their defaults are mlx-lm's. Pure; computed in double precision.
 */
import { Either, Schema } from "effect"
import { excerpt } from "../domain/Excerpt.js"
import {
  badConfig,
  between,
  type ConfigProblem,
  decodeFields,
  number,
  positive,
  positives,
  type Section,
  unsupported,
  withDefault
} from "./Config.js"

/**
 * How fast each pair turns. `Base`: pair i by base^(-2i/dims) per position times `positionScale`. `Table`: by `rates[i]`,
 * and the rotated dimensions are multiplied by `magnitude`. `Dynamic`: as `Base`, with a base that depends on the length of
 * the sequence including the call's own tokens.
 */
export type RopeRates = BaseRates | TableRates | DynamicRates
export interface BaseRates {
  readonly _tag: "Base"
  readonly base: number
  readonly positionScale: number
}
export interface TableRates {
  readonly _tag: "Table"
  readonly rates: Float32Array
  readonly magnitude: number
}
export interface DynamicRates {
  readonly _tag: "Dynamic"
  readonly base: number
  readonly factor: number
  readonly maxPositions: number
}

export interface RopeSpec {
  /** Leading dimensions of a head that are rotated, even. */
  readonly dims: number
  /** True turns neighbours (0,1), (2,3), …; false turns i with i + dims/2. */
  readonly interleaved: boolean
  readonly rates: RopeRates
}

const plainRates = (dims: number, base: number): ReadonlyArray<number> =>
  Array.from({ length: dims / 2 }, (_, i) => base ** ((-2 * i) / dims))

/** The base that dynamic NTK scaling uses for a sequence of `length` tokens. */
export const dynamicBase = (rates: DynamicRates, dims: number, length: number): number => {
  const { base, factor, maxPositions } = rates
  const stretched = (factor * Math.max(length, maxPositions)) / maxPositions - (factor - 1)
  return base * stretched ** (dims / (dims - 2))
}

const Linear = Schema.Struct({ factor: positive })

const Llama3 = Schema.Struct({
  factor: positive,
  low_freq_factor: withDefault(positive, 1),
  high_freq_factor: withDefault(positive, 4),
  original_max_position_embeddings: withDefault(positive, 8192)
})

const Yarn = Schema.Struct({
  factor: positive,
  original_max_position_embeddings: withDefault(positive, 4096),
  beta_fast: withDefault(positive, 32),
  beta_slow: withDefault(positive, 1),
  mscale: withDefault(number, 1),
  mscale_all_dim: withDefault(number, 0)
})

/** Pairs that turn slowly are slowed down by `factor`, fast ones left alone, those between blended. */
const llama3Rates = (dims: number, base: number, config: typeof Llama3.Type): Float32Array => {
  const { factor, high_freq_factor: high, low_freq_factor: low, original_max_position_embeddings: original } = config
  return Float32Array.from(plainRates(dims, base), (rate) => {
    const wavelength = (2 * Math.PI) / rate
    if (wavelength > original / low) return rate / factor
    if (wavelength <= original / high) return rate
    const smooth = (original / wavelength - low) / (high - low)
    return rate * ((1 - smooth) / factor + smooth)
  })
}

const yarnMagnitude = (scale: number, mscale: number) => (scale <= 1 ? 1 : 0.1 * mscale * Math.log(scale) + 1)

/** A ramp over the pairs: rates below it stay, rates above it are divided by `factor`. */
const yarnRates = (dims: number, base: number, config: typeof Yarn.Type): Float32Array => {
  const { beta_fast, beta_slow, factor, original_max_position_embeddings: original } = config
  const pairOf = (rotations: number) => (dims * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(base))
  const low = Math.max(Math.floor(pairOf(beta_fast)), 0)
  const high = Math.min(Math.ceil(pairOf(beta_slow)), dims - 1)
  const width = high === low ? 0.001 : high - low // no division by zero
  return Float32Array.from(plainRates(dims, base), (rate, i) => {
    const slowed = Math.min(Math.max((i - low) / width, 0), 1)
    return rate * (1 - slowed) + (rate / factor) * slowed
  })
}

/** Above any number of pairs. */
const MAX_FACTORS = 32_768

const LongRope = Schema.Struct({
  original_max_position_embeddings: positive,
  long_factor: Schema.Union(positive, positives(MAX_FACTORS))
})

/** Every pair slowed down by its own factor; the factors for short sequences are never used. */
const longRope = (spec: RopeConfig, maxPositions: number, config: typeof LongRope.Type) => {
  const { long_factor: factor, original_max_position_embeddings: original } = config
  const pairs = spec.dims / 2
  if (typeof factor !== "number" && factor.length !== pairs) {
    return badConfig(`rope_scaling.long_factor: ${factor.length} values for ${pairs} pairs`)
  }
  const factorOf = (pair: number) => (typeof factor === "number" ? factor : (factor[pair] ?? 1))
  const stretch = maxPositions / original
  return Either.right<TableRates>({
    _tag: "Table",
    rates: Float32Array.from(plainRates(spec.dims, spec.base), (rate, pair) => rate / factorOf(pair)),
    magnitude: stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original))
  })
}

const Proportional = Schema.Struct({
  partial_rotary_factor: withDefault(between(0, 1), 1),
  factor: withDefault(positive, 1)
})

/** The pairs behind the rotated part of a head stand still. */
const proportionalRates = (dims: number, base: number, config: typeof Proportional.Type): Float32Array => {
  const turning = Math.ceil(Math.floor(dims * config.partial_rotary_factor) / 2)
  return Float32Array.from(plainRates(dims, base), (rate, pair) => (pair < turning ? rate / config.factor : 0))
}

/** What a config says about rope. `scaling` is `rope_scaling` (or `rope_parameters`) as it was parsed, null for none. */
export interface RopeConfig {
  readonly dims: number
  readonly base: number
  readonly interleaved: boolean
  readonly scaling: Section | null
  readonly maxPositions: number | null
}

/** `type` wins over `rope_type`, as older configs have both. */
export const ropeKind = (scaling: RopeConfig["scaling"]): unknown => {
  if (scaling === null) return "default"
  const { rope_type: kind = "default", type } = scaling
  return type || kind
}

const KINDS: ReadonlyArray<unknown> = [
  "default",
  "mrope",
  "linear",
  "dynamic",
  "llama3",
  "yarn",
  "deepseek_yarn",
  "telechat3-yarn",
  "longrope",
  "proportional"
]

/** Why the kind of rope isn't there, null when it is; says nothing of its numbers. */
export const ropeProblem = (scaling: Section | null): string | null => {
  const kind = ropeKind(scaling)
  return KINDS.includes(kind) ? null : `rope type ${excerpt(kind)} is not supported`
}

/** Decodes a rope config; an unknown kind is named. */
export const ropeSpec = (config: RopeConfig): Either.Either<RopeSpec, ConfigProblem> => {
  const { base, dims, interleaved, maxPositions, scaling } = config
  const spec = (rates: RopeRates): RopeSpec => ({ dims, interleaved, rates })
  const kind = ropeKind(scaling)
  switch (kind) {
    case "default":
    case "mrope": // three position ids that are equal for text
      return Either.right(spec({ _tag: "Base", base, positionScale: 1 }))
    case "linear":
      return Either.map(decodeFields(Linear, scaling, "rope_scaling."), ({ factor }) =>
        spec({ _tag: "Base", base, positionScale: 1 / factor })
      )
    case "dynamic":
      return maxPositions === null
        ? badConfig("max_position_embeddings: is missing")
        : Either.map(decodeFields(Linear, scaling, "rope_scaling."), ({ factor }) =>
            spec({ _tag: "Dynamic", base, factor, maxPositions })
          )
    case "llama3":
      return Either.map(decodeFields(Llama3, scaling, "rope_scaling."), (llama3) =>
        spec({ _tag: "Table", rates: llama3Rates(dims, base, llama3), magnitude: 1 })
      )
    case "yarn":
    case "deepseek_yarn":
    case "telechat3-yarn":
      return Either.map(decodeFields(Yarn, scaling, "rope_scaling."), (yarn) =>
        spec({
          _tag: "Table",
          rates: yarnRates(dims, base, yarn),
          magnitude: yarnMagnitude(yarn.factor, yarn.mscale) / yarnMagnitude(yarn.factor, yarn.mscale_all_dim)
        })
      )
    case "longrope":
      return Either.gen(function* () {
        if (maxPositions === null) return yield* badConfig("max_position_embeddings: is missing")
        const rates = yield* longRope(config, maxPositions, yield* decodeFields(LongRope, scaling, "rope_scaling."))
        return { ...spec(rates), interleaved: false } // mlx-lm turns halves here whatever the config says
      })
    case "proportional":
      return Either.map(decodeFields(Proportional, scaling, "rope_scaling."), (proportional) =>
        spec({ _tag: "Table", rates: proportionalRates(dims, base, proportional), magnitude: 1 })
      )
    default:
      return unsupported(`rope type ${excerpt(kind)} is not supported`)
  }
}

/** Plain rope that turns the other way round. */
export const backwards = (dims: number, base: number): RopeSpec => ({
  dims,
  interleaved: false,
  rates: { _tag: "Table", rates: Float32Array.from(plainRates(dims, base), (rate) => -rate), magnitude: 1 }
})
