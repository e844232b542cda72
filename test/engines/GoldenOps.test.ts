/** What mlx and mlx-lm computed for single operations, on every interpreter and written with the vocabulary. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadBinding } from "../../src/engines/mlx/Binding.js"
import { type Tensor, tensor } from "../../src/engines/reference/Tensor.js"
import type { Ops, Visibility } from "../../src/inference/Ops.js"
import { lengthOf } from "../../src/inference/Shape.js"
import { goldenOpsCases, goldenOpsTensors } from "../support/GoldenOps.js"
import { type Interpreter, onMlx, onReference, type TestStep } from "../support/Interpreters.js"
import { noEngine } from "../support/Native.js"

const interpreters: Record<string, Interpreter> = { reference: onReference }
beforeAll(async () => {
  if (!noEngine) interpreters["mlx"] = onMlx(await Effect.runPromise(loadBinding))
})
const names = noEngine ? ["reference"] : ["reference", "mlx"]

type Parameters = Readonly<Record<string, unknown>>

/** A file's cases with a way to their tensors. */
const casesOf = (file: string) => {
  const tensors = goldenOpsTensors(file)
  return goldenOpsCases(file).map(([name, parameters]) => {
    const find = (key: string) => tensors.get(`${name}.${key}`) ?? null
    const need = (key: string): Tensor => {
      const found = find(key)
      assert(found !== null, `tensor ${name}.${key}`)
      return found
    }
    return { name, parameters, find, need }
  })
}

const number = (parameters: Parameters, key: string): number | null => {
  const value = parameters[key]
  return typeof value === "number" ? value : null
}

const given = <T>(ops: Ops<T>, { data, shape }: Tensor): T => ops.constant(data, shape)

const close = (actual: Tensor | undefined, expected: Tensor, tolerance = 2e-5) => {
  assert.deepStrictEqual(actual?.shape, expected.shape)
  expected.data.forEach((value, i) => {
    const found = actual?.data[i] ?? Number.NaN
    if (Number.isFinite(value)) assert.approximately(found, value, tolerance * Math.max(1, Math.abs(value)), `[${i}]`)
    else assert.strictEqual(found, value, `[${i}]`)
  })
}

/** Holds the results of a single step against what they must be. */
const check = (
  length: number,
  expected: ReadonlyArray<Tensor>,
  program: TestStep["program"],
  before: ReadonlyArray<TestStep> = []
) => {
  for (const name of names) {
    const results = interpreters[name]?.({}, [...before, { length, program }]).at(-1) ?? []
    for (const [i, tensor] of expected.entries()) close(results[i], tensor)
  }
}

describe("activations", () => {
  const activations: Record<string, <T>(ops: Ops<T>, x: T, need: (key: string) => T) => T> = {
    silu: (ops, x) => ops.unary("silu", x),
    gelu: (ops, x) => ops.unary("gelu", x),
    gelu_approx: (ops, x) => ops.unary("geluTanh", x),
    softplus: (ops, x) => ops.unary("softplus", x),
    sigmoid: (ops, x) => ops.unary("sigmoid", x),
    relu2: (ops, x) => ops.unary("square", ops.unary("relu", x)),
    gelu_fast: (ops, x) => ops.binary("multiply", x, ops.unary("sigmoid", ops.binary("multiply", x, 1.702))),
    swiglu: (ops, x, need) => ops.binary("multiply", ops.unary("silu", need("gate")), x)
  }
  const cases = casesOf("activations").filter(({ name }) => Object.hasOwn(activations, name))
  it.each(cases)("$name", ({ name, need }) => {
    check(1, [need("y")], (ops) => {
      const result = activations[name]?.(ops, given(ops, need("x")), (key) => given(ops, need(key)))
      return result === undefined ? [] : [result]
    })
  })
})

