/** Every operation on every interpreter, against what its definition says and against each other. */
import { beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadBinding } from "../../src/engines/mlx/Binding.js"
import type { BinaryName, UnaryName, Visibility } from "../../src/inference/Ops.js"
import { sizeOf } from "../../src/inference/Shape.js"
import { type Interpreter, onMlx, onReference, type TestStep, type TestWeights } from "../support/Interpreters.js"
import { noEngine } from "../support/Native.js"
import { close, input, numbers, words } from "../support/Numbers.js"

let mlx: Interpreter
beforeAll(async () => {
  if (!noEngine) mlx = onMlx(await Effect.runPromise(loadBinding))
})

const agree = (weights: TestWeights, steps: ReadonlyArray<TestStep>, tolerance?: number) => {
  const expected = onReference(weights, steps)
  const actual = mlx(weights, steps)
  expected.forEach((results, step) => {
    results.forEach((result, i) => {
      close(actual[step]?.[i], result, `step ${step}, result ${i}`, tolerance)
    })
  })
}

const once = (program: TestStep["program"]): ReadonlyArray<TestStep> => [{ length: 1, program }]

const unaryNames: ReadonlyArray<UnaryName> = [
  "abs",
  "cos",
  "erf",
  "exp",
  "floor",
  "gelu",
  "geluTanh",
  "log",
  "negative",
  "reciprocal",
  "relu",
  "rsqrt",
  "sigmoid",
  "silu",
  "sin",
  "softplus",
  "sqrt",
  "square",
  "tanh"
]
const binaryNames: ReadonlyArray<BinaryName> = [
  "add",
  "divide",
  "equal",
  "greater",
  "less",
  "maximum",
  "minimum",
  "multiply",
  "power",
  "remainder",
  "subtract"
]

const visibilities: ReadonlyArray<Visibility> = [
  { _tag: "All" },
  { _tag: "Window", size: 1 },
  { _tag: "Window", size: 5 },
  { _tag: "Window", size: 100 },
  { _tag: "Chunk", size: 4 },
  { _tag: "Chunk", size: 64 }
]

