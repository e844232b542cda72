/** Calls as models write them: names, ids and the texts of their arguments. */
import { assert, describe, it } from "@effect/vitest"
import type { Tools } from "../../src/chat/toolcalls/Calls.js"
import { chooseToolFormat, type ToolFormatName, toolSplitter } from "../../src/chat/toolcalls/Formats.js"

const partsOf = (format: ToolFormatName, text: string, tools: Tools = []) => {
  const { finish, push } = toolSplitter(format, tools)
  return [...push(text), ...finish()]
}
const callsOf = (format: ToolFormatName, text: string, tools: Tools = []) =>
  partsOf(format, text, tools).map((part) =>
    part._tag === "ToolCall" ? [part.call.name, part.call.arguments, part.call.id] : part.text
  )

describe("calls of Mistral's models", () => {
  it("have an id between name and arguments, or none", () => {
    const [first, second] = ['add[CALL_ID]VvvODy9mT[ARGS]{"a": 1}', 'sub[ARGS]{"b": 2}']
    assert.deepStrictEqual(callsOf("mistral", `[TOOL_CALLS]${first}[TOOL_CALLS]${second}`), [
      ["add", '{"a": 1}', "VvvODy9mT"],
      ["sub", '{"b": 2}', null]
    ])
    assert.deepStrictEqual(callsOf("mistral", "[TOOL_CALLS] add [CALL_ID] x-1 [ARGS] {}"), [["add", "{}", "x-1"]])
  })

  it("come as a list, with ids or without", () => {
    const list = '[{"name": "add", "arguments": {"a": 1.0}, "id": "VvvODy9mT"}, {"name": "sub", "arguments": {}}]'
    assert.deepStrictEqual(callsOf("mistral", `[TOOL_CALLS]${list}`), [
      ["add", '{"a": 1.0}', "VvvODy9mT"],
      ["sub", "{}", null]
    ])
  })

  it("stay text where the header is none", () => {
    for (const text of [
      "[TOOL_CALLS]add[CALL_ID][ARGS]{}",
      "[TOOL_CALLS]add[CALL_ID]x{}",
      "[TOOL_CALLS][CALL_ID]x[ARGS]{}"
    ])
      assert.deepStrictEqual(callsOf("mistral", text), [text])
  })

  it("may have marks of headers in their texts", () => {
    const args = '{"q": "[TOOL_CALLS]f[CALL_ID]1[ARGS]{}"}'
    assert.deepStrictEqual(callsOf("mistral", `[TOOL_CALLS]find[ARGS]${args}`), [["find", args, null]])
  })
})

describe("answers that are nothing but a list of calls", () => {
  const tools = ["f", "get-time"].map((name) => ({ type: "function", function: { name } }))

  it("are calls of tools that there are", () => {
    assert.deepStrictEqual(callsOf("call-list", ' [f(a="x", b=[1.0, None]), get-time()]\n', tools), [
      ["f", '{"a":"x","b":[1.0,null]}', null],
      ["get-time", "{}", null]
    ])
  })

  it("are texts otherwise", () => {
    for (const text of ["[g()]", "[f()] and more", "[1, 2]", "[f(", "see [f()]", "[]"]) {
      assert.deepStrictEqual(partsOf("call-list", text, tools), [{ _tag: "Content", text }])
    }
  })

  it("are told by the template", () => {
    const format = (template: string) => chooseToolFormat({ template, modelType: "llama4", hasToken: () => false })
    assert.strictEqual(format("write [func_name1(params_name1=params_value1)] <|header_start|>"), "call-list")
    assert.strictEqual(format('{"name": x, "parameters": y} <|header_start|>'), "llama-json")
  })
})

describe("arguments", () => {
  const args = '{ "a":1.0, "b" : [1e3, -0.0, 12345678901234567890123],\n"c": "\\u00e9\\/", "a": 1.50 }'

  it("are the model's own text where it writes JSON", () => {
    const one = `{"name": "f", "arguments": ${args}}`
    const cases: ReadonlyArray<readonly [ToolFormatName, string]> = [
      ["hermes", `<tool_call>\n${one}\n</tool_call>`],
      ["mistral", `[TOOL_CALLS][${one}]`],
      ["mistral", `[TOOL_CALLS]f[ARGS]${args}`],
      ["llama", one.replace("arguments", "parameters")],
      [
        "deepseek",
        `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>${args}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`
      ]
    ]
    for (const [format, text] of cases) assert.deepStrictEqual(callsOf(format, text), [["f", args, null]], format)
  })

  it("written as a text of JSON are that JSON", () => {
    const one = JSON.stringify({ name: "f", arguments: args })
    assert.deepStrictEqual(callsOf("hermes", `<tool_call>${one}</tool_call>`), [["f", args, null]])
  })

  it("that are values of a tag keep the numbers as they were written", () => {
    const parameters = { type: "object", properties: { list: { type: "array" }, any: {} } }
    const tools = [{ type: "function", function: { name: "f", parameters } }]
    const body = "<tool_call>f<arg_key>list</arg_key><arg_value>[1.0, 1e3]</arg_value></tool_call>"
    assert.deepStrictEqual(callsOf("glm", body, tools), [["f", '{"list":[1.0, 1e3]}', null]])
    const python = "<|tool_call_start|>[f(list=[1.0, {'a': 1e3}])]<|tool_call_end|>"
    assert.deepStrictEqual(callsOf("pythonic", python, tools), [["f", '{"list":[1.0,{"a":1e3}]}', null]])
  })
})

describe("values between tags", () => {
  const property = (schema: object) => [
    {
      type: "function",
      function: {
        name: "f",
        parameters: { $defs: { day: { enum: ["mo", "tu"] } }, type: "object", properties: { a: schema } }
      }
    }
  ]
  const coder = (value: string) => `<tool_call><function=f><parameter=a>\n${value}\n</parameter></function></tool_call>`
  const cases: ReadonlyArray<readonly [schema: object, value: string, json: string]> = [
    [{ anyOf: [{ type: "integer" }, { type: "null" }] }, "3", "3"],
    [{ anyOf: [{ type: "integer" }, { type: "null" }] }, "null", "null"],
    [{ anyOf: [{ type: "string" }, { type: "null" }] }, "3", '"3"'],
    [{ type: ["string", "null"] }, "[1]", '"[1]"'],
    [{ type: ["string", "null"] }, "none", '"none"'],
    [{ type: ["number", "boolean"] }, "true", "true"],
    [{ enum: ["1", "2"] }, "2", '"2"'],
    [{ const: 5 }, "5", "5"],
    [{ type: "integer" }, "-007", "-7"],
    [{ type: "integer" }, "-0", "0"],
    [{ type: ["integer", "null"] }, "+1_000", "1000"],
    [{ type: "number" }, "00012345678901234567890", "12345678901234567890"],
    [{ $ref: "#/$defs/day" }, "mo", '"mo"'],
    [{ allOf: [{ $ref: "#/$defs/day" }] }, "[1]", '"[1]"'],
    [{ $ref: "#/$defs/none" }, "x", '"x"'],
    [{}, "[1]", '"[1]"']
  ]
  it.each(cases.map(([schema, value, json]) => [JSON.stringify(schema), value, json, schema] as const))(
    "of %s: %s is %s",
    (_, value, json, schema) => {
      assert.deepStrictEqual(callsOf("qwen3-coder", coder(value), property(schema)), [["f", `{"a":${json}}`, null]])
    }
  )
})
