/** Which layers of a family have a window and which turn queries and keys. Pure. */
import { Either, Schema } from "effect"
import {
  badConfig,
  type ConfigProblem,
  decodeFields,
  integer,
  knownLayers,
  MAX_LAYERS,
  nullish,
  numbers,
  type Section,
  texts
} from "../../Config.js"

export interface LayerKind {
  readonly windowed: boolean
  readonly turned: boolean
}

/** One kind for each of `layers`; a family may have its own idea of how many there are. */
export type LayerPlan = (config: Section, layers: number) => Either.Either<ReadonlyArray<LayerKind>, ConfigProblem>

const PLAIN: LayerKind = { windowed: false, turned: true }
const WINDOWED: LayerKind = { windowed: true, turned: true }
/** Sees everything and isn't turned. */
export const STILL: LayerKind = { windowed: false, turned: false }

const repeated = (pattern: ReadonlyArray<LayerKind>, layers: number): ReadonlyArray<LayerKind> =>
  Array.from({ length: layers }, (_, layer) => pattern[layer % pattern.length] ?? PLAIN)

/** All see everything. */
export const plain: LayerPlan = (_config, layers) => Either.right(repeated([PLAIN], layers))

/** A list `layer_types`; without it `windowed` layers with a window before each that sees everything. */
export const layerTypes =
  (windowed: number, full: LayerKind = PLAIN): LayerPlan =>
  (config, layers) =>
    Either.flatMap(decodeFields(Schema.Struct({ layer_types: nullish(texts(MAX_LAYERS)) }), config), (fields) => {
      const types = fields.layer_types ?? null
      if (types === null) return Either.right(repeated([...repeated([WINDOWED], windowed), full], layers))
      return Either.map(knownLayers(types, ["full_attention", "sliding_attention"]), (known) =>
        known.map((type) => (type === "full_attention" ? full : WINDOWED))
      )
    })

/** Every nth layer, by a field, sees everything. */
export const everyNth =
  (name: string, or: number, full: LayerKind = PLAIN): LayerPlan =>
  (config, layers) =>
    Either.map(decodeFields(Schema.Struct({ [name]: nullish(integer(1, MAX_LAYERS)) }), config), (fields) =>
      repeated([...repeated([WINDOWED], (fields[name] ?? or) - 1), full], layers)
    )

/** `sliding_window_pattern` spells a pattern: L has a window, G sees everything and isn't turned; null is all plain. */
export const letters: LayerPlan = (config, layers) => {
  const pattern = config["sliding_window_pattern"]
  if (pattern === null || pattern === "") return plain(config, layers)
  return typeof pattern === "string" && pattern.length <= MAX_LAYERS
    ? Either.right(
        repeated(
          Array.from(pattern, (letter) => (letter === "L" ? WINDOWED : STILL)),
          layers
        )
      )
    : badConfig("sliding_window_pattern: must be a string")
}

/** As `layerTypes`, but `no_rope_layers` has a 0 where a layer isn't turned; without it every nth. */
export const someStill: LayerPlan = (config, layers) =>
  Either.gen(function* () {
    const fields = yield* decodeFields(
      Schema.Struct({
        no_rope_layers: nullish(numbers(MAX_LAYERS)),
        no_rope_layer_interval: nullish(integer(1, MAX_LAYERS))
      }),
      config
    )
    const interval = fields.no_rope_layer_interval ?? 4
    const kinds = yield* layerTypes(0)(config, layers)
    const turned = fields.no_rope_layers ?? kinds.map((_, layer) => (layer + 1) % interval)
    return turned.length === kinds.length
      ? kinds.map((kind, layer) => ({ ...kind, turned: turned[layer] !== 0 }))
      : yield* badConfig(`no_rope_layers: ${turned.length} values for ${kinds.length} layers`)
  })

/** As `layerTypes`; `layer_rope_theta` has a 0 where a layer isn't turned, without it those that see everything. */
export const baseByLayer: LayerPlan = (config, layers) =>
  Either.gen(function* () {
    const kinds = yield* layerTypes(3, STILL)(config, layers)
    const fields = yield* decodeFields(Schema.Struct({ layer_rope_theta: nullish(numbers(MAX_LAYERS)) }), config)
    const bases = fields.layer_rope_theta ?? null
    return kinds.map((kind, layer) => (bases === null ? kind : { ...kind, turned: bases[layer] !== 0 }))
  })