describe.skipIf(noEngine)("node-mlx and the reference engine agree on", () => {
  it("functions of one number", () => {
    agree(
      {},
      once((ops) =>
        unaryNames.map((name) => {
          const x = input(1, 3, 7)(ops)
          return ops.unary(
            name,
            ["log", "rsqrt", "sqrt"].includes(name) ? ops.unary("abs", x) : ops.binary("multiply", x, 3)
          )
        })
      )
    )
  })

  it("functions of two numbers, and of integers", () => {
    const program: TestStep["program"] = (ops) => {
      const [a, b] = [ops.unary("abs", input(1, 2, 3)(ops)), ops.unary("abs", input(2, 4, 2, 1)(ops))]
      const at = ops.positions()
      return binaryNames.flatMap((name) => [
        ops.binary(name, a, b),
        ops.binary(name, a, 0.5),
        ops.binary(name, at, 2),
        ops.binary(name, at, 0.5),
        ops.binary("multiply", ops.binary(name, at, 3), a)
      ])
    }
    agree(
      {},
      [1, 2].map(() => ({ length: 3, program }))
    )
  })

  it("choices and limits", () => {
    agree(
      {},
      once((ops) => {
        const x = input(3, 4, 5)(ops)
        const positive = ops.binary("greater", x, 0)
        return [
          ops.where(positive, x, -Infinity),
          ops.where(positive, 1, 2),
          ops.where(positive, 0, x),
          ops.binary("add", positive, positive),
          ops.clip(x, -0.25, null),
          ops.clip(x, null, 0.25),
          ops.clip(x, -0.5, 0.5)
        ]
      })
    )
  })

  it("what goes along an axis", () => {
    agree(
      {},
      once((ops) => {
        const x = input(4, 2, 3, 4)(ops)
        return [0, 1, 2, -1, -2].flatMap((axis) => [
          ops.reduce("max", x, axis),
          ops.reduce("mean", x, axis),
          ops.reduce("min", x, axis),
          ops.reduce("sum", x, axis),
          ops.cumsum(x, axis),
          ops.softmax(x, axis),
          ops.concat([x, ops.slice(x, axis, -1, null), x], axis),
          ops.repeat(x, 3, axis),
          ops.slice(x, axis, 1, null),
          ops.slice(x, axis, 0, -1),
          ops.slice(x, axis, -2, -1)
        ])
      })
    )
  })

  it("shapes and products", () => {
    agree(
      {},
      once((ops) => {
        const x = input(5, 2, 3, 4)(ops)
        return [
          ops.reshape(x, [0, -1]),
          ops.reshape(x, [0, 0, 2, 2]),
          ops.transpose(x, [2, 0, 1]),
          ops.matmul(x, input(6, 4, 5)(ops)),
          ops.matmul(ops.reshape(x, [2, 1, 3, 4]), input(7, 6, 4, 2)(ops)),
          ops.matmul(ops.transpose(x, [0, 2, 1]), x)
        ]
      })
    )
  })

  it("choosing by value, ties included", () => {
    agree(
      {},
      once((ops) => {
        const x = ops.unary("floor", ops.binary("multiply", input(8, 6, 9)(ops), 3))
        return [1, 3, 9]
          .flatMap((k) => [
            ops.topIndices(x, k),
            ops.keepTop(x, k),
            ops.takeAlong(x, ops.topIndices(x, k)),
            ops.takeRows(x, ops.binary("remainder", ops.topIndices(x, k), 6))
          ])
          .concat([ops.keepTop(x, 20)])
      })
    )
  })

  it("norms", () => {
    agree(
      {},
      once((ops) => {
        const x = input(9, 2, 3, 8)(ops)
        const [weight, bias, perHead] = [input(10, 8)(ops), input(11, 8)(ops), input(12, 3, 8)(ops)]
        return [null, weight, perHead].flatMap((w) => [
          ops.rmsNorm(x, w, 0.01),
          ops.layerNorm(x, w, null, 0.01),
          ops.layerNorm(x, w, bias, 0.01),
          ops.layerNorm(x, w, perHead, 0.01)
        ])
      })
    )
  })

  const stack = (seed: number, ...shape: readonly [number, number, number]) => ({
    dense: {
      shape,
      values: numbers(sizeOf(shape), seed),
      bias: { shape: shape.slice(0, 2), data: numbers(shape[0] * shape[1], seed + 1) }
    },
    packed: {
      shape,
      values: {
        words: words(sizeOf(shape) / 8, seed),
        scales: numbers(sizeOf(shape) / 32, seed + 2, 0.2),
        biases: numbers(sizeOf(shape) / 32, seed + 3, 0.2)
      }
    }
  })

  it("experts and matrices per head, dense and packed", () => {
    const weights = { matrices: { ...stack(20, 5, 8, 64) } }
    agree(
      weights,
      [1, 3, 40].map((length) => ({
        length,
        program: (ops) => {
          const scores = input(21, 1, length, 5)(ops)
          const chosen = ops.topIndices(scores, 2)
          return ["dense", "packed"].flatMap((path) => {
            const need = { count: 5, rows: 8, bias: path === "dense" }
            const same = ops.expertLinear(input(22, 1, length, 1, 64)(ops), chosen, path, need)
            const own = ops.expertLinear(input(23, 1, length, 2, 64)(ops), chosen, path, need)
            const perHead = ops.headLinear(input(24, 1, 5, length, 64)(ops), path, need)
            const shared = ops.headLinear(input(25, 1, 1, length, 64)(ops), path, need)
            const turned = ops.headLinear(input(26, 1, 5, length, 8)(ops), "packed", {
              count: 5,
              rows: 64,
              transposed: true
            })
            return [same, own, perHead, shared, turned]
          })
        }
      })),
      1e-4
    )
  })

  it.each(visibilities)("attention over a cache with visibility $_tag $size", (visibility) => {
    const lengths = [3, 1, 1, 7, 1, 2, 40, 1, 1, 90, 1, 1]
    agree(
      {},
      lengths.map((length, i) => ({
        length,
        program: (ops) => {
          const q = input(30 + i, 1, 4, length, 8)(ops)
          const k = ops.cached("k", input(50 + i, 1, 2, length, 8)(ops), visibility)
          const v = ops.cached("v", input(70 + i, 1, 2, length, 6)(ops), visibility)
          const plain = { scale: 0.3, visibility }
          const near = { scale: 0.3, visibility: { _tag: "Window", size: 1 } } as const
          const bias = ops.binary("multiply", ops.reshape(ops.positions(), [0, 1]), 0.1)
          return [
            k,
            ops.visible(k, visibility),
            ops.attend(q, k, v, plain),
            ops.attend(q, k, v, near),
            ops.attend(q, k, v, { ...plain, softcap: 0.5 }),
            ops.attend(q, k, v, { ...plain, sinks: input(90, 4)(ops) }),
            ops.attend(q, k, v, { ...plain, bias }),
            ops.attend(q, k, v, {
              ...plain,
              bias: input(91, 1, 4, length, 1)(ops),
              sinks: input(90, 4)(ops),
              softcap: 2
            })
          ]
        }
      })),
      1e-4
    )
  })

  it("states and recurrences", () => {
    agree(
      {},
      [1, 5, 1, 1, 8].map((length, i) => ({
        length,
        program: (ops) => {
          const x = input(100 + i, 1, length, 3)(ops)
          const before = ops.state("sum", { shape: [3] })
          const { output, states } = ops.scan({ x }, { sum: before }, (inputs, { sum }) => {
            const after = ops.binary("add", ops.binary("multiply", sum, 0.5), inputs.x)
            return { states: { sum: after }, output: ops.unary("tanh", after) }
          })
          ops.remember("sum", states.sum)
          return [before, output, ops.state("sum", { shape: [3] })]
        }
      }))
    )
  })
})
