/** What the reference engine computes with: float32 numbers in row-major order. */
import { type Shape, sizeOf } from "../../inference/Shape.js"

export interface Tensor {
  readonly shape: Shape
  readonly data: Float32Array
}

export const tensor = (shape: Shape, data: ArrayLike<number>): Tensor => ({
  shape,
  data: data instanceof Float32Array ? data : Float32Array.from(data)
})

export const zeros = (shape: Shape): Tensor => ({ shape, data: new Float32Array(sizeOf(shape)) })

/** A value that the loops below know to be inside the data. */
export const at = (data: Float32Array, index: number): number => data[index] ?? 0

/** How an axis lies in memory: `outer` blocks of `length` rows of `inner` neighbouring numbers. */
export interface AxisLayout {
  readonly outer: number
  readonly length: number
  readonly inner: number
}

export const layoutOf = (shape: Shape, axis: number): AxisLayout => ({
  outer: sizeOf(shape.slice(0, axis)),
  length: shape[axis] ?? 1,
  inner: sizeOf(shape.slice(axis + 1))
})
