/** What all operations of one call of `forward` share. */
import type { Arena } from "./Arena.js"
import type { Binding } from "./Binding.js"
import type { LayerCache } from "./KeyValueCache.js"
import type { MlxDtype } from "./Mx.js"
import type { LoadedWeights } from "./Weights.js"

/** One call of `forward`: `length` tokens behind the `offset` tokens in the caches. */
export interface Step {
  readonly binding: Binding
  readonly weights: LoadedWeights
  /** The precision everything is computed in. */
  readonly dtype: MlxDtype
  readonly arena: Arena
  readonly caches: ReadonlyArray<LayerCache>
  readonly offset: number
  readonly length: number
}

/** Remembers what `make` gave for a key, for the duration of a step. */
export const memoized = <K, A>(make: (key: K) => A): ((key: K) => A) => {
  const made = new Map<K, A>()
  return (key) => {
    const known = made.get(key)
    if (known !== undefined) return known
    const value = make(key)
    made.set(key, value)
    return value
  }
}
