/** Grouped-query attention: projections, norms of queries and keys, rope, cache, scores, output. */
import type { Ops, Visibility } from "../Ops.js"
import type { RopeSpec } from "../Rope.js"
import { type Norm, norm } from "./Norm.js"
import { chain, mergeHeads, type Part, splitHeads, times } from "./Part.js"

export const ALL: Visibility = { _tag: "All" }

/**
 * Module names below the part's path; the matrix of the keys may be that of the values too. In one matrix `fused`, the rows are
 * all queries, keys and values (`blocks`), or by key-value head its queries, its key and its value (`grouped`).
 */
export type QkvNames =
  | { readonly queries: string; readonly keys: string; readonly values: string }
  | { readonly fused: string; readonly rows: "blocks" | "grouped" }

/**
 * A norm of queries or keys. Its weight spans one head and is shared (`head`), spans all heads together (`all`), or every
 * head has its own: one tensor [heads, size] (`each`) or one module per head (`modules`).
 */
export interface HeadNorm extends Norm {
  readonly span: "head" | "all" | "each" | "modules"
}

/** Multiplies what attention found by a function of a matrix's result: one per number, or one per head. */
export interface OutputGate {
  readonly name: string
  readonly per: "number" | "head"
  readonly activation?: "sigmoid" | "softplus"
  readonly bias?: boolean
}

export interface Attention {
  readonly path: string
  /** In and out. */
  readonly width: number
  readonly heads: number
  readonly kvHeads: number
  readonly headSize: number
  /** Where values have another size than queries and keys; not with fused matrices. */
  readonly valueSize?: number
  readonly names: QkvNames
  readonly inputBias?: boolean
  readonly output: string
  readonly outputBias?: boolean
  /** Queries, keys and values are kept between minus this and this. */
  readonly clip?: number | null
  /** Values are multiplied by it. */
  readonly valueScale?: number
  readonly queryNorm?: HeadNorm | null
  readonly keyNorm?: HeadNorm | null
  /** For keys and values as the matrices give them, [batch, length, kvHeads * size]. */
  readonly keysIn?: Part | null
  readonly valuesIn?: Part | null
  /** For keys behind rope and norms, [batch, kvHeads, length, size]. */
  readonly keysOut?: Part | null
  /** Whether the norms of queries and keys come before or after rope. */
  readonly normPlace?: "before" | "after"
  readonly rope: RopeSpec | null
  readonly scale: number
  readonly visibility: Visibility
  readonly softcap?: number | null
  /** The name, below the path, of one value per head that joins the denominator of the softmax. */
  readonly sinks?: string | null
  /** Added to the scores for the layer's input. */
  readonly scoreBias?: Part | null
  /** For queries [batch, heads, length, size] behind rope and norms. */
  readonly queryScale?: Part | null
  /** Query head i uses key-value head i mod kvHeads, not i / (heads / kvHeads). */
  readonly tiled?: boolean
  readonly gate?: OutputGate | null
  /** Before the output matrix. */
  readonly outputNorm?: Norm | null
  /** What its cache is called; the path unless a part runs more than once. */
  readonly cache?: string
}

/** Queries, keys or values as they come from the matrices: [batch, length, heads * size]. */
interface Projected<T> {
  readonly queries: T
  readonly keys: T
  readonly values: T
}

export const project = <T>(ops: Ops<T>, x: T, spec: Attention): Projected<T> => {
  const { clip = null, headSize, heads, inputBias: bias = false, kvHeads, names, path, valueSize = headSize } = spec
  const matrix = (name: string, count: number, size = headSize) => {
    const y = ops.linear(x, `${path}.${name}`, { rows: count * size, bias })
    return clip === null ? y : ops.clip(y, -clip, clip)
  }
  if ("queries" in names) {
    const keys = matrix(names.keys, kvHeads)
    const values = names.values === names.keys ? keys : matrix(names.values, kvHeads, valueSize)
    return { queries: matrix(names.queries, heads), keys, values }
  }
  const fused = matrix(names.fused, heads + 2 * kvHeads)
  const parts = names.rows === "blocks" ? 1 : kvHeads
  const rows = parts === 1 ? fused : ops.reshape(fused, [0, 0, kvHeads, (heads / kvHeads + 2) * headSize])
  const flat = (count: number, from: number) => {
    const piece = ops.slice(rows, -1, (from * headSize) / parts, ((from + count) * headSize) / parts)
    return parts === 1 ? piece : ops.reshape(piece, [0, 0, count * headSize])
  }
  return { queries: flat(heads, 0), keys: flat(kvHeads, heads), values: flat(kvHeads, heads + kvHeads) }
}

