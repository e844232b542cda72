import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { MAX_JSON_DEPTH, parseJson } from "../../src/domain/Json.js"

const parse = (text: string) => parseJson(text, { maxDepth: MAX_JSON_DEPTH })

describe("parseJson", () => {
  it("reads what JSON.parse reads", () => {
    const text = '{"a": [1, -2.5e3, "x\\"[{", null, true], "b": {"": "NaN Infinity"}}'
    assert.deepStrictEqual(parse(text), Either.right(JSON.parse(text)))
  })

  it("reads Python's non-finite numbers", () => {
    const value = Either.getOrThrow(parse('[NaN, Infinity, -Infinity, {"k": NaN}]'))
    assert.deepStrictEqual(value, [Number.NaN, Infinity, -Infinity, { k: Number.NaN }])
  })

  it.each(["", "{", "[1,]", "'a'", "-NaN", "\uFEFF{}", '"unterminated', "NaNNaN", "]"])("refuses %j", (text) => {
    assert.deepStrictEqual(parse(text), Either.left("not valid JSON"))
  })

  it("counts nesting outside strings only", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)
    assert.isTrue(Either.isRight(parse(nested(MAX_JSON_DEPTH))))
    assert.deepStrictEqual(parse(nested(MAX_JSON_DEPTH + 1)), Either.left("nested deeper than 512 levels"))
    assert.isTrue(Either.isRight(parse(JSON.stringify("[".repeat(MAX_JSON_DEPTH + 1)))))
  })

  it("survives a million open brackets", () => {
    assert.isTrue(Either.isLeft(parse('{"a":'.repeat(1_000_000))))
  })

  it("counts values outside strings only, before it builds any", () => {
    const limited = (text: string) => parseJson(text, { maxDepth: 9, maxValues: 9 })
    assert.isTrue(Either.isRight(limited(JSON.stringify("[{,:".repeat(10)))))
    assert.isTrue(Either.isRight(limited("[1,2,3,4,5,6,7,8]")))
    for (const text of [
      "[1,2,3,4,5,6,7,8,9]",
      "[[],[],[],[],[]]",
      '{"a":1,"b":2,"c":3,"d":4,"e":5}',
      `[${"1,".repeat(1_000_000)}`,
      "NaN".repeat(10),
      "Infinity".repeat(10)
    ]) {
      assert.deepStrictEqual(limited(text), Either.left("made of more than 9 values"))
    }
  })

  it("has no limit on values when none is given", () => {
    assert.isTrue(Either.isRight(parse(`[${"1,".repeat(1_000_000)}1]`)))
  })
})
