/** What all operations of one call of `forward` share. */
import type { Arena } from "./Arena.js"
import type { Binding } from "./Binding.js"
import type { MlxDtype } from "./Mx.js"
import type { SequenceMemory } from "./SequenceMemory.js"
import type { LoadedWeights } from "./Weights.js"

/** One call of `forward`: `length` tokens behind the `offset` tokens that `memory` knows. */
export interface Step {
  readonly binding: Binding
  readonly weights: LoadedWeights
  /** The precision everything is computed in, where an architecture doesn't say otherwise. */
  readonly dtype: MlxDtype
  readonly arena: Arena
  readonly memory: SequenceMemory
  readonly offset: number
  readonly length: number
}

/** Remembers what `make` gave for a key, for the duration of a step. */
export const memo = <K, A>(): ((key: K, make: () => A) => A) => {
  const made = new Map<K, A>()
  return (key, make) => {
    const known = made.get(key)
    if (known !== undefined) return known
    const value = make()
    made.set(key, value)
    return value
  }
}
