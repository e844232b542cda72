/**
 * Multi-head latent attention: keys and values of all heads are made from one short vector per position (the latent), and
 * only a small part of each key, shared by all heads, is turned by rope.
 */
import type { Ops } from "../Ops.js"
import type { RopeSpec } from "../Rope.js"
import { ALL } from "./Attention.js"
import { type Indexer, indexedKeys } from "./Indexer.js"
import { norm } from "./Norm.js"
import { chain, mergeHeads, type Part, splitHeads, times } from "./Part.js"

export interface LatentAttention {
  readonly path: string
  /** In and out. */
  readonly width: number
  readonly heads: number
  /** Sizes of a head: the part of a key without rope, the part with it, a value. */
  readonly plainSize: number
  readonly ropeSize: number
  readonly valueSize: number
  readonly latentSize: number
  /** Queries come through a vector of this size; null when they are made of the token itself. */
  readonly queryRank: number | null
  /** Whether q_a, kv_a and the output projection have a bias. */
  readonly bias: boolean
  /** Of the norms of latent and query vector. */
  readonly eps: number
  readonly scale: number
  /** null when nothing is turned. */
  readonly rope: RopeSpec | null
  /**
   * `perHead`: `embed_q` and `unembed_out` hold one matrix per head, and the cache holds latents. `joint`: one matrix
   * `kv_b_proj` gives keys and values of all heads, which the cache holds.
   */
  readonly storage: "joint" | "perHead"
  /** Factors of the queries and of the latents. */
  readonly queryFactor?: number
  readonly latentFactor?: number
  /** For both parts of the queries [batch, heads, length, size], behind rope. */
  readonly queryScale?: Part | null
  readonly indexer?: Indexer | null
  /** Name of the output projection, `o_proj` unless told otherwise. */
  readonly output?: string
  /** Name of a matrix with a row per head (`head`) or per number: its sigmoid multiplies what the heads found. */
  readonly gate?: { readonly name: string; readonly per: "head" | "number" } | null
}

/** What the two ways of storage share; queries [batch, heads, length, size], the rest [batch, 1, length, size]. */
interface Parts<T> {
  /** Queries without rope and with it. */
  readonly plain: T
  readonly turned: T
  readonly latent: T
  /** The part of the keys that all heads share. */
  readonly key: T
  /** Added to the scores. */
  readonly bias: T | null
}

const RMS = { kind: "rms" } as const

/** What queries are made of: a short vector, or the tokens where there is none. */
const queryVector = <T>(ops: Ops<T>, x: T, { bias, eps, path, queryRank }: LatentAttention): T =>
  queryRank === null
    ? x
    : norm({ ...RMS, eps, path: `${path}.q_a_layernorm` }, queryRank)(
        ops,
        ops.linear(x, `${path}.q_a_proj`, { rows: queryRank, bias })
      )

const queries = <T>(ops: Ops<T>, vector: T, spec: LatentAttention): Pick<Parts<T>, "plain" | "turned"> => {
  const { heads, path, plainSize, queryFactor = 1, queryRank, queryScale = null, rope, ropeSize } = spec
  const size = plainSize + ropeSize
  const flat = ops.linear(vector, `${path}.${queryRank === null ? "q_proj" : "q_b_proj"}`, { rows: heads * size })
  const whole = splitHeads(ops, chain(times(queryFactor))(ops, flat), heads, size)
  const plain = ops.slice(whole, -1, 0, plainSize)
  const turned = ops.slice(whole, -1, plainSize, null)
  const scaled = chain(queryScale)
  return { plain: scaled(ops, plain), turned: scaled(ops, rope === null ? turned : ops.rope(turned, rope)) }
}

const latentAndKey = <T>(ops: Ops<T>, x: T, spec: LatentAttention): Pick<Parts<T>, "key" | "latent"> => {
  const { bias, eps, latentFactor = 1, latentSize, path, rope, ropeSize } = spec
  const both = ops.linear(x, `${path}.kv_a_proj_with_mqa`, { rows: latentSize + ropeSize, bias })
  const normed = norm({ ...RMS, eps, path: `${path}.kv_a_layernorm` }, latentSize)
  const latent = chain(normed, times(latentFactor))(ops, ops.slice(both, -1, 0, latentSize))
  const key = splitHeads(ops, ops.slice(both, -1, latentSize, null), 1, ropeSize)
  return { latent: splitHeads(ops, latent, 1, latentSize), key: rope === null ? key : ops.rope(key, rope) }
}

/**
 * Moving the matrix of the keys over to the queries leaves one head of keys, and the latents are the values too: far less
 * to keep and to read than keys and values of every head.
 */
const perHead = <T>(ops: Ops<T>, { bias, key, latent, plain, turned }: Parts<T>, spec: LatentAttention): T => {
  const { heads, latentSize, path, scale, valueSize } = spec
  const embedded = ops.headLinear(plain, `${path}.embed_q`, { count: heads, rows: latentSize })
  const keys = ops.cached(path, ops.concat([latent, key], -1), ALL)
  const values = ops.slice(keys, -1, 0, latentSize)
  const found = ops.attend(ops.concat([embedded, turned], -1), keys, values, { scale, visibility: ALL, bias })
  return ops.headLinear(found, `${path}.unembed_out`, { count: heads, rows: valueSize })
}

const joint = <T>(ops: Ops<T>, { bias, key, latent, plain, turned }: Parts<T>, spec: LatentAttention): T => {
  const { heads, latentSize, path, plainSize, scale, valueSize } = spec
  const size = plainSize + valueSize
  const flat = ops.linear(mergeHeads(ops, latent, 1, latentSize), `${path}.kv_b_proj`, { rows: heads * size })
  const both = splitHeads(ops, flat, heads, size)
  const keys = ops.concat([ops.slice(both, -1, 0, plainSize), ops.repeat(key, heads, 1)], -1)
  const values = ops.slice(both, -1, plainSize, null)
  return ops.attend(
    ops.concat([plain, turned], -1),
    ops.cached(`${path}.keys`, keys, ALL),
    ops.cached(`${path}.values`, values, ALL),
    { scale, visibility: ALL, bias }
  )
}

/** What the heads found [batch, length, heads * valueSize], multiplied by its gate. */
const gated = <T>(ops: Ops<T>, x: T, found: T, { gate, heads, path, valueSize }: LatentAttention): T => {
  if (!gate) return found
  const rows = gate.per === "head" ? heads : heads * valueSize
  const open = ops.unary("sigmoid", ops.linear(x, `${path}.${gate.name}`, { rows }))
  return ops.binary("multiply", found, gate.per === "head" ? ops.repeat(open, valueSize, -1) : open)
}

export const latentAttention =
  (spec: LatentAttention): Part =>
  (ops, x) => {
    const { heads, path, valueSize } = spec
    const vector = queryVector(ops, x, spec)
    const bias = spec.indexer ? indexedKeys(ops, x, vector, spec.indexer) : null
    const parts = { ...queries(ops, vector, spec), ...latentAndKey(ops, x, spec), bias }
    const found = spec.storage === "perHead" ? perHead(ops, parts, spec) : joint(ops, parts, spec)
    const open = gated(ops, x, mergeHeads(ops, found, heads, valueSize), spec)
    return ops.linear(open, `${path}.${spec.output ?? "o_proj"}`, { rows: spec.width, bias: spec.bias })
  }
