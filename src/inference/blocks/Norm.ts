/** Normalisation over the last axis. */
import type { Part } from "./Part.js"

export interface Norm {
  readonly kind: "rms" | "layer"
  readonly eps: number
  /** The module whose `weight` (and `bias`) is applied; null for none. */
  readonly path: string | null
  readonly bias?: boolean
  /** Added to the stored weight. */
  readonly offset?: number
}

/** Over vectors of `width` numbers. */
export const norm =
  ({ bias = false, eps, kind, offset = 0, path }: Norm, width: number): Part =>
  (ops, x) => {
    const stored = path === null ? null : ops.weight(`${path}.weight`, [width])
    const weight = stored === null || offset === 0 ? stored : ops.binary("add", stored, offset)
    if (kind === "rms") return ops.rmsNorm(x, weight, eps)
    return ops.layerNorm(x, weight, bias && path !== null ? ops.weight(`${path}.bias`, [width]) : null, eps)
  }
