/** Gemma's two kinds of layers. Pure. */
import { Either } from "effect"
import { ALL } from "../../blocks/Attention.js"
import { badConfig, type ConfigProblem, knownLayers } from "../../Config.js"
import type { Visibility } from "../../Ops.js"

export type LayerType = "full_attention" | "sliding_attention"

/** One type for each of `layers`. */
export const layerTypes = (
  types: ReadonlyArray<string>,
  layers: number
): Either.Either<ReadonlyArray<LayerType>, ConfigProblem> =>
  Either.flatMap(knownLayers<LayerType>(types, ["full_attention", "sliding_attention"]), (known) =>
    known.length === layers
      ? Either.right(known)
      : badConfig(`layer_types: ${types.length} values for ${layers} layers`)
  )

export const visibilityOf = (type: LayerType, window: number): Visibility =>
  type === "full_attention" ? ALL : { _tag: "Window", size: window }

/**
 * The layer whose keys and values each layer uses: its own, or for the last `shared` ones those of the last of its type
 * before them.
 */
export const keyLayers = (
  types: ReadonlyArray<LayerType>,
  shared: number
): Either.Either<ReadonlyArray<number>, ConfigProblem> => {
  const own = types.slice(0, types.length - shared)
  const sources = types.map((type, layer) => (layer < own.length ? layer : own.lastIndexOf(type)))
  return shared < types.length && sources.every((source) => source >= 0)
    ? Either.right(sources)
    : badConfig(`num_kv_shared_layers: ${shared} layers have nothing to share`)
}

/** Keys and values of layers that have none of their own, which some checkpoints carry all the same. */
export const isUnusedKey = (name: string, firstShared: number): boolean => {
  const layer = /\.layers\.(\d+)\.self_attn\.(k_proj|v_proj|k_norm)\./.exec(name)?.[1]
  return layer !== undefined && Number(layer) >= firstShared
}
