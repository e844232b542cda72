/**
 * Gated delta rule (arXiv 2412.06464): a head keeps a matrix from keys to values; each step it fades, and what it says for
 * the new key is corrected towards the new value.
 */
import type { Ops } from "../Ops.js"
import { type CausalConv, causalConv } from "./CausalConv.js"

export interface DeltaRule {
  /** Name of its state. */
  readonly state: string
  readonly keyHeads: number
  readonly keySize: number
  /** A multiple of the key heads. */
  readonly valueHeads: number
  readonly valueSize: number
}

export interface DeltaInputs<T> {
  /** Both [batch, length, keyHeads, keySize]; the scale of the readout is in the queries. */
  readonly queries: T
  readonly keys: T
  /** [batch, length, valueHeads, valueSize]. */
  readonly values: T
  /** What is kept of the matrix: [batch, length, valueHeads, 1], or with keySize as last axis per key number. */
  readonly decay: T
  /** Strength of the correction: [batch, length, valueHeads, 1]. */
  readonly strength: T
}

/** Queries and keys of unit length (1e-6 is added to the sum of squares), queries divided by the root of their size. */
export const unitQueriesAndKeys = <T>(ops: Ops<T>, queries: T, keys: T, size: number) => {
  const unit = (x: T, scale: number) => ops.binary("multiply", ops.rmsNorm(x, null, 1e-6 / size), scale)
  return { queries: unit(queries, 1 / size), keys: unit(keys, size ** -0.5) }
}

/** Through a convolution over time and silu. */
export const convolved = <T>(ops: Ops<T>, x: T, conv: Omit<CausalConv, "bias">): T =>
  ops.unary("silu", causalConv(ops, x, { ...conv, bias: false }))

/** exp(-exp(rate) * softplus(x + bias)); rate and bias broadcast to x. */
export const fading = <T>(ops: Ops<T>, x: T, rate: T, bias: T): T => {
  const steps = ops.unary("softplus", ops.binary("add", ops.float32(x), ops.float32(bias)))
  const exponent = ops.binary("multiply", steps, ops.unary("exp", ops.float32(rate)))
  return ops.unary("exp", ops.unary("negative", exponent))
}

/** One decay per head, from x [batch, length, heads] -> [batch, length, heads, 1]. */
export const decayOf = <T>(ops: Ops<T>, x: T, rate: T, bias: T): T =>
  ops.reshape(fading(ops, x, rate, bias), [0, 0, -1, 1])

/** -> [batch, length, valueHeads, valueSize]. */
export const deltaRule = <T>(ops: Ops<T>, inputs: DeltaInputs<T>, spec: DeltaRule): T => {
  const { keyHeads, keySize, state, valueHeads, valueSize } = spec
  const perValueHead = (x: T) => ops.repeat(ops.float32(x), valueHeads / keyHeads, 2)
  const column = (x: T, length: number) => ops.reshape(x, [0, 0, length, 1])
  const row = (x: T) => ops.reshape(x, [0, 0, 1, -1])
  const { output, states } = ops.scan(
    {
      query: perValueHead(inputs.queries),
      key: perValueHead(inputs.keys),
      value: ops.float32(inputs.values),
      decay: ops.float32(inputs.decay),
      strength: ops.float32(inputs.strength)
    },
    { memory: ops.state(state, { shape: [valueHeads, valueSize, keySize] }) },
    ({ decay, key, query, strength, value }, { memory }) => {
      const faded = ops.binary("multiply", memory, row(decay))
      const known = ops.matmul(faded, column(key, keySize))
      const error = ops.binary("subtract", column(value, valueSize), known)
      const correction = ops.binary("multiply", error, row(strength))
      const after = ops.binary("add", faded, ops.binary("multiply", correction, row(key)))
      const found = ops.matmul(after, column(query, keySize))
      return { states: { memory: after }, output: ops.reshape(found, [0, 0, valueSize]) }
    }
  )
  ops.remember(state, states.memory)
  return ops.native(output)
}
