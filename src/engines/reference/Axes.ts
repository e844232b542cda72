/** What moves numbers along axes and what looks along one axis. */
import type { ReduceName } from "../../inference/Ops.js"
import {
  axisOf,
  concatenated,
  lengthOf,
  type Shape,
  sizeOf,
  sliceBounds,
  sliced,
  transposed,
  withLength
} from "../../inference/Shape.js"
import { at, layoutOf, type Tensor, zeros } from "./Tensor.js"

export const transpose = (x: Tensor, axes: ReadonlyArray<number>): Tensor => {
  const result = zeros(transposed(x.shape, axes))
  const steps = axes.map((axis) => sizeOf(x.shape.slice(axis + 1)))
  const position = axes.map(() => 0)
  let source = 0
  for (let i = 0; i < result.data.length; i++) {
    result.data[i] = at(x.data, source)
    for (let axis = axes.length - 1; axis >= 0; axis--) {
      const next = (position[axis] ?? 0) + 1
      const length = result.shape[axis] ?? 1
      source += steps[axis] ?? 0
      position[axis] = next
      if (next < length) break
      source -= length * (steps[axis] ?? 0)
      position[axis] = 0
    }
  }
  return result
}

export const slice = (x: Tensor, axis: number, from: number, to: number | null): Tensor => {
  const { inner, length, outer } = layoutOf(x.shape, axisOf(x.shape, axis))
  const [first, end] = sliceBounds(length, from, to)
  const result = zeros(sliced(x.shape, axis, from, to))
  const width = Math.max(0, end - first) * inner
  for (let o = 0; o < outer; o++) {
    const start = (o * length + first) * inner
    result.data.set(x.data.subarray(start, start + width), o * width)
  }
  return result
}

export const concat = (parts: ReadonlyArray<Tensor>, axis: number): Tensor => {
  const shapes = parts.map(({ shape }) => shape)
  const result = zeros(concatenated(shapes, axis))
  const { inner, length, outer } = layoutOf(result.shape, axisOf(result.shape, axis))
  let start = 0
  for (const { data, shape } of parts) {
    const width = lengthOf(shape, axis) * inner
    for (let o = 0; o < outer; o++)
      result.data.set(data.subarray(o * width, (o + 1) * width), o * length * inner + start)
    start += width
  }
  return result
}

/** Rows of axis 0, by their positions; `shape` is that of the positions. */
export const takeRows = (x: Tensor, positions: Float32Array, shape: Shape): Tensor => {
  const rest = x.shape.slice(1)
  const width = sizeOf(rest)
  const result = zeros([...shape, ...rest])
  for (const [i, row] of positions.entries()) {
    result.data.set(x.data.subarray(row * width, (row + 1) * width), i * width)
  }
  return result
}

export const repeat = (x: Tensor, count: number, axis: number): Tensor => {
  const { inner, length, outer } = layoutOf(x.shape, axisOf(x.shape, axis))
  const result = zeros(withLength(x.shape, axis, length * count))
  for (let row = 0; row < outer * length; row++) {
    const values = x.data.subarray(row * inner, (row + 1) * inner)
    for (let i = 0; i < count; i++) result.data.set(values, (row * count + i) * inner)
  }
  return result
}

/** Calls `each` with the values along an axis, one line after the other; what it returns becomes the line of the result. */
export const alongAxis = (
  x: Tensor,
  axis: number,
  resultLength: number,
  each: (line: Float64Array) => ArrayLike<number>
): Tensor => {
  const { inner, length, outer } = layoutOf(x.shape, axisOf(x.shape, axis))
  const result = zeros(withLength(x.shape, axis, resultLength))
  const line = new Float64Array(length)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      for (let n = 0; n < length; n++) line[n] = at(x.data, (o * length + n) * inner + i)
      const values = each(line)
      for (let n = 0; n < resultLength; n++) result.data[(o * resultLength + n) * inner + i] = values[n] ?? 0
    }
  }
  return result
}

const total = (line: Float64Array): number => line.reduce((sum, value) => sum + value, 0)

const reductions: { readonly [Name in ReduceName]: (line: Float64Array) => number } = {
  max: (line) => line.reduce((a, b) => Math.max(a, b), -Infinity),
  mean: (line) => total(line) / line.length,
  min: (line) => line.reduce((a, b) => Math.min(a, b), Infinity),
  sum: total
}

export const reduce = (name: ReduceName, x: Tensor, axis: number): Tensor =>
  alongAxis(x, axis, 1, (line) => [reductions[name](line)])

export const cumsum = (x: Tensor, axis: number): Tensor => {
  const running = (line: Float64Array) => {
    let sum = 0
    return line.map((value) => {
      sum += value
      return sum
    })
  }
  return alongAxis(x, axis, lengthOf(x.shape, axis), running)
}

/** exp(value - max) over their sum. */
export const softmaxLine = (line: Float64Array): Float64Array => {
  const max = reductions.max(line)
  const weights = line.map((value) => Math.exp(value - max))
  const sum = total(weights)
  return weights.map((weight) => weight / sum)
}

export const softmax = (x: Tensor, axis: number): Tensor => alongAxis(x, axis, lengthOf(x.shape, axis), softmaxLine)

const descending = (line: Float64Array): ReadonlyArray<number> =>
  Array.from(line, (_, i) => i).sort((a, b) => (line[b] ?? 0) - (line[a] ?? 0) || a - b)

export const topIndices = (x: Tensor, k: number): Tensor => alongAxis(x, -1, k, (line) => descending(line).slice(0, k))

export const keepTop = (x: Tensor, k: number): Tensor =>
  alongAxis(x, -1, lengthOf(x.shape, -1), (line) => {
    const kept = new Set(descending(line).slice(0, k))
    return line.map((value, i) => (kept.has(i) ? value : -Infinity))
  })

export const takeAlong = (x: Tensor, indices: Tensor): Tensor => {
  const [length, chosen] = [lengthOf(x.shape, -1), lengthOf(indices.shape, -1)]
  return {
    shape: indices.shape,
    data: indices.data.map((index, i) => at(x.data, Math.floor(i / chosen) * length + index))
  }
}

/** Normalizes each line of the last axis to mean square (and mean, when `centred`) 1 (and 0). */
export const normalize = (x: Tensor, eps: number, centred: boolean): Tensor =>
  alongAxis(x, -1, lengthOf(x.shape, -1), (line) => {
    const mean = centred ? reductions.mean(line) : 0
    const square = reductions.mean(line.map((value) => (value - mean) ** 2))
    return line.map((value) => (value - mean) / Math.sqrt(square + eps))
  })
