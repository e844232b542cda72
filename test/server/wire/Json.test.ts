import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { decodeJson, MAX_BODY_DEPTH, MAX_BODY_VALUES } from "../../../src/server/wire/Json.js"

const utf8 = (text: string) => new TextEncoder().encode(text)
const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)

describe("decodeJson", () => {
  it("reads JSON, control characters inside strings included", () => {
    assert.deepStrictEqual(
      decodeJson(utf8('{"a":"\\u0000\\u001b\u{1F600}","b":1.0}')),
      Either.right({ data: { a: "\0\x1b\u{1F600}", b: 1 }, text: '{"a":"\\u0000\\u001b\u{1F600}","b":1.0}' })
    )
    assert.isTrue(Either.isRight(decodeJson(utf8(nested(MAX_BODY_DEPTH)))))
  })

  const bad: ReadonlyArray<readonly [name: string, body: Uint8Array, problem: string]> = [
    ["nothing", utf8(""), "the body is empty; send a JSON object"],
    ["white space", utf8(" \n"), "the body is empty; send a JSON object"],
    ["half a document", utf8('{"a":'), "the body is not valid JSON"],
    ["two documents", utf8("{} {}"), "the body is not valid JSON"],
    ["a byte that isn't UTF-8", new Uint8Array([34, 0xff, 34]), "the body is not valid UTF-8"],
    ["nesting", utf8(nested(MAX_BODY_DEPTH + 1)), "the body is nested deeper than 128 levels"],
    ["a million brackets", utf8("[".repeat(1_000_000)), "the body is nested deeper than 128 levels"],
    ["too many values", utf8(`[${"1,".repeat(MAX_BODY_VALUES)}1]`), "the body is made of more than 200000 values"],
    ["a flaw behind a long list", utf8(`[[${"1,".repeat(150_000)}1],{"a":[1e999]}]`), "a number is out of range"],
    ["an overflowing number", utf8('{"a":[1e999]}'), "a number is out of range"],
    ["NaN", utf8('{"a":NaN}'), "a number is out of range"],
    ["Infinity", utf8("-Infinity"), "a number is out of range"],
    ["a lone surrogate", utf8('{"a":"\\ud800"}'), "a string has a lone surrogate"],
    ["a lone surrogate in a key", utf8('{"\\udc00":1}'), "a string has a lone surrogate"]
  ]
  for (const [name, body, problem] of bad) {
    it(`refuses ${name}`, () => {
      const result = decodeJson(body)
      assert.deepStrictEqual(
        Either.mapLeft(result, (error) => [error.param, error.problem]),
        Either.left([null, problem])
      )
    })
  }
})
