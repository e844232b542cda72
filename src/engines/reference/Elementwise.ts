/** Functions of single numbers, and of two tensors position by position. */
import type { BinaryName, UnaryName } from "../../inference/Ops.js"
import { broadcast, type Shape, sizeOf } from "../../inference/Shape.js"
import { at, type Tensor } from "./Tensor.js"

/** By its series, exact to double precision; 1 from where that is the nearest double. */
const erf = (x: number): number => {
  if (Math.abs(x) > 6) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

const unaryFunctions: { readonly [Name in UnaryName]: (x: number) => number } = {
  abs: Math.abs,
  cos: Math.cos,
  erf,
  exp: Math.exp,
  floor: Math.floor,
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  geluTanh: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  log: Math.log,
  negative: (x) => -x,
  reciprocal: (x) => 1 / x,
  relu: (x) => Math.max(x, 0),
  rsqrt: (x) => 1 / Math.sqrt(x),
  sigmoid,
  silu: (x) => x * sigmoid(x),
  sin: Math.sin,
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  sqrt: Math.sqrt,
  square: (x) => x * x,
  tanh: Math.tanh
}

const binaryFunctions: { readonly [Name in BinaryName]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  divide: (a, b) => a / b,
  equal: (a, b) => Number(a === b),
  greater: (a, b) => Number(a > b),
  less: (a, b) => Number(a < b),
  maximum: Math.max,
  minimum: Math.min,
  multiply: (a, b) => a * b,
  power: (a, b) => a ** b,
  remainder: (a, b) => a - b * Math.floor(a / b),
  subtract: (a, b) => a - b
}

export const map = (x: Tensor, of: (value: number) => number): Tensor => ({ shape: x.shape, data: x.data.map(of) })

export const unary = (name: UnaryName, x: Tensor): Tensor => map(x, unaryFunctions[name])

/** Steps in memory along each axis of `shape`, 0 where an operand is repeated. */
const stepsIn = (operand: Shape, shape: Shape): ReadonlyArray<number> =>
  shape.map((_, axis) => {
    const own = axis - (shape.length - operand.length)
    return own < 0 || operand[own] === 1 ? 0 : sizeOf(operand.slice(own + 1))
  })

/** For every position of `shape` in order, where it lies in an operand. */
const positionsIn = (operand: Shape, shape: Shape): Int32Array => {
  const steps = stepsIn(operand, shape)
  let positions = Int32Array.of(0)
  for (const [axis, length] of shape.entries()) {
    const step = steps[axis] ?? 0
    const finer = new Int32Array(positions.length * length)
    for (let i = 0; i < finer.length; i++) finer[i] = (positions[Math.floor(i / length)] ?? 0) + (i % length) * step
    positions = finer
  }
  return positions
}

const scalar = (value: number): Tensor => ({ shape: [], data: Float32Array.of(value) })
export const asTensor = (x: Tensor | number): Tensor => (typeof x === "number" ? scalar(x) : x)

/** The operand as if it had the shape. */
export const spread = ({ data, shape: own }: Tensor, shape: Shape): Tensor =>
  own.length === shape.length && own.every((length, axis) => length === shape[axis])
    ? { shape, data }
    : { shape, data: Float32Array.from(positionsIn(own, shape), (position) => at(data, position)) }

export const binary = (name: BinaryName, a: Tensor, b: Tensor | number): Tensor => {
  const of = binaryFunctions[name]
  if (typeof b === "number") return map(a, (value) => of(value, b))
  const shape = broadcast(a.shape, b.shape)
  const right = spread(b, shape).data
  return { shape, data: spread(a, shape).data.map((value, i) => of(value, at(right, i))) }
}

export const where = (condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor => {
  const [yes, no] = [asTensor(a), asTensor(b)]
  const shape = broadcast(condition.shape, broadcast(yes.shape, no.shape))
  const [left, right] = [spread(yes, shape).data, spread(no, shape).data]
  return { shape, data: spread(condition, shape).data.map((value, i) => (value !== 0 ? at(left, i) : at(right, i))) }
}
