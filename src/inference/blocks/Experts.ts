/** Layers of experts: a router sends each token through a few of many MLPs, and often through one that all share. */
import type { Ops } from "../Ops.js"
import { type GatedUnit, gatedMlp } from "./Mlp.js"
import type { Part } from "./Part.js"
import { type Router, route } from "./Router.js"

/** Gated MLPs with their matrices stacked: `gate_proj`, `up_proj` and `down_proj` below `path`. */
export interface ExpertStack {
  readonly path: string
  readonly count: number
  /** Width inside an expert. */
  readonly size: number
  readonly unit: GatedUnit
  readonly bias?: boolean
}

/** x [batch, length, width] through the experts `chosen` [batch, length, k] -> [batch, length, k, width]. */
export const throughExperts = <T>(ops: Ops<T>, x: T, chosen: T, width: number, stack: ExpertStack): T => {
  const { bias = false, count, path, size, unit } = stack
  const token = ops.reshape(x, [0, 0, 1, width])
  const inner = { count, rows: size, bias }
  const gate = ops.expertLinear(token, chosen, `${path}.gate_proj`, inner)
  const up = ops.expertLinear(token, chosen, `${path}.up_proj`, inner)
  return ops.expertLinear(unit(ops, gate, up), chosen, `${path}.down_proj`, { count, rows: width, bias })
}

/** Answers [batch, length, k, width] added up by the router's weights. */
export const weighted = <T>(ops: Ops<T>, answers: T, weights: T, width: number): T => {
  const products = ops.binary("multiply", answers, ops.reshape(weights, [0, 0, -1, 1]))
  return ops.native(ops.reshape(ops.reduce("sum", products, 2), [0, 0, width]))
}

/** An MLP that every token goes through. */
export interface SharedExpert {
  readonly path: string
  readonly size: number
  readonly unit: GatedUnit
  readonly bias?: boolean
  /** A matrix of one row: its sigmoid scales the shared answer. */
  readonly gate?: string
}

export interface Mixture {
  /** In and out. */
  readonly width: number
  readonly router: Router
  readonly experts: ExpertStack
  readonly shared?: SharedExpert | null
}

/** What the router and its experts answer, without a shared expert: x [batch, length, width] -> the same shape. */
export const routed =
  ({ experts, router, width }: Omit<Mixture, "shared">): Part =>
  (ops, x) => {
    const { chosen, weights } = route(ops, x, experts.count, router)
    return weighted(ops, throughExperts(ops, x, chosen, width, experts), weights, width)
  }

/** What the shared expert answers. */
export const sharedExpert =
  (width: number, { bias = false, gate, path, size, unit }: SharedExpert): Part =>
  (ops, x) => {
    const answer = gatedMlp(ops, x, path, { width, size, unit, bias })
    return gate === undefined
      ? answer
      : ops.binary("multiply", answer, ops.unary("sigmoid", ops.linear(x, gate, { rows: 1 })))
  }

/** What takes the place of a layer's MLP. */
export const mixture =
  ({ shared, ...own }: Mixture): Part =>
  (ops, x) => {
    const answer = routed(own)(ops, x)
    return shared ? ops.binary("add", answer, sharedExpert(own.width, shared)(ops, x)) : answer
  }