/** The weights [heads, size] of heads that each have their own. */
const ownWeights = <T>(ops: Ops<T>, { path, span }: HeadNorm, heads: number, size: number): T => {
  if (span === "each") return ops.weight(`${path}.weight`, [heads, size])
  const modules = Array.from({ length: heads }, (_, head) => ops.weight(`${path}.norms.${head}.weight`, [size]))
  return ops.reshape(ops.concat(modules, 0), [heads, size])
}

/** Of x [batch, length, heads, size] or, for a shared weight, [batch, heads, length, size]. */
const headNorm = <T>(ops: Ops<T>, x: T, spec: HeadNorm | null | undefined, heads: number, size: number): T => {
  if (!spec || spec.span === "all") return x
  if (spec.span === "head") return norm(spec, size)(ops, x)
  return ops.binary("multiply", norm({ ...spec, path: null }, size)(ops, x), ownWeights(ops, spec, heads, size))
}

/** One of queries and keys, ready for scores: [batch, heads, length, size]. */
const positioned = <T>(ops: Ops<T>, flat: T, heads: number, of: HeadNorm | null | undefined, spec: Attention): T => {
  const { headSize, normPlace = "before", rope } = spec
  const turned = (x: T) => (rope === null ? x : ops.rope(x, rope))
  const whole = of?.span === "all" ? norm(of, heads * headSize)(ops, flat) : flat
  if (normPlace === "after") {
    return headNorm(ops, turned(splitHeads(ops, whole, heads, headSize)), of, heads, headSize)
  }
  const normed = headNorm(ops, ops.reshape(whole, [0, 0, heads, headSize]), of, heads, headSize)
  return turned(ops.transpose(normed, [0, 2, 1, 3]))
}

const gated = <T>(ops: Ops<T>, found: T, x: T, { gate, headSize, heads, path, valueSize = headSize }: Attention): T => {
  if (!gate) return found
  const rows = gate.per === "head" ? heads : heads * valueSize
  const raw = ops.linear(x, `${path}.${gate.name}`, { rows, bias: gate.bias ?? false })
  const open = ops.unary(gate.activation ?? "sigmoid", raw)
  return ops.binary("multiply", found, gate.per === "head" ? ops.repeat(open, valueSize, -1) : open)
}

/** Heads in the order of the queries that use them. */
const tile = <T>(ops: Ops<T>, x: T, { heads, kvHeads, tiled }: Attention): T =>
  tiled === true && heads > kvHeads
    ? ops.concat(
        Array.from({ length: heads / kvHeads }, () => x),
        1
      )
    : x

/** Keys and values [batch, kvHeads, positions, size] as a cache gives them. */
export interface KeysValues<T> {
  readonly keys: T
  readonly values: T
}

/** What the layer itself adds to its cache, and everything that is there. */
export const keysValues = <T>(
  ops: Ops<T>,
  projected: Omit<Projected<T>, "queries">,
  spec: Attention
): KeysValues<T> => {
  const { cache = spec.path, headSize, keyNorm, kvHeads, valueScale = 1, valueSize = headSize, visibility } = spec
  const { keysIn = null, keysOut = null, valuesIn = null } = spec
  const flat = chain(valuesIn, times(valueScale))(ops, projected.values)
  const values = splitHeads(ops, flat, kvHeads, valueSize)
  const keys = positioned(ops, chain(keysIn)(ops, projected.keys), kvHeads, keyNorm, spec)
  return {
    keys: ops.cached(`${cache}.keys`, chain(keysOut)(ops, keys), visibility),
    values: ops.cached(`${cache}.values`, values, visibility)
  }
}

/** Scores against keys and values that may be another layer's; x is the layer's input. */
export const attendTo = <T>(ops: Ops<T>, x: T, flatQueries: T, kv: KeysValues<T>, spec: Attention): T => {
  const { headSize, heads, outputNorm, path, queryScale, scale, scoreBias, sinks = null, visibility, width } = spec
  const { softcap = null, valueSize = headSize } = spec
  const queries = positioned(ops, flatQueries, heads, spec.queryNorm, spec)
  const found = ops.attend(
    queryScale ? queryScale(ops, queries) : queries,
    tile(ops, kv.keys, spec),
    tile(ops, kv.values, spec),
    {
      scale,
      visibility,
      softcap,
      sinks: sinks === null ? null : ops.weight(`${path}.${sinks}`, [heads]),
      bias: scoreBias ? scoreBias(ops, x) : null
    }
  )
  const open = gated(ops, mergeHeads(ops, found, heads, valueSize), x, spec)
  const normed = outputNorm ? norm(outputNorm, heads * valueSize)(ops, open) : open
  return ops.linear(normed, `${path}.${spec.output}`, { rows: width, bias: spec.outputBias ?? false })
}

export const attention =
  (spec: Attention): Part =>
  (ops, x) => {
    const projected = project(ops, x, spec)
    return attendTo(ops, x, projected.queries, keysValues(ops, projected, spec), spec)
  }
