/** Products of matrices. Sums are kept in double precision. */
import { broadcast, lengthOf, multiplied, sizeOf, withLength } from "../../inference/Shape.js"
import { spread } from "./Elementwise.js"
import { at, type Tensor, zeros } from "./Tensor.js"

/** The product of row `i` of x and row `j` of y, both of this width. */
const dot = (x: Float32Array, i: number, y: Float32Array, j: number, width: number): number => {
  let sum = 0
  for (let n = 0; n < width; n++) sum += at(x, i * width + n) * at(y, j * width + n)
  return sum
}

/** Every row of x with the transposed matrix at `offset` (in rows of the weights), into `result`. */
const multiplyRow = (
  x: Tensor,
  row: number,
  weights: Float32Array,
  offset: number,
  rows: number,
  result: Float32Array
) => {
  const width = lengthOf(x.shape, -1)
  for (let j = 0; j < rows; j++) result[j] = dot(x.data, row, weights, offset + j, width)
}

/** x [..., columns] with the transposed matrix [rows, columns]. */
export const linear = (x: Tensor, matrix: Tensor, bias: Tensor | null): Tensor => {
  const [rows = 0] = matrix.shape
  const result = zeros(withLength(x.shape, -1, rows))
  for (let i = 0; i < result.data.length / rows; i++) {
    const out = result.data.subarray(i * rows, (i + 1) * rows)
    multiplyRow(x, i, matrix.data, 0, rows, out)
    if (bias !== null) for (let j = 0; j < rows; j++) out[j] = at(out, j) + at(bias.data, j)
  }
  return result
}

/** See `Ops.expertLinear`. */
export const expertLinear = (x: Tensor, chosen: Tensor, matrices: Tensor, bias: Tensor | null): Tensor => {
  const [, rows = 0] = matrices.shape
  const lines = broadcast(x.shape.slice(0, -1), chosen.shape)
  const input = spread(x, [...lines, lengthOf(x.shape, -1)])
  const experts = spread(chosen, lines).data
  const result = zeros([...lines, rows])
  experts.forEach((expert, i) => {
    const out = result.data.subarray(i * rows, (i + 1) * rows)
    multiplyRow(input, i, matrices.data, expert * rows, rows, out)
    if (bias !== null) for (let j = 0; j < rows; j++) out[j] = at(out, j) + at(bias.data, expert * rows + j)
  })
  return result
}

export const matmul = (a: Tensor, b: Tensor): Tensor => {
  const result = zeros(multiplied(a.shape, b.shape))
  const leading = result.shape.slice(0, -2)
  const [n, k, m] = [lengthOf(a.shape, -2), lengthOf(a.shape, -1), lengthOf(b.shape, -1)]
  const left = spread(a, [...leading, n, k]).data
  const right = spread(b, [...leading, k, m]).data
  for (let block = 0; block < sizeOf(leading); block++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        let sum = 0
        for (let l = 0; l < k; l++) sum += at(left, (block * n + i) * k + l) * at(right, (block * k + l) * m + j)
        result.data[(block * n + i) * m + j] = sum
      }
    }
  }
  return result
}
