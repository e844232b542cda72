/**
 * Views. MLX's functions for the CPU are wrong for some arrays that share another one's memory: softmax, sorting and gathering
 * take values of the wrong places.
 */
import type { MlxArray } from "./Mx.js"
import type { Step } from "./Step.js"

/** The array with its values in row-major order in memory: a copy only where they aren't. */
export const solid = ({ arena, binding: { mx } }: Pick<Step, "arena" | "binding">, x: MlxArray): MlxArray =>
  x.ndim === 0 ? x : arena.track(mx.reshape(arena.track(mx.reshape(x, [-1])), x.shape))
