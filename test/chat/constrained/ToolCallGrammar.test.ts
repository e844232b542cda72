/** Demanded calls in the formats that don't write arguments as one JSON object: what is refused, and that all else is read back. */
import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { checkToolGrammars } from "../../../scripts/check/toolcall-grammars.js"
import { constraintGrammar } from "../../../src/chat/constrained/Constraints.js"
import type { ToolFormatName } from "../../../src/chat/toolcalls/Formats.js"

const FORMATS: ReadonlyArray<ToolFormatName> = [
  "qwen3-coder",
  "glm",
  "minimax",
  "gemma-function",
  "gemma4",
  "pythonic",
  "call-list"
]

const refusalOf = (toolFormat: ToolFormatName, parameters: object, strict = false) => {
  const tools = [{ name: "f", strict, parameters }]
  const model = { toolFormat, harmony: false, hasToken: () => false }
  return Either.match(constraintGrammar({ _tag: "ToolCalls", tools, parallel: true }, model), {
    onLeft: ({ keyword, path }) => [keyword, path],
    onRight: () => null
  })
}
const property = (schema: unknown, name = "a") => ({ type: "object", properties: { [name]: schema }, required: [name] })

const text = { type: "string" }
const refused: ReadonlyArray<readonly [ToolFormatName, object, keyword: string, path: string]> = [
  ["qwen3-coder", property({ anyOf: [text, { type: "integer" }] }), "anyOf", "#/properties/a"],
  ["qwen3-coder", property({ type: ["string", "object"] }), "type", "#/properties/a"],
  ["qwen3-coder", property({ enum: ["a", 1] }), "enum", "#/properties/a"],
  ["qwen3-coder", property({ ...text, enum: ["a", "Null"] }), "enum", "#/properties/a"],
  ["qwen3-coder", property({ const: "a</parameter>" }), "const", "#/properties/a"],
  ["qwen3-coder", property({ type: "integer", multipleOf: 2 }), "multipleOf", "#/properties/a"],
  ["qwen3-coder", property({ ...text, not: {} }), "not", "#/properties/a"],
  ["qwen3-coder", property({ ...text, pattern: "^null$" }), "pattern", "#/properties/a"],
  ["qwen3-coder", property(text, "a b"), "properties", "#/properties/a b"],
  ["glm", property({ ...text, enum: [" a"] }), "enum", "#/properties/a"],
  ["glm", property({ ...text, pattern: "^ " }), "pattern", "#/properties/a"],
  ["minimax", property({ enum: ["none", null] }), "enum", "#/properties/a"],
  ["gemma-function", property({ type: "array", items: text }), "type", "#/properties/a"],
  ["gemma-function", property({ ...text, enum: ["}"] }), "enum", "#/properties/a"],
  ["gemma4", property({ enum: [{ a: 1 }] }), "enum", "#/properties/a"],
  ["gemma4", property(text, "a-b"), "properties", "#/properties/a-b"],
  ["pythonic", property(text, "a-b"), "properties", "#/properties/a-b"],
  ...FORMATS.flatMap(
    (format): ReadonlyArray<readonly [ToolFormatName, object, string, string]> => [
      [format, { type: "object", properties: {}, required: ["b"] }, "required", "#"],
      [format, { ...property(text), minProperties: 2 }, "minProperties", "#"],
      [format, { ...property(text), maxProperties: 0 }, "maxProperties", "#"],
      [format, { ...property(text), propertyNames: {} }, "propertyNames", "#"],
      [format, { anyOf: [property(text)] }, "anyOf", "#"],
      [format, property({ type: "object", properties: { b: { $ref: "#" } } }), "$ref", "#/properties/a"]
    ]
  )
]

describe("parameters of a call", () => {
  it.each(refused.map(([format, schema, ...expected]) => [format, JSON.stringify(schema), schema, expected] as const))(
    "in the format %s: %s is refused with its keyword",
    (format, _, schema, expected) => {
      assert.deepStrictEqual(refusalOf(format, schema), expected)
    }
  )

  it("are refused in strict mode where others are allowed", () => {
    const open = { ...property(text), additionalProperties: true }
    for (const format of FORMATS) {
      assert.deepStrictEqual(refusalOf(format, open, true), ["additionalProperties", "#"])
      assert.isNull(refusalOf(format, open))
    }
  })

  it("are refused at the place in the definitions that is to blame", () => {
    const schema = { ...property({ type: "array", items: { $ref: "#/$defs/odd" } }), $defs: { odd: { multipleOf: 2 } } }
    assert.deepStrictEqual(refusalOf("glm", schema), ["multipleOf", "#/$defs/odd"])
  })

  it("may be texts or null, and what references lead to", () => {
    const $defs = { day: { enum: ["mo", "tu"] }, maybe: { anyOf: [text, { type: "null" }] } }
    for (const format of FORMATS) {
      for (const schema of [
        { $ref: "#/$defs/day" },
        { $ref: "#/$defs/maybe" },
        { type: ["string", "null"] },
        {},
        true
      ]) {
        assert.isNull(refusalOf(format, { ...property(schema), $defs }), `${format} ${JSON.stringify(schema)}`)
      }
    }
  })
})

describe("calls of random tools", () => {
  it.each(FORMATS)(
    "in the format %s are read back as valid ones",
    async (format) => {
      let finished = 0
      for await (const verdict of checkToolGrammars({ format, runs: 6, count: 3, seed: 3 })) {
        assert.isNull(verdict.problem, verdict.name)
        finished += verdict.finished
      }
      assert.isAtLeast(finished, 5)
    },
    120_000
  )
})
