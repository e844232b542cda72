/** Short-lived arrays: a step makes hundreds, and only what is kept may outlive it. */
import type { MlxArray } from "./Mx.js"

export interface Arena {
  /** Marks an array for release; returns it. */
  readonly track: (array: MlxArray) => MlxArray
  /** Releases everything tracked so far but `kept`, which is then the caller's. */
  readonly release: (kept?: ReadonlyArray<MlxArray>) => void
}

export const makeArena = (release: (array: MlxArray) => void): Arena => {
  let arrays: Array<MlxArray> = []
  return {
    track: (array) => {
      arrays.push(array)
      return array
    },
    release: (kept = []) => {
      const spared = new Set(kept)
      for (const array of arrays) if (!spared.has(array)) release(array)
      arrays = []
    }
  }
}
