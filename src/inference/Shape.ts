/**
 * Shapes of results from shapes of operands, for the interpreters that have no library to tell them. Axes may be counted
 * from the end. Pure; a `ShapeMismatch` is thrown where operands don't fit together.
 */

export type Shape = ReadonlyArray<number>

/** Operands that don't fit together. */
export class ShapeMismatch extends Error {}

const text = (shape: Shape) => `[${shape.join(", ")}]`

export const mismatch = (what: string, ...shapes: ReadonlyArray<Shape>): never => {
  throw new ShapeMismatch(`${what} of ${shapes.map(text).join(" and ")}`)
}

export const sizeOf = (shape: Shape): number => shape.reduce((product, length) => product * length, 1)

/** The length of an axis. */
export const lengthOf = (shape: Shape, axis: number): number => shape.at(axis) ?? mismatch(`axis ${axis}`, shape)

/** An axis counted from the start. */
export const axisOf = (shape: Shape, axis: number): number => {
  const index = axis < 0 ? axis + shape.length : axis
  return index >= 0 && index < shape.length ? index : mismatch(`axis ${axis}`, shape)
}

/** The shape with another length for one axis. */
export const withLength = (shape: Shape, axis: number, length: number): Shape => shape.with(axisOf(shape, axis), length)

/** NumPy's rule: from the last axis on, lengths are equal or one of them is 1. */
export const broadcast = (a: Shape, b: Shape): Shape =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i, fromEnd = Math.max(a.length, b.length) - i) => {
    const left = a[a.length - fromEnd] ?? 1
    const right = b[b.length - fromEnd] ?? 1
    return left === right || right === 1 ? left : left === 1 ? right : mismatch("broadcast", a, b)
  })

/** ONNX's: 0 keeps the axis at that place, one -1 takes what is left. */
export const reshaped = (shape: Shape, wanted: Shape): Shape => {
  const kept = wanted.map((length, axis) => (length === 0 ? lengthOf(shape, axis) : length))
  const known = kept.filter((length) => length !== -1)
  const result = kept.map((length) => (length === -1 ? sizeOf(shape) / sizeOf(known) : length))
  const fits = kept.length - known.length <= 1 && sizeOf(result) === sizeOf(shape) && result.every(Number.isInteger)
  return fits ? result : mismatch(`reshape to ${text(wanted)}`, shape)
}

export const transposed = (shape: Shape, axes: ReadonlyArray<number>): Shape =>
  axes.length === shape.length && new Set(axes).size === axes.length
    ? axes.map((axis) => lengthOf(shape, axis))
    : mismatch(`transpose by ${text(axes)}`, shape)

/** First and last (exclusive) position of a slice, from the start. */
export const sliceBounds = (length: number, from: number, to: number | null): readonly [number, number] => {
  const position = (at: number) => Math.min(Math.max(at < 0 ? at + length : at, 0), length)
  return [position(from), to === null ? length : position(to)]
}

export const sliced = (shape: Shape, axis: number, from: number, to: number | null): Shape => {
  const [first, end] = sliceBounds(lengthOf(shape, axis), from, to)
  return withLength(shape, axis, Math.max(0, end - first))
}

export const concatenated = (shapes: ReadonlyArray<Shape>, axis: number): Shape => {
  const [first = []] = shapes
  const rest = (shape: Shape) => text(withLength(shape, axis, 0))
  return shapes.every((shape) => rest(shape) === rest(first))
    ? withLength(
        first,
        axis,
        shapes.reduce((sum, shape) => sum + lengthOf(shape, axis), 0)
      )
    : mismatch(`concatenation along axis ${axis}`, ...shapes)
}

/** [..., n, k] times [..., k, m]. */
export const multiplied = (a: Shape, b: Shape): Shape => {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) return mismatch("product", a, b)
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), lengthOf(a, -2), lengthOf(b, -1)]
}
