/** Every operation on every kind of view: libraries have bugs where arrays share memory or give it up for a result. */
import { beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadBinding } from "../../src/engines/mlx/Binding.js"
import type { Ops } from "../../src/inference/Ops.js"
import { type Interpreter, onMlx, onReference, type TestStep } from "../support/Interpreters.js"
import { noEngine } from "../support/Native.js"
import { close, input, numbers, words } from "../support/Numbers.js"

let mlx: Interpreter
beforeAll(async () => {
  if (!noEngine) mlx = onMlx(await Effect.runPromise(loadBinding))
})

/** Ways to look at x [1, length, 4, 32] that a library may take without moving numbers. */
const views: Readonly<Record<string, <T>(ops: Ops<T>, x: T) => T>> = {
  whole: (_ops, x) => x,
  "heads first": (ops, x) => ops.transpose(x, [0, 2, 1, 3]),
  "some of each row": (ops, x) => ops.slice(x, -1, 4, 20),
  "some rows": (ops, x) => ops.slice(x, 2, 1, 3),
  "some heads, first": (ops, x) => ops.transpose(ops.slice(x, 2, 1, 3), [0, 2, 1, 3]),
  "parts of heads, first": (ops, x) => ops.transpose(ops.slice(x, -1, 4, 20), [0, 2, 1, 3]),
  "heads from the middle of a row, first": (ops, x) => {
    const row = ops.slice(ops.reshape(x, [0, 0, -1]), -1, 16, 80)
    return ops.transpose(ops.reshape(row, [0, 0, 4, 16]), [0, 2, 1, 3])
  },
  turned: (ops, x) => ops.transpose(x, [0, 1, 3, 2]),
  gathered: (ops, x) => ops.takeRows(ops.transpose(x, [2, 0, 1, 3]), ops.constant([1, 0], [2])),
  repeated: (ops, x) => ops.repeat(x, 2, 2)
}

type Use = <T>(ops: Ops<T>, x: T) => T

/** For x of any lengths; its values may be given up for the result, as nobody else holds them. */
const uses: Readonly<Record<string, Use>> = {
  multiply: (ops, x) => ops.binary("multiply", x, 2),
  "add what is broadcast": (ops, x) => ops.binary("add", x, ops.reduce("max", ops.reduce("max", x, 1), 2)),
  "add the mean": (ops, x) => ops.binary("add", x, ops.reduce("mean", x, -1)),
  square: (ops, x) => ops.reduce("mean", ops.unary("square", x), -1),
  sum: (ops, x) => ops.reduce("sum", x, 1),
  max: (ops, x) => ops.reduce("max", x, 2),
  cumsum: (ops, x) => ops.cumsum(x, -1),
  "cumsum over rows": (ops, x) => ops.cumsum(x, 2),
  softmax: (ops, x) => ops.softmax(x, -1),
  "softmax over rows": (ops, x) => ops.softmax(x, 2),
  rmsNorm: (ops, x) => ops.rmsNorm(x, null, 0.01),
  layerNorm: (ops, x) => ops.layerNorm(x, null, null, 0.01),
  topIndices: (ops, x) => ops.topIndices(x, 3),
  keepTop: (ops, x) => ops.keepTop(x, 3),
  takeAlong: (ops, x) => ops.takeAlong(x, ops.topIndices(x, 3)),
  takeRows: (ops, x) => ops.takeRows(x, ops.constant([0, 0], [2])),
  matmul: (ops, x) => ops.matmul(x, ops.transpose(x, [0, 1, 3, 2])),
  concat: (ops, x) => ops.concat([x, x], 1),
  repeat: (ops, x) => ops.repeat(x, 2, 1),
  reshape: (ops, x) => ops.reshape(x, [-1]),
  slice: (ops, x) => ops.slice(x, -1, 1, 3),
  where: (ops, x) => ops.where(ops.binary("greater", x, 0), x, ops.reduce("mean", x, -1)),
  clip: (ops, x) => ops.clip(x, -0.1, 0.1),
  gelu: (ops, x) => ops.unary("gelu", x),
  silu: (ops, x) => ops.unary("silu", x)
}

const base = { _tag: "Base", base: 1000, positionScale: 1 } as const
const table = { _tag: "Table", rates: Float32Array.of(1, 0.1), magnitude: 1.5 } as const
const all = { _tag: "All" } as const

