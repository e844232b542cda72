/** What mlx-lm computed for recurrences, on every interpreter, by the blocks that architectures use. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { loadBinding } from "../../src/engines/mlx/Binding.js"
import { type Tensor, tensor } from "../../src/engines/reference/Tensor.js"
import { causalConv } from "../../src/inference/blocks/CausalConv.js"
import { decayOf, deltaRule } from "../../src/inference/blocks/DeltaRule.js"
import { stateSpace } from "../../src/inference/blocks/StateSpace.js"
import type { Ops } from "../../src/inference/Ops.js"
import { lengthOf } from "../../src/inference/Shape.js"
import { goldenOpsCases, goldenOpsTensors } from "../support/GoldenOps.js"
import { type Interpreter, onMlx, onReference } from "../support/Interpreters.js"
import { noEngine } from "../support/Native.js"
import { close } from "../support/Numbers.js"

const interpreters: Array<Interpreter> = [onReference]
beforeAll(async () => {
  if (!noEngine) interpreters.push(onMlx(await Effect.runPromise(loadBinding)))
})

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
type Case = ReturnType<typeof casesOf>[number]

const given = <T>(ops: Ops<T>, { data, shape }: Tensor): T => ops.constant(data, shape)

/** Runs a recurrence over all positions at once and in two parts, from the case's state, and looks at what it leaves. */
const check = (
  { find, need }: Case,
  state: string,
  inputs: ReadonlyArray<string>,
  tensors: Readonly<Record<string, Tensor>>,
  body: <T>(ops: Ops<T>, input: (name: string) => T, length: number) => T
) => {
  const length = lengthOf(need("y").shape, 1)
  const [start, after] = [find("state"), need("state_out")]
  const remember = {
    length: 1,
    program: <T>(ops: Ops<T>) => {
      if (start !== null) ops.remember(state, given(ops, start))
      return []
    }
  }
  const part = (from: number, to: number) => ({
    length: to - from,
    program: <T>(ops: Ops<T>) => {
      const found = new Map(inputs.map((name) => [name, ops.slice(given(ops, need(name)), 1, from, to)]))
      const input = (name: string) => found.get(name) ?? assert.fail(name)
      return [body(ops, input, to - from), ops.state(state, { shape: after.shape.slice(1) })]
    }
  })
  for (const interpreter of interpreters) {
    for (const ends of [[0, length], [0, 4, length], Array.from({ length: length + 1 }, (_, i) => i)]) {
      const steps = ends.slice(1).map((end, i) => part(ends[i] ?? 0, end))
      const results = interpreter({ tensors }, [remember, ...steps]).slice(1)
      const rows = results.flatMap(([output]) => Array.from(output?.data ?? []))
      close(tensor(need("y").shape, rows), need("y"), "output", 3e-5)
      close(results.at(-1)?.[1], after, "state", 3e-5)
    }
  }
}

const recurrences = casesOf("recurrences")
const starting = (prefix: string) => recurrences.filter(({ name }) => name.startsWith(prefix))

describe("gated delta rule", () => {
  it.each(starting("delta"))("$name", (row) => {
    const [, , keyHeads = 1, keySize = 1] = row.need("q").shape
    const [, , valueHeads = 1, valueSize = 1] = row.need("v").shape
    const spec = { state: "s", keyHeads, keySize, valueHeads, valueSize }
    check(row, "s", ["q", "k", "v", "a", "b"], {}, (ops, input) => {
      const strength = ops.unary("sigmoid", ops.reshape(input("b"), [0, 0, -1, 1]))
      const rate = given(ops, row.need("A_log"))
      const vectors = row.need("a").shape.length === 4
      const decay = () => {
        const steps = ops.unary("softplus", ops.binary("add", input("a"), given(ops, row.need("dt_bias"))))
        const factor = ops.reshape(ops.unary("exp", rate), [-1, 1])
        return ops.unary("exp", ops.unary("negative", ops.binary("multiply", steps, factor)))
      }
      return deltaRule(
        ops,
        {
          queries: input("q"),
          keys: input("k"),
          values: input("v"),
          decay: vectors ? decay() : decayOf(ops, input("a"), rate, given(ops, row.need("dt_bias"))),
          strength: row.parameters["allow_neg_eigval"] === true ? ops.binary("multiply", strength, 2) : strength
        },
        spec
      )
    })
  })
})

describe("state space", () => {
  it.each(starting("ssd"))("$name", (row) => {
    const [, , heads = 1, headSize = 1] = row.need("x").shape
    const [, , groups = 1, state = 1] = row.need("B").shape
    const limit = row.parameters["time_step_limit"]
    assert(Array.isArray(limit))
    const spec = { path: "m", heads, headSize, groups, state, stepLimit: [Number(limit[0]), Number(limit[1])] as const }
    const tensors = { "m.A_log": row.need("A_log"), "m.D": row.need("D"), "m.dt_bias": row.need("dt_bias") }
    check(row, "m.state", ["x", "B", "C", "dt"], tensors, (ops, input) => {
      const flat = (name: string) => ops.reshape(input(name), [0, 0, -1])
      const result = stateSpace(ops, { x: flat("x"), inputs: flat("B"), outputs: flat("C"), steps: input("dt") }, spec)
      return ops.reshape(result, [0, 0, heads, headSize])
    })
  })
})

describe("causal convolution", () => {
  it.each(starting("conv"))("$name", (row) => {
    const [channels = 1, taps = 1] = row.need("weight").shape
    const tensors = { "c.weight": row.need("weight"), "c.bias": row.need("bias") }
    check(row, "c.inputs", ["x"], tensors, (ops, input) =>
      causalConv(ops, input("x"), { path: "c", channels, taps, bias: true })
    )
  })
})