describe("norms", () => {
  it.each(casesOf("norms").filter(({ name }) => name !== "delta-qk"))("$name", ({ find, name, need, parameters }) => {
    const eps = number(parameters, "eps") ?? 0
    check(1, [need("y")], (ops) => {
      const optional = (key: string) => {
        const found = find(key)
        return found === null ? null : given(ops, found)
      }
      const weight = optional("weight")
      const scaled = weight !== null && name === "rms-plus-one" ? ops.binary("add", weight, 1) : weight
      const x = given(ops, need("x"))
      return [
        String(parameters["kind"]).startsWith("rms")
          ? ops.rmsNorm(x, scaled, eps)
          : ops.layerNorm(x, scaled, optional("bias"), eps)
      ]
    })
  })
})

describe("attention", () => {
  it.each(casesOf("attention"))("$name", ({ find, need, parameters }) => {
    const window = number(parameters, "window")
    const visibility: Visibility = window === null ? { _tag: "All" } : { _tag: "Window", size: window }
    const length = lengthOf(need("q").shape, 2)
    const past = number(parameters, "past") ?? 0
    const spec = { scale: number(parameters, "scale") ?? 1, visibility, softcap: number(parameters, "softcap") }
    const [sinks, additive] = [find("sinks"), find("additive_mask")]
    const before = past === 0 ? [] : [{ length: past, program: () => [] }]
    check(
      length,
      [need("y")],
      (ops) => {
        const [q, k, v] = [given(ops, need("q")), given(ops, need("k")), given(ops, need("v"))]
        const extra = { sinks: sinks && given(ops, sinks), bias: additive && given(ops, additive) }
        return [ops.attend(q, k, v, { ...spec, ...extra })]
      },
      before
    )
  })
})

describe("rotating cache", () => {
  const cases = casesOf("rotating_cache")
  // Pinned first tokens and windows smaller than their cache are for no model.
  const runs = new Set(cases.map(({ name }) => name.replace(/\\.\\d+$/, "")))
  const usable = [...runs].filter((run) => run !== "keep-4" && run !== "smaller-window")
  it.each(usable)("%s", (run) => {
    const steps = cases.filter(({ name }) => name.startsWith(`${run}.`))
    for (const name of names) {
      let offset = 0
      const results = interpreters[name]?.(
        {},
        steps.map(({ parameters }) => {
          const [length, size] = [number(parameters, "length") ?? 0, number(parameters, "window") ?? 0]
          const from = offset
          offset += length
          return {
            length,
            program: (ops) => {
              const visibility = { _tag: "Window", size } as const
              const keys = ops.cached(
                "k",
                ops.constant(
                  Array.from({ length }, (_, i) => from + i),
                  [1, 1, length, 1]
                ),
                visibility
              )
              return [ops.reshape(keys, [-1]), ops.binary("equal", ops.visible(keys, visibility), 0)]
            }
          }
        })
      )
      let end = 0
      for (const [i, { find, need, parameters }] of steps.entries()) {
        const [keys, mask] = results?.[i] ?? []
        assert(keys !== undefined && mask !== undefined)
        end += number(parameters, "length") ?? 0
        assert.strictEqual(end, number(parameters, "offset_after"))
        // mlx's cache turns: its keys stand in another order, and those that nobody sees any more may still be there.
        const expected = Array.from(need("keys").data).sort((a, b) => a - b)
        assert.deepStrictEqual(Array.from(keys.data), expected.slice(-keys.data.length))
        const seen =
          find("mask") ??
          tensor(
            [1, expected.length],
            expected.map(() => 1)
          )
        const [length = 0, width = 0] = seen.shape
        const hidden = width - keys.data.length
        const rows = Array.from({ length }, (_, row) => Array.from(seen.data.slice(row * width, (row + 1) * width)))
        assert.isTrue(rows.every((row) => row.slice(0, hidden).every((value) => value === 0)))
        assert.deepStrictEqual(
          Array.from(mask.data),
          rows.flatMap((row) => row.slice(hidden))
        )
      }
    }
  })
})
