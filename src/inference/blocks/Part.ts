/** The pieces that decoders are put together from: functions over any engine's tensors. */
import type { BinaryName, Ops } from "../Ops.js"

/** One tensor in, one out, with the weights and caches of one place in the model. */
export type Part = <T>(ops: Ops<T>, x: T) => T

/** The parts one after the other; null leaves one out. */
export const chain =
  (...parts: ReadonlyArray<Part | null>): Part =>
  (ops, x) =>
    parts.reduce((y, part) => (part === null ? y : part(ops, y)), x)

/** With a number that is the same for every model of this config; the neutral one costs nothing. */
const by =
  (name: BinaryName, neutral: number) =>
  (value: number): Part | null =>
    value === neutral ? null : (ops, x) => ops.binary(name, x, value)

export const times = by("multiply", 1)
export const dividedBy = by("divide", 1)

/** cap * tanh(x / cap). */
export const softcap =
  (cap: number): Part =>
  (ops, x) =>
    ops.binary("multiply", ops.unary("tanh", ops.binary("divide", x, cap)), cap)

/** A matrix as a part. */
export const linear =
  (path: string, rows: number, bias = false): Part =>
  (ops, x) =>
    ops.linear(x, path, { rows, bias })

/** [batch, length, heads * size] -> [batch, heads, length, size]. */
export const splitHeads = <T>(ops: Ops<T>, x: T, heads: number, size: number): T =>
  ops.transpose(ops.reshape(x, [0, 0, heads, size]), [0, 2, 1, 3])

/** The way back. */
export const mergeHeads = <T>(ops: Ops<T>, x: T, heads: number, size: number): T =>
  ops.reshape(ops.transpose(x, [0, 2, 1, 3]), [0, 0, heads * size])

/** A part for vectors of `size` numbers, on each head of [batch, length, heads * size]. */
export const eachHead =
  (part: Part, heads: number, size: number): Part =>
  (ops, x) =>
    ops.reshape(part(ops, ops.reshape(x, [0, 0, heads, size])), [0, 0, heads * size])

/** Consecutive pieces of the last axis. */
export const split = <T>(ops: Ops<T>, x: T, sizes: ReadonlyArray<number>): ReadonlyArray<T> => {
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0))
  return sizes.map((size, i) => ops.slice(x, -1, starts[i] ?? 0, (starts[i] ?? 0) + size))
}
