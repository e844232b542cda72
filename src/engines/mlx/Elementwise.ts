/** Arithmetic on single values, and what folds an axis. */

import type { BinaryName, Ops, UnaryName } from "../../inference/Ops.js"
import { axisOf, lengthOf } from "../../inference/Shape.js"
import { solid } from "./Layout.js"
import type { MlxArray, MlxDtype, Mx } from "./Mx.js"
import type { Step } from "./Step.js"

type UnaryFunction = (step: Step, x: MlxArray) => MlxArray

const plain =
  (name: Exclude<UnaryName, "gelu" | "geluTanh" | "relu" | "silu" | "softplus">): UnaryFunction =>
  ({ binding: { mx } }, x) =>
    mx[name](x)

const isInteger = (mx: Mx, dtype: MlxDtype) => dtype === mx.int32 || dtype === mx.uint32

/** A number in the precision of what it meets: the binding would make everything float32. */
export const scalar = ({ arena, binding: { mx } }: Step, value: number, beside: MlxArray): MlxArray => {
  const dtype = isInteger(mx, beside.dtype) && !Number.isInteger(value) ? mx.float32 : beside.dtype
  return arena.track(mx.array(value, dtype))
}

const unaryFunctions: { readonly [Name in UnaryName]: UnaryFunction } = {
  abs: plain("abs"),
  cos: plain("cos"),
  erf: plain("erf"),
  exp: plain("exp"),
  floor: plain("floor"),
  log: plain("log"),
  negative: plain("negative"),
  reciprocal: plain("reciprocal"),
  rsqrt: plain("rsqrt"),
  sigmoid: plain("sigmoid"),
  sin: plain("sin"),
  sqrt: plain("sqrt"),
  square: plain("square"),
  tanh: plain("tanh"),
  relu: (step, x) => step.binding.mx.maximum(x, scalar(step, 0, x)),
  silu: ({ arena, binding: { mx } }, x) => mx.multiply(x, arena.track(mx.sigmoid(x))),
  softplus: (step, x) => step.binding.mx.logaddexp(x, scalar(step, 0, x)),
  gelu: (step, x) => {
    const { arena, binding } = step
    const { mx } = binding
    const t = arena.track
    const inner = t(mx.erf(t(mx.multiply(x, scalar(step, Math.SQRT1_2, x)))))
    return mx.multiply(t(mx.multiply(x, scalar(step, 0.5, x))), t(mx.add(inner, scalar(step, 1, x))))
  },
  geluTanh: (step, x) => {
    const { arena, binding } = step
    const { mx } = binding
    const t = arena.track
    const cubic = t(mx.multiply(t(mx.multiply(t(mx.square(x)), x)), scalar(step, 0.044715, x)))
    const inner = t(mx.multiply(t(mx.add(x, cubic)), scalar(step, Math.sqrt(2 / Math.PI), x)))
    return mx.multiply(t(mx.multiply(x, scalar(step, 0.5, x))), t(mx.add(t(mx.tanh(inner)), scalar(step, 1, x))))
  }
}

const comparisons: ReadonlySet<BinaryName> = new Set<BinaryName>(["equal", "greater", "less"])

type Elementwise = Pick<
  Ops<MlxArray>,
  "unary" | "binary" | "where" | "clip" | "reduce" | "cumsum" | "softmax" | "matmul" | "float32" | "native"
>

/**
 * As a product with a triangle of ones: on the CPU MLX's own sum gives noise, or ends the process, when the axis is 1 long or
 * not laid out in its order.
 */
const runningSum = ({ arena: { track: t }, binding: { mx } }: Step, x: MlxArray, axis: number): MlxArray => {
  const last = x.ndim - 1
  const order = x.shape.map((_, i) => (i === axis ? last : i === last ? axis : i))
  const positions = t(mx.arange(0, lengthOf(x.shape, axis), 1, mx.int32))
  const triangle = t(t(mx.greaterEqual(positions, t(mx.reshape(positions, [-1, 1])))).astype(x.dtype))
  return t(mx.transpose(t(mx.matmul(t(mx.transpose(x, order)), triangle)), order))
}

export const elementwise = (step: Step): Elementwise => {
  const { arena, binding, dtype } = step
  const { mx } = binding
  const t = arena.track
  const operand = (value: MlxArray | number, beside: MlxArray) =>
    typeof value === "number" ? scalar(step, value, beside) : value
  const cast = (x: MlxArray, to: MlxDtype) => (x.dtype === to ? x : t(x.astype(to)))

  return {
    unary: (name, x) => t(unaryFunctions[name](step, x)),
    binary: (name, a, b) => {
      const result = t(mx[name](a, operand(b, a)))
      return comparisons.has(name) ? cast(result, isInteger(mx, a.dtype) ? dtype : a.dtype) : result
    },
    where: (condition, a, b) => {
      const kind = typeof a !== "number" ? a : typeof b !== "number" ? b : t(mx.array(0, dtype))
      return t(mx.where(condition, operand(a, kind), operand(b, kind)))
    },
    clip: (x, min, max) => {
      const above = min === null ? x : t(mx.maximum(x, scalar(step, min, x)))
      return max === null ? above : t(mx.minimum(above, scalar(step, max, x)))
    },
    reduce: (name, x, axis) => t(mx[name](x, axis, true)),
    cumsum: (x, axis) => runningSum(step, x, axisOf(x.shape, axis)),
    softmax: (x, axis) => t(mx.softmax(solid(step, x), axis, true)),
    matmul: (a, b) => t(mx.matmul(a, b)),
    float32: (x) => cast(x, mx.float32),
    native: (x) => cast(x, dtype)
  }
}