/** For x [batch, heads, length, size]. */
const headUses: Readonly<Record<string, Use>> = {
  rope: (ops, x) => ops.rope(x, { dims: 4, interleaved: false, rates: base }),
  "interleaved rope": (ops, x) => ops.rope(x, { dims: 4, interleaved: true, rates: base }),
  "rope by table": (ops, x) => ops.rope(x, { dims: 4, interleaved: false, rates: table }),
  "interleaved rope by table": (ops, x) => ops.rope(x, { dims: 4, interleaved: true, rates: table }),
  attend: (ops, x) => ops.attend(x, x, x, { scale: 1, visibility: all }),
  "attend with a softcap": (ops, x) => ops.attend(x, x, x, { scale: 1, visibility: all, softcap: 2 }),
  cached: (ops, x) => ops.cached("x", x, all)
}

/** For x [batch, length, …]. */
const lengthUses: Readonly<Record<string, Use>> = {
  state: (ops, x) => {
    ops.remember("x", x)
    return ops.state("x", { shape: [] })
  },
  scan: (ops, x) => {
    const sum = ops.reduce("sum", ops.slice(x, 1, 0, 1), -1)
    const { output } = ops.scan({ x }, { sum: ops.reshape(sum, [0, -1]) }, (inputs, states) => {
      const after = ops.binary("add", states.sum, ops.reshape(ops.reduce("sum", inputs.x, -1), [0, -1]))
      return { states: { sum: after }, output: ops.binary("multiply", ops.reshape(after, [0, -1, 1]), inputs.x) }
    })
    return output
  }
}

const randomStack = (count: number) => ({
  shape: [count, 8, 32],
  values: { words: words(count * 32, 3), scales: numbers(count * 8, 4), biases: numbers(count * 8, 5) }
})
const weights = { matrices: { one: { ...randomStack(1), shape: [8, 32] }, two: randomStack(2), four: randomStack(4) } }

/** For x [..., 32] and packed matrices. */
const matrixUses: Readonly<Record<string, Use>> = {
  linear: (ops, x) => ops.linear(x, "one", { rows: 8 }),
  "linear of a column": (ops, x) => ops.linear(ops.binary("add", x, ops.reduce("sum", x, 2)), "one", { rows: 8 })
}
const stackUses = (path: string, count: number): Readonly<Record<string, Use>> => ({
  headLinear: (ops, x) => ops.headLinear(x, path, { count, rows: 8 }),
  "headLinear of the middle": (ops, x) => ops.headLinear(ops.slice(x, 2, -1, null), path, { count, rows: 8 })
})
const expertUses: Readonly<Record<string, Use>> = {
  expertLinear: (ops, x) => {
    const chosen = ops.topIndices(ops.reshape(ops.slice(x, 3, 0, 2), [0, 0, -1]), 4)
    return ops.expertLinear(x, ops.binary("remainder", chosen, 4), "four", { count: 4, rows: 8 })
  }
}

/** The uses that fit a view: heads first, or the length where it was. */
const usesOf = (view: string) => ({
  ...uses,
  ...(view.endsWith("first") ? headUses : {}),
  ...(["whole", "heads first", "some rows", "some heads, first", "gathered", "repeated"].includes(view)
    ? matrixUses
    : {}),
  ...(view === "whole" ? expertUses : {}),
  ...(view === "heads first" ? stackUses("four", 4) : {}),
  ...(view === "some heads, first" ? stackUses("two", 2) : {}),
  ...(["whole", "some of each row", "some rows", "turned", "repeated"].includes(view) ? lengthUses : {})
})

describe.skipIf(noEngine)("what nobody else holds is used right", () => {
  const sources: Readonly<Record<string, Use>> = {
    given: (_ops, x) => x,
    computed: (ops, x) => ops.binary("add", x, 1)
  }
  it.each(Object.entries(views))("%s", (name, view) => {
    for (const length of [1, 3]) {
      for (const [from, source] of Object.entries(sources)) {
        for (const [what, use] of Object.entries(usesOf(name))) {
          const program: TestStep["program"] = (ops) => [
            use(ops, view(ops, source(ops, input(7, 1, length, 4, 32)(ops))))
          ]
          const step = [{ length, program }]
          close(mlx(weights, step)[0]?.[0], onReference(weights, step)[0]?.[0], `${what} of ${from} [${length}]`, 1e-4)
        }
      }
    }
  })
})
