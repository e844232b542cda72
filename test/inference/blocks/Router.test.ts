import { assert, describe, it } from "@effect/vitest"
import { type Tensor, tensor } from "../../../src/engines/reference/Tensor.js"
import { decide, type Router } from "../../../src/inference/blocks/Router.js"
import { sparseMixer } from "../../../src/inference/blocks/SparseMixer.js"
import { goldenOpsCases, goldenOpsTensors } from "../../support/GoldenOps.js"
import { onReference } from "../../support/Interpreters.js"

const EXPERTS = 8
const BIAS = "bias"

type Parameters = Readonly<Record<string, unknown>>
type Spec = Omit<Router, "path" | "bias">

const count = (parameters: Parameters, name: string): number => {
  const value = parameters[name]
  assert(typeof value === "number")
  return value
}

const sigmoidGroups = (parameters: Parameters): Spec => {
  const [groups, keep, chosen] = [
    count(parameters, "n_group"),
    count(parameters, "topk_group"),
    count(parameters, "top_k")
  ]
  return {
    score: "sigmoid",
    chosen,
    choiceBias: BIAS,
    groups: groups === 1 ? null : { count: groups, keep, by: "bestTwo" },
    normalize: parameters["norm_topk_prob"] === true && chosen > 1 ? 0 : null,
    scale: count(parameters, "routed_scaling_factor")
  }
}

const specOf = (name: string, parameters: Parameters): Spec => {
  if (name.startsWith("sigmoid-groups")) return sigmoidGroups(parameters)
  const chosen = count(parameters, "top_k")
  return name.startsWith("softmax-of-selected")
    ? { score: "chosenSoftmax", chosen }
    : { score: "softmax", chosen, normalize: parameters["normalised"] === true ? 0 : null }
}

/** What each of `EXPERTS` experts counts for each token, 0 for those that aren't chosen. */
const spread = (chosen: Tensor, weights: Tensor, tokens: number): ReadonlyArray<number> => {
  const all = Array.from({ length: tokens * EXPERTS }, () => 0)
  const k = chosen.data.length / tokens
  chosen.data.forEach((expert, i) => {
    all[Math.floor(i / k) * EXPERTS + expert] = weights.data[i] ?? Number.NaN
  })
  return all
}

const decided = (logits: Tensor, spec: Spec, bias: Tensor | undefined): ReadonlyArray<number> => {
  const tokens = logits.data.length / EXPERTS
  const tensors = bias === undefined ? {} : { [BIAS]: bias }
  const [results = []] = onReference({ tensors }, [
    {
      length: tokens,
      program: (ops) => {
        const { chosen, weights } = decide(ops, ops.constant(logits.data, [1, tokens, EXPERTS]), EXPERTS, spec)
        return [chosen, weights]
      }
    }
  ])
  const [chosen, weights] = results
  assert(chosen !== undefined && weights !== undefined)
  return spread(chosen, weights, tokens)
}

describe("against mlx-lm", () => {
  const tensors = goldenOpsTensors("routing")
  it.each([...goldenOpsCases("routing")])("%s", (name, parameters) => {
    const logits = tensors.get(`${name}.logits`)
    const expected = tensors.get(`${name}.weights`)
    assert(logits !== undefined && expected !== undefined)
    const found = decided(logits, specOf(name, parameters), tensors.get(`${name}.correction_bias`))
    assert.strictEqual(found.length, expected.data.length)
    for (const [i, value] of found.entries())
      assert.approximately(value, expected.data[i] ?? Number.NaN, 1e-6, `[${i}]`)
  })
})

const logits = (...values: ReadonlyArray<number>) => tensor([1, EXPERTS], Float32Array.from(values))
const chosenOf = (weights: ReadonlyArray<number>) => weights.flatMap((weight, expert) => (weight === 0 ? [] : [expert]))

describe("groups", () => {
  const bias = logits(-2, -2, 0, 0, 0, 0, -2, -2)
  const scores = logits(0, 0, 4, 4, 3, 3, 0, 0)
  const groups = { count: 4, keep: 1, by: "bestTwo" } as const
  const spec: Spec = { score: "sigmoid", chosen: 3, choiceBias: BIAS, groups }

  it("dropped experts count 0, which is more than a negative score; the first of them is taken", () => {
    assert.deepStrictEqual(chosenOf(decided(scores, spec, bias)), [0, 2, 3])
  })

  it("or the last of them", () => {
    assert.deepStrictEqual(
      chosenOf(decided(scores, { ...spec, groups: { ...groups, lastFirst: true } }, bias)),
      [2, 3, 7]
    )
  })

  it("rank by their best expert or by their two best", () => {
    const uneven = logits(3, -9, 2, 2, 0, 0, 0, 0)
    const one: Spec = { score: "sigmoid", chosen: 1, groups }
    assert.deepStrictEqual(chosenOf(decided(uneven, one, undefined)), [2])
    assert.deepStrictEqual(chosenOf(decided(uneven, { ...one, groups: { ...groups, by: "best" } }, undefined)), [0])
  })
})

describe("experts one after another", () => {
  const mixed = (jitter: number) => {
    const [results = []] = onReference({}, [
      {
        length: 1,
        program: (ops) => {
          const given = ops.constant([1, 3, 2.9, 0, -1, -2, -3, -4], [1, 1, EXPERTS])
          const { chosen, weights } = sparseMixer(ops, given, EXPERTS, { chosen: 2, jitter })
          return [chosen, weights]
        }
      }
    ])
    const [chosen, weights] = results
    assert(chosen !== undefined && weights !== undefined)
    return { chosen: [...chosen.data], weights: [...weights.data] }
  }

  it("only logits near the best one share its weight", () => {
    const { chosen, weights } = mixed(0.05)
    assert.deepStrictEqual(chosen, [1, 2])
    assert.approximately(weights[0] ?? 0, 1 / (1 + Math.exp(-0.1)), 1e-6)
    assert.approximately(weights[1] ?? 0, 1, 1e-6)
  })

  it("without tolerance each one counts fully", () => {
    assert.deepStrictEqual(mixed(0).weights, [1, 1])
  })
})
