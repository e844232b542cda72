/**
 * Alternating updates: several residual streams [batch, length, streams, width] side by side. A layer computes one of them;
 * the others are predicted from all and corrected by what the layer found.
 */
import { norm } from "../../blocks/Norm.js"
import type { Ops } from "../../Ops.js"

export interface AltUp {
  readonly path: string
  readonly width: number
  readonly streams: number
  /** The stream that layers compute. */
  readonly active: number
  readonly eps: number
  /** Limit of the coefficients; null for none. */
  readonly clip: number | null
}

/** One stream: [batch, length, width]. */
export const stream = <T>(ops: Ops<T>, all: T, index: number, width: number): T =>
  ops.reshape(ops.slice(all, 2, index, index + 1), [0, 0, width])

/** How much of each kind a token is, [batch, length, streams], and what a matrix makes of that. */
const coefficients = <T>(ops: Ops<T>, x: T, name: string, rows: number, spec: AltUp): T => {
  const { clip, eps, path, streams, width } = spec
  const normed = norm({ kind: "rms", eps, path: `${path}.router_norm` }, width)(ops, x)
  const routed = ops.linear(ops.binary("multiply", normed, 1 / width), `${path}.modality_router`, { rows: streams })
  const stored = ops.weight(`${path}.${name}.weight`, [rows, streams])
  const matrix = clip === null ? stored : ops.clip(stored, -clip, clip)
  return ops.matmul(ops.unary("tanh", ops.float32(routed)), ops.transpose(matrix, [1, 0]))
}

/** Every stream before the layer. */
export const predict = <T>(ops: Ops<T>, all: T, spec: AltUp): T => {
  const { active, streams, width } = spec
  const mixing = coefficients(ops, stream(ops, all, active, width), "prediction_coefs", streams * streams, spec)
  const square = ops.reshape(mixing, [0, 0, streams, streams])
  return ops.native(ops.binary("add", ops.matmul(square, all), all))
}

/** Every stream behind the layer, which made `found` of the active one. */
export const correct = <T>(ops: Ops<T>, predicted: T, found: T, spec: AltUp): T => {
  const { active, streams, width } = spec
  const shares = ops.binary("add", coefficients(ops, found, "correction_coefs", streams, spec), 1)
  const news = ops.binary("subtract", found, stream(ops, predicted, active, width))
  const spread = ops.binary("multiply", ops.reshape(shares, [0, 0, streams, 1]), ops.reshape(news, [0, 0, 1, width]))
  return ops.native(ops.binary("add", predicted, spread))
}

/** As long as `like`, by the root of the mean square. */
const withLengthOf = <T>(ops: Ops<T>, x: T, like: T): T => {
  const length = (y: T) => ops.unary("sqrt", ops.reduce("mean", ops.unary("square", y), -1))
  return ops.binary("multiply", x, ops.binary("divide", length(like), length(x)))
}

/** One stream as it is and a matrix `${path}.${i}` for each of the others, all of one length. */
export const spread = <T>(ops: Ops<T>, x: T, path: string, streams: number, width: number): T => {
  const others = Array.from({ length: streams - 1 }, (_, i) =>
    withLengthOf(ops, ops.linear(x, `${path}.${i}`, { rows: width }), x)
  )
  return ops.concat(
    [x, ...others].map((y) => ops.reshape(y, [0, 0, 1, width])),
    2
  )
}

/** The way back: the mean of the streams, all of one length. */
export const gather = <T>(ops: Ops<T>, all: T, path: string, streams: number, width: number): T => {
  const first = stream(ops, all, 0, width)
  const others = Array.from({ length: streams - 1 }, (_, i) =>
    withLengthOf(ops, ops.linear(stream(ops, all, i + 1, width), `${path}.${i}`, { rows: width }), first)
  )
  const sum = others.reduce((total, y) => ops.binary("add", total, y), first)
  return ops.binary("divide", sum, streams)
}
