/** The feed-forward part of a layer. */
import type { Ops } from "../Ops.js"
import { type Norm, norm } from "./Norm.js"
import { chain, type Part } from "./Part.js"

const relu2: Part = (ops, x) => ops.unary("square", ops.unary("relu", x))

/** Above 0 a parabola, below an exponential, both bent by two learned numbers: x [..., n] with scalars at `path`. */
const xielu =
  (path: string): Part =>
  <T>(ops: Ops<T>, x: T) => {
    const scalar = (name: string) => ops.weight(`${path}.${name}`, [])
    const beta = scalar("beta")
    const linear = ops.binary("multiply", x, beta)
    const positive = ops.binary("multiply", ops.unary("square", x), ops.unary("softplus", scalar("alpha_p")))
    const bent = ops.binary("subtract", ops.unary("exp", ops.binary("minimum", x, scalar("eps"))), 1)
    const steepness = ops.binary("add", beta, ops.unary("softplus", scalar("alpha_n")))
    const negative = ops.binary("multiply", ops.binary("subtract", bent, x), steepness)
    return ops.binary("add", ops.where(ops.binary("greater", x, 0), positive, negative), linear)
  }

/** By name; `path` is the module of the activation where it has weights of its own. */
export const activations = {
  gelu: () => (ops, x) => ops.unary("gelu", x),
  geluTanh: () => (ops, x) => ops.unary("geluTanh", x),
  relu: () => (ops, x) => ops.unary("relu", x),
  relu2: () => relu2,
  silu: () => (ops, x) => ops.unary("silu", x),
  xielu
} as const satisfies Readonly<Record<string, (path: string) => Part>>

export type Activation = keyof typeof activations

/** Joins what a gate and a matrix beside it give. */
export type GatedUnit = <T>(ops: Ops<T>, gate: T, up: T) => T

/** activation(gate) * up. */
export const gatedBy = (activation: Activation): GatedUnit => {
  const act: Part = activations[activation]("")
  return (ops, gate, up) => ops.binary("multiply", act(ops, gate), up)
}

export const swiglu: GatedUnit = gatedBy("silu")

export interface GatedMlp {
  /** In and out. */
  readonly width: number
  /** Between. */
  readonly size: number
  readonly unit: GatedUnit
  readonly bias?: boolean
}

/** `gate_proj`, `up_proj` and `down_proj` below `path`. */
export const gatedMlp = <T>(ops: Ops<T>, x: T, path: string, { bias = false, size, unit, width }: GatedMlp): T => {
  const matrix = (y: T, name: string, rows: number) => ops.linear(y, `${path}.${name}`, { rows, bias })
  return matrix(unit(ops, matrix(x, "gate_proj", size), matrix(x, "up_proj", size)), "down_proj", width)
}

/** Module names below the part's path. A `gate` multiplies what `up` gives; with `gateUp` both come from one matrix. */
export type MlpNames =
  | { readonly gate: string; readonly up: string; readonly down: string }
  | { readonly gateUp: string; readonly down: string }
  | { readonly up: string; readonly down: string }

export interface Mlp {
  readonly path: string
  readonly names: MlpNames
  /** In and out. */
  readonly width: number
  /** Between. */
  readonly size: number
  readonly activation: Activation
  readonly bias?: boolean
  /** Before the last matrix. */
  readonly innerNorm?: Norm | null
}

export const mlp = ({ activation, bias = false, innerNorm = null, names, path, size, width }: Mlp): Part => {
  const unit = gatedBy(activation)
  const alone: Part = activations[activation](`${path}.act_fn`)
  const inner: Part | null = innerNorm === null ? null : norm(innerNorm, size)
  return <T>(ops: Ops<T>, x: T) => {
    const matrix = (name: string, rows: number) => ops.linear(x, `${path}.${name}`, { rows, bias })
    const hidden = (): T => {
      if ("gate" in names) return unit(ops, matrix(names.gate, size), matrix(names.up, size))
      if ("up" in names) return alone(ops, matrix(names.up, size))
      const both = matrix(names.gateUp, 2 * size)
      return unit(ops, ops.slice(both, -1, 0, size), ops.slice(both, -1, size, null))
    }
    const between = chain(inner)(ops, hidden())
    return ops.linear(between, `${path}.${names.down}`, { rows: width, bias })
  }
}
