import { assert, describe, it } from "@effect/vitest"
import { selected } from "../../../src/domain/Patterns.js"
import { makePace } from "../../../src/hub/transfer/Pace.js"
import { nameProblem } from "../../../src/hub/transfer/Plan.js"
import { makeRateLimit } from "../../../src/hub/transfer/RateLimit.js"
import { backoffMs, isRange, verdict } from "../../../src/hub/transfer/Retry.js"

describe("names on a volume", () => {
  const linux = { ignoresCase: false, windows: false }
  const cases: ReadonlyArray<readonly [paths: ReadonlyArray<string>, rules: typeof linux, refused: boolean]> = [
    [["README.md", "readme.md"], linux, false],
    [["README.md", "readme.md"], { ...linux, ignoresCase: true }, true],
    [["a/x", "A/x"], { ...linux, ignoresCase: true }, true],
    [["caf\u00e9", "cafe\u0301"], { ...linux, ignoresCase: true }, true],
    [["a/x", "b/X"], { ...linux, ignoresCase: true }, false],
    [["aux.txt"], linux, false],
    [["aux.txt"], { ...linux, windows: true }, true],
    [["sub/NUL"], { ...linux, windows: true }, true],
    [["nullable.txt"], { ...linux, windows: true }, false],
    [["what?"], { ...linux, windows: true }, true],
    [["dot."], { ...linux, windows: true }, true]
  ]
  for (const [paths, rules, refused] of cases) {
    it(`${paths.join(" and ")}: ${JSON.stringify(rules)}`, () => {
      assert.strictEqual(nameProblem(paths, rules) !== null, refused)
    })
  }
})

describe("patterns", () => {
  const files = ["config.json", "README.md", "sub/model.safetensors", "a[1].txt", "a1.txt"].map((path) => ({ path }))
  const pick = (include: ReadonlyArray<string>, exclude: ReadonlyArray<string> = []) =>
    selected(files, { include, exclude }).map(({ path }) => path)
  const cases: ReadonlyArray<readonly [include: ReadonlyArray<string>, exclude: ReadonlyArray<string>, count: number]> =
    [
      [[], [], 5],
      [["*.json"], [], 1],
      [["*"], ["*.md"], 4],
      [["*.safetensors"], [], 1],
      [["sub/"], [], 1],
      [["a[0-9].txt"], [], 1],
      [["a[!0-9]*"], [], 1],
      [["a?.txt"], [], 1],
      [["[", "x"], [], 0],
      [["*.JSON"], [], 0]
    ]
  for (const [include, exclude, count] of cases) {
    it(`${include.join(" ")} without ${exclude.join(" ")}`, () => assert.lengthOf(pick(include, exclude), count))
  }

  it("costs no exponential time", () => {
    assert.lengthOf(selected([{ path: "a".repeat(5000) }], { include: ["*".repeat(5000)], exclude: [] }), 1)
  })
})

describe("answers", () => {
  it("mean what their status says, seen from the Hub and from the storage", () => {
    assert.deepEqual(
      [200, 206, 302, 307, 401, 403, 404, 408, 416, 429, 500, 503, 418].map((status) => [
        verdict(status, true),
        verdict(status, false)
      ]),
      [
        ["bytes", "bytes"],
        ["bytes", "bytes"],
        ["redirect", "redirect"],
        ["redirect", "redirect"],
        ["refused", "expired"],
        ["refused", "expired"],
        ["refused", "expired"],
        ["transient", "transient"],
        ["transient", "transient"],
        ["transient", "transient"],
        ["transient", "transient"],
        ["transient", "transient"],
        ["refused", "transient"]
      ]
    )
  })

  it("carry the range that was asked for, or are refused", () => {
    const asked = { from: 10, to: 20, size: 100 }
    assert.isTrue(isRange("bytes 10-19/100", asked))
    assert.isTrue(isRange("bytes 10-15/*", asked))
    for (const other of [null, "bytes 11-19/100", "bytes 10-20/100", "bytes 10-19/101", "bytes */100", "10-19"]) {
      assert.isFalse(isRange(other, asked), String(other))
    }
  })

  it("are waited for longer and longer, up to a bound", () => {
    assert.deepEqual(
      [1, 2, 3, 9, 99].map((failures) => backoffMs(failures, 500, 1)),
      [500, 1000, 2000, 30_000, 30_000]
    )
    assert.strictEqual(backoffMs(1, 500, 0), 250)
  })
})

describe("pace", () => {
  /** A pace, and a way to let all its requests come to their ends once, at a rate. */
  const paceAt = (files: number) => {
    let now = 0
    let bytes = 0
    const pace = makePace(files, () => now)
    const round = (rate: number, milliseconds = 1000) => {
      const requests = pace.limit()
      now += milliseconds
      bytes += rate * milliseconds
      for (let count = 0; count < requests; count++) pace.completed(bytes)
      return pace.limit()
    }
    return { pace, round }
  }

  it("grows while that brings more, goes back when it doesn't, and halves in trouble", () => {
    const { pace, round } = paceAt(1)
    assert.strictEqual(pace.limit(), 8)
    // The connections of the first round are new.
    assert.strictEqual(round(100), 8)
    assert.strictEqual(round(1000), 12)
    assert.strictEqual(round(1100), 8)
    assert.strictEqual(round(1100), 8)
    assert.strictEqual(round(1300), 12)
    assert.strictEqual(round(1900), 18)
    assert.strictEqual(round(2800), 27)
    assert.strictEqual(round(4000), 32)
    assert.strictEqual(round(5000), 32)
    assert.strictEqual(round(10), 32)
    for (let step = 0; step < 9; step++) pace.congested()
    assert.strictEqual(pace.limit(), 1)
    assert.strictEqual(round(1000), 1)
    assert.strictEqual(round(1000), 2)
  })

  it("measures for half a second at least", () => {
    const { round } = paceAt(1)
    const limits = Array.from({ length: 16 }, () => round(1000, 100))
    assert.deepStrictEqual(limits, [8, 8, 8, 8, 8, 8, 8, 8, 8, 12, 12, 12, 12, 12, 8, 8])
  })

  it("begins with a request for each of many files", () => {
    assert.deepStrictEqual(
      [1, 20, 100_000].map((files) => makePace(files, () => 0).limit()),
      [8, 20, 32]
    )
  })
})

describe("rate", () => {
  it("is kept over all connections", () => {
    let now = 0
    const rate = makeRateLimit(1000, () => now)
    assert.strictEqual(rate.take(500), 500)
    assert.strictEqual(rate.take(500), 1000)
    now = 5000
    assert.strictEqual(rate.take(1), 0)
  })
})
