/** What is refused, and that what a model without sense writes under a constraint is what was asked for. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { SCHEMAS } from "../../../scripts/check/constrained-cases.js"
import { subject, writer } from "../../../scripts/check/constrained-run.js"
import { checkSchemas } from "../../../scripts/check/constrained-schemas.js"
import { checkPatterns } from "../../../scripts/check/patterns.js"
import { makeRandom } from "../../../scripts/check/Random.js"
import { fuzzSchemas } from "../../../scripts/check/schemas.js"
import { answerStream } from "../../../src/chat/AnswerStream.js"
import { type AnswerModel, constraintGrammar } from "../../../src/chat/constrained/Constraints.js"
import type { ToolFormatName } from "../../../src/chat/toolcalls/Formats.js"
import type { Constraint } from "../../../src/domain/Constraint.js"

const model: AnswerModel = { toolFormat: "hermes", harmony: false, hasToken: () => false }

const schemaOf = (schema: unknown, strict = false): Constraint => ({ _tag: "JsonSchema", schema, strict })
const nested = (depth: number): unknown =>
  Array.from({ length: depth }).reduce<unknown>((inner) => ({ type: "array", items: inner }), { type: "null" })

const refused: ReadonlyArray<readonly [constraint: Constraint, keyword: string | null, path: string]> = [
  [schemaOf({ not: {} }), "not", "#"],
  [schemaOf({ type: "object", properties: { "a/b": { if: {} } } }), "if", "#/properties/a~1b"],
  [schemaOf({ type: "object", patternProperties: {} }), "patternProperties", "#"],
  [schemaOf({ type: "array", contains: {} }), "contains", "#"],
  [schemaOf({ type: "array", uniqueItems: true }), "uniqueItems", "#"],
  [schemaOf({ type: "array", items: [{}] }), "items", "#"],
  [schemaOf({ type: "number", multipleOf: 2 }), "multipleOf", "#"],
  [schemaOf({ type: "integer", minimum: 3, maximum: 2 }), "minimum", "#"],
  [schemaOf({ type: "string", format: "iri" }), "format", "#"],
  [schemaOf({ type: "string", pattern: "(?=a)" }), "pattern", "#"],
  [schemaOf({ type: "string", pattern: "a\\b" }), "pattern", "#"],
  [schemaOf({ type: "string", pattern: "a", maxLength: 3 }), "maxLength", "#"],
  [schemaOf({ type: "string", maxLength: 100_001 }), "maxLength", "#"],
  [schemaOf({ type: "string", minLength: 0.5 }), "minLength", "#"],
  [schemaOf({ type: "string", pattern: "^(?:a{1000}b){1000}$" }), "pattern", "#"],
  [schemaOf({ anyOf: Array.from({ length: 300 }, (_, i) => ({ type: "string", maxLength: i })) }), null, "#"],
  [schemaOf({ type: "strin" }), "type", "#"],
  [schemaOf({ enum: [] }), "enum", "#"],
  [schemaOf({ enum: Array.from({ length: 2001 }, (_, i) => i) }), "enum", "#"],
  [schemaOf({ $ref: "https://example.org/schema" }), "$ref", "#"],
  [schemaOf({ $ref: "#" }), "$ref", "#"],
  [schemaOf({ $ref: "#/$defs/none" }), "$ref", "#"],
  [schemaOf({ allOf: [{}, {}] }), "allOf", "#"],
  [schemaOf({ oneOf: [{ type: "integer" }, { type: "number" }] }), "oneOf", "#"],
  [schemaOf({ anyOf: [{ type: "string" }], type: "string" }), "type", "#"],
  [schemaOf({ type: "object", additionalProperties: {} }, true), "additionalProperties", "#"],
  [schemaOf(nested(200)), null, `#${"/items".repeat(65)}`],
  [schemaOf({ const: "x".repeat(200_000) }), null, "#"],
  [schemaOf(7), null, "#"],
  [{ _tag: "Regex", pattern: "(a" }, null, "#"],
  [{ _tag: "Regex", pattern: "[^\\s\\S]" }, null, "#"],
  [{ _tag: "Regex", pattern: "a".repeat(5000) }, null, "#"],
  [{ _tag: "Choice", choices: [] }, null, "#"],
  [{ _tag: "ToolCalls", tools: [], parallel: false }, null, "#"]
]

describe("a constraint", () => {
  it.each(
    refused.map(
      ([constraint, keyword, path]) => [JSON.stringify(constraint).slice(0, 100), constraint, keyword, path] as const
    )
  )("%s is refused with its keyword", (_, constraint, keyword, path) => {
    const error = Either.getOrThrow(Either.flip(constraintGrammar(constraint, model)))
    assert.deepStrictEqual([error.keyword, error.path], [keyword, path])
  })

  it("holds what a model without sense writes", async () => {
    const wrong: Array<string> = []
    const { failed, passed } = await checkSchemas({
      family: "qwen3",
      count: 4,
      schemas: SCHEMAS,
      report: (line) => wrong.push(line)
    })
    assert.deepStrictEqual(failed, 0, wrong.join("\n"))
    assert.isAtLeast(passed, 100)
  }, 120_000)

  it("holds patterns to what JavaScript's expressions match", async () => {
    const wrong: Array<string> = []
    for await (const { problem } of checkPatterns({ runs: 150, seed: 1 })) if (problem !== null) wrong.push(problem)
    assert.deepStrictEqual(wrong, [])
  }, 60_000)

  it("is made of any schema, or refused", async () => {
    const wrong: Array<string> = []
    for await (const { problem } of fuzzSchemas({ runs: 300, seed: 1, answered: 60 }))
      if (problem !== null) wrong.push(problem)
    assert.deepStrictEqual(wrong, [])
  }, 120_000)

  it("holds answers that are patterns or choices as a whole", async () => {
    const at = await subject("qwen3", { toolFormat: null, harmony: false })
    const wholes: ReadonlyArray<readonly [constraint: Constraint, fits: (text: string) => boolean]> = [
      [{ _tag: "Regex", pattern: '(?:"a"|bc)*d?' }, (text) => /^(?:"a"|bc)*d?$/.test(text)],
      [{ _tag: "Regex", pattern: "[^\\x00-\\x7f]{2}" }, (text) => /^\P{ASCII}{2}$/u.test(text)],
      [{ _tag: "Choice", choices: ["", "a", "ab", "é😀"] }, (text) => ["", "a", "ab", "é😀"].includes(text)]
    ]
    for (const [constraint, fits] of wholes) {
      const write = await Effect.runPromise(writer(at, constraint, makeRandom(1), 200))
      for (let run = 0; run < 5; run++) {
        const { finished, text } = await Effect.runPromise(write)
        if (finished) assert.isTrue(fits(text), text)
      }
    }
  }, 60_000)
})

const TOOLS = [
  {
    name: "get_weather",
    strict: false,
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city"]
    }
  },
  { name: "now", strict: false }
]

const formats: ReadonlyArray<readonly [format: ToolFormatName, family: string]> = [
  ["hermes", "qwen3"],
  ["mistral", "mistral3"],
  ["mistral", "tekken"],
  ["llama", "llama3"],
  ["llama-python-tag", "llama3"],
  ["deepseek", "deepseek"],
  ["kimi", "qwen3"],
  ["harmony", "gptoss"]
]

describe("demanded tool calls", () => {
  it.each(formats)(
    "of the format %s are read back (%s)",
    async (toolFormat, family) => {
      const at = await subject(family, { toolFormat, harmony: toolFormat === "harmony" })
      const constraint: Constraint = { _tag: "ToolCalls", tools: TOOLS, parallel: true }
      const write = await Effect.runPromise(writer(at, constraint, makeRandom(3), 400))
      let finishedOnes = 0
      for (let run = 0; run < 6; run++) {
        const { finished, text } = await Effect.runPromise(write)
        if (!finished) continue
        finishedOnes++
        const stream = answerStream({
          reasoning: null,
          promptOpen: false,
          toolFormat,
          tools: [],
          maxCalls: 100,
          stop: [],
          newCallId: () => "id"
        })
        // The token that ends a message is read, too.
        const end = toolFormat === "harmony" ? "<|call|>" : ""
        const events = [...stream.push(text + end), ...stream.finish("stop").events].filter(
          (event) => event._tag !== "Reasoning"
        )
        assert.isNotEmpty(events, text)
        for (const event of events) {
          assert.strictEqual(event._tag, "ToolCall", text)
          if (event._tag !== "ToolCall") continue
          assert.include(["get_weather", "now"], event.call.name)
          const args: unknown = JSON.parse(event.call.arguments)
          assert.isObject(args)
          if (event.call.name === "get_weather") assert.property(args, "city")
        }
      }
      assert.isAbove(finishedOnes, 0)
    },
    60_000
  )
})
