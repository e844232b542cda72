import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import type { Ops } from "../../src/inference/Ops.js"
import { traceDecoder } from "../../src/inference/Trace.js"

const VOCABULARY = 40
const WIDTH = 8

/** A decoder whose last step is a head, so that only `body` can be wrong. */
const traced = (body: <T>(ops: Ops<T>, ids: T) => T) =>
  traceDecoder({
    vocabSize: VOCABULARY,
    storedAs: (name) => name,
    forward: (ops, ids) => ops.linear(body(ops, ids), "head", { rows: VOCABULARY })
  })

const problem = (body: <T>(ops: Ops<T>, ids: T) => T): string => {
  const failed = Either.getOrThrow(Either.flip(traced(body)))
  return failed._tag === "BadConfig" ? failed.problem : failed.reason
}

const rows = (count: number) => ({ rows: count, columns: WIDTH })

describe("indices", () => {
  it("of tokens need a row for each", () => {
    assert.isTrue(Either.isRight(traced((ops, ids) => ops.embedding(ids, "table", rows(VOCABULARY)))))
    assert.match(
      problem((ops, ids) => ops.embedding(ids, "table", rows(VOCABULARY - 1))),
      /39 rows of table/
    )
  })

  it("that are computed need a bound", () => {
    assert.match(
      problem((ops, ids) => ops.embedding(ops.binary("add", ids, 1), "table", rows(1000))),
      /1000 rows of table/
    )
    assert.isTrue(Either.isRight(traced((ops, ids) => ops.embedding(ops.binary("minimum", ids, 9), "table", rows(10)))))
    assert.isTrue(
      Either.isRight(traced((ops, ids) => ops.embedding(ops.binary("remainder", ids, 10), "table", rows(10))))
    )
    assert.match(
      problem((ops, ids) => ops.embedding(ops.where(ids, ops.binary("minimum", ids, 9), 10), "table", rows(10))),
      /10 rows of table/
    )
  })

  it("of experts and of choices stay among them", () => {
    const routed =
      (count: number) =>
      <T>(ops: Ops<T>, ids: T): T => {
        const x = ops.embedding(ids, "table", rows(VOCABULARY))
        const chosen = ops.topIndices(ops.linear(x, "router", { rows: 4 }), 1)
        const answers = ops.expertLinear(ops.reshape(x, [0, 0, 1, -1]), chosen, "experts", { count, rows: WIDTH })
        return ops.reshape(answers, [0, 0, WIDTH])
      }
    assert.isTrue(Either.isRight(traced(routed(4))))
    assert.match(problem(routed(3)), /3 rows of experts/)
    const picked = <T>(ops: Ops<T>): T =>
      ops.takeRows(ops.weight("few", [2, WIDTH]), ops.reshape(ops.topIndices(ops.weight("many", [1, 5, 3]), 1), [1, 5]))
    assert.match(problem(picked), /2 rows of a table/)
  })

  it("of positions limit the sequence", () => {
    const placed = <T>(ops: Ops<T>, ids: T): T => {
      const tokens = ops.embedding(ids, "table", rows(VOCABULARY))
      return ops.binary("add", tokens, ops.embedding(ops.positions(), "places", rows(96)))
    }
    assert.strictEqual(Either.getOrThrow(traced(placed)).maxPositions, 96)
  })
})

describe("rope", () => {
  const turned =
    (dims: number) =>
    <T>(ops: Ops<T>, ids: T): T => {
      const heads = ops.reshape(ops.embedding(ids, "table", rows(VOCABULARY)), [0, 1, -1, WIDTH])
      const rates = { _tag: "Base", base: 10_000, positionScale: 1 } as const
      return ops.reshape(ops.rope(heads, { dims, interleaved: false, rates }), [0, -1, WIDTH])
    }

  it.each([7, 10])("of %d dimensions of 8 is refused", (dims) => {
    assert.match(problem(turned(dims)), new RegExp(`rope of ${dims} dimensions`))
  })

  it("of all or of a few pairs is not", () => {
    for (const dims of [2, 8]) assert.isTrue(Either.isRight(traced(turned(dims))))
  })
})
