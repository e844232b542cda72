/** What one sequence remembers from step to step, by the names that its architecture uses. */
import type { Visibility } from "../../inference/Ops.js"
import type { Arena } from "./Arena.js"
import type { Binding } from "./Binding.js"
import { type Codec, type KeyValueCache, makeKeyValueCache } from "./KeyValueCache.js"
import type { MlxArray } from "./Mx.js"

export interface SequenceMemory {
  /** See `Ops.cached`; the chunk begins at position `offset`. */
  readonly cached: (name: string, chunk: MlxArray, visibility: Visibility, offset: number) => MlxArray
  /** What was last remembered; null at the start of a sequence. */
  readonly state: (name: string) => MlxArray | null
  readonly remember: (name: string, value: MlxArray) => void
  /** What must be evaluated with a step. */
  readonly arrays: () => ReadonlyArray<MlxArray>
  /** Whether it can go on as if it ended after `length` tokens, of which it has more; 0 is always possible, and forgets all. */
  readonly rewind: (length: number) => boolean
  readonly release: () => void
}

export const makeSequenceMemory = (binding: Binding, codec: Codec, arena: Arena): SequenceMemory => {
  const caches = new Map<string, KeyValueCache>()
  const states = new Map<string, MlxArray>()

  const release = () => {
    for (const cache of caches.values()) cache.release()
    for (const state of states.values()) binding.release(state)
    states.clear()
  }

  return {
    cached: (name, chunk, visibility, offset) => {
      const cache = caches.get(name) ?? makeKeyValueCache(binding, visibility, codec)
      caches.set(name, cache)
      return cache.append(chunk, offset, arena)
    },
    state: (name) => states.get(name) ?? null,
    remember: (name, value) => {
      const before = states.get(name)
      if (before !== undefined) arena.track(before)
      // A handle of its own: the arena has the other one.
      states.set(name, value.astype(value.dtype))
    },
    arrays: () => [...[...caches.values()].flatMap((cache) => cache.arrays()), ...states.values()],
    rewind: (length) => {
      if (length === 0) {
        release()
        return true
      }
      // A state is what all tokens before left behind: it can't forget the last ones.
      return states.size === 0 && [...caches.values()].every((cache) => cache.reaches(length))
    },
    release
  }
}
