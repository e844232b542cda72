import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { defaultSampling } from "../../../src/domain/Generation.js"
import { type ChatTask, decodeChatRequest } from "../../../src/server/wire/ChatRequest.js"

const minimal = { model: "org/tiny", messages: [{ role: "user", content: "hi" }] }

const decoded = (data: unknown, serverMaxTokens: number | null = null): ChatTask =>
  Either.getOrThrow(decodeChatRequest(data, serverMaxTokens))

const ours = { ...defaultSampling, penalizeWholeAnswer: true }

/** What is said of the sampling: an absent field is an undefined one. */
const samplingOf = (fields: object) =>
  Object.fromEntries(
    Object.entries(decoded({ ...minimal, ...fields }).options.sampling).filter(([, value]) => value !== undefined)
  )

const refusal = (data: unknown) => {
  const result = decodeChatRequest(data, null)
  if (Either.isRight(result)) assert.fail("should have been refused")
  const { _tag, param, problem } = result.left
  return { _tag, param, problem }
}

describe("defaults", () => {
  it("are the domain's", () => {
    const task = decoded(minimal)
    assert.deepStrictEqual(samplingOf({}), ours)
    assert.deepStrictEqual(task, {
      model: "org/tiny",
      stream: false,
      includeUsage: false,
      reasoning: "separate",
      formParam: null,
      options: {
        input: { _tag: "Chat", messages: [{ role: "user", content: "hi" }] },
        sampling: task.options.sampling,
        maxTokens: null,
        contextShare: 0.5,
        stop: []
      }
    })
  })

  it("stand for null too", () => {
    const nulls = Object.fromEntries(
      [
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "stop",
        "seed",
        "tools"
      ]
        .concat(["repetition_penalty", "n", "response_format", "logprobs", "logit_bias", "frequency_penalty"])
        .concat(["tool_choice", "parallel_tool_calls", "top_logprobs", "presence_penalty", "top_k", "min_p"])
        .concat(["xtc_probability", "xtc_threshold", "repetition_context_size", "reasoning_effort", "reasoning_format"])
        .concat(["include_reasoning", "chat_template_kwargs", "add_generation_prompt", "continue_final_message"])
        .concat(["stop_token_ids", "ignore_eos", "min_tokens"])
        .map((field) => [field, null])
    )
    assert.deepStrictEqual(decoded({ ...minimal, ...nulls }), decoded(minimal))
  })
})

describe("what a client says", () => {
  it("wins", () => {
    const task = decoded({
      ...minimal,
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0,
      top_p: 1,
      repetition_penalty: 1,
      seed: -5,
      stop: "END"
    })
    assert.isTrue(task.stream && task.includeUsage)
    const { repetitionPenalty, seed, temperature, topP } = task.options.sampling
    assert.deepStrictEqual([temperature, topP, repetitionPenalty, seed], [0, 1, 1, -5])
    assert.deepStrictEqual(task.options.stop, ["END"])
  })

  it("chooses how tokens are drawn", () => {
    assert.deepStrictEqual(
      samplingOf({
        top_k: 40,
        min_p: 0.1,
        xtc_probability: 0.5,
        xtc_threshold: 0.2,
        repetition_context_size: 0,
        frequency_penalty: -2,
        presence_penalty: 2,
        logit_bias: { 1: -100, 20: 5.5 },
        logprobs: true,
        top_logprobs: 20
      }),
      {
        ...ours,
        topK: 40,
        minP: 0.1,
        xtcProbability: 0.5,
        xtcThreshold: 0.2,
        penaltyWindow: 0,
        frequencyPenalty: -2,
        presencePenalty: 2,
        logitBias: { 1: -100, 20: 5.5 },
        logProbabilities: 20
      }
    )
    assert.deepStrictEqual(samplingOf({ logprobs: true }), { ...ours, logProbabilities: 0 })
    for (const top_k of [0, -1]) assert.deepStrictEqual(samplingOf({ top_k }), ours)
  })

  it("may be tools, which go to the template as they are written", () => {
    const written = {
      function: { parameters: { type: "object", b: 1, a: 2 }, strict: true, name: "get_weather", extra: null },
      type: "function"
    }
    const chat = (fields: object) => decoded({ ...minimal, tools: [written], ...fields }).options
    for (const fields of [{}, { tool_choice: "auto" }]) {
      const { input, maxToolCalls } = chat(fields)
      assert.strictEqual(JSON.stringify(input._tag === "Chat" ? input.tools : null), JSON.stringify([written]))
      assert.isUndefined(maxToolCalls)
    }
    assert.strictEqual(chat({ parallel_tool_calls: false }).maxToolCalls, 1)
    assert.notProperty(chat({ tool_choice: "none" }).input, "tools")
    assert.notProperty(chat({ tools: [] }).input, "tools")
  })

  it("may be a history of tool calls, their results and reasoning", () => {
    const call = { id: "call_1", type: "function", function: { name: "f", arguments: '{"a":1}' } }
    const { input } = decoded({
      ...minimal,
      messages: [
        { role: "user", content: "hi", name: "Ann", tool_calls: null },
        { role: "assistant", content: null, tool_calls: [call], reasoning_content: "hm", refusal: null },
        { role: "tool", tool_call_id: "call_1", content: [{ type: "text", text: "4" }], name: "f" },
        { role: "assistant", reasoning: "so", content: "Four." },
        { role: "user", content: "thanks" }
      ]
    }).options
    assert.deepStrictEqual(input, {
      _tag: "Chat",
      messages: [
        { role: "user", content: "hi", name: "Ann" },
        {
          role: "assistant",
          content: null,
          reasoning: "hm",
          toolCalls: [{ id: "call_1", name: "f", arguments: '{"a":1}' }]
        },
        { role: "tool", content: "4", name: "f", toolCallId: "call_1" },
        { role: "assistant", content: "Four.", reasoning: "so" },
        { role: "user", content: "thanks" }
      ]
    })
  })

  it("may be an answer's beginning, which is gone on with unless it asks for a new one", () => {
    const began = [...minimal.messages, { role: "assistant", content: "Fo" }]
    const goesOn = (fields: object) => {
      const { input } = decoded({ ...minimal, messages: began, ...fields }).options
      return input._tag === "Chat" && input.continueFinalMessage === true
    }
    assert.isTrue(goesOn({}))
    assert.isTrue(goesOn({ continue_final_message: true, add_generation_prompt: false }))
    assert.isFalse(goesOn({ continue_final_message: false }))
    assert.isFalse(goesOn({ add_generation_prompt: true }))
    assert.isFalse(goesOn({ messages: [...minimal.messages, { role: "assistant", content: "" }] }))
    assert.isFalse(goesOn({ messages: minimal.messages }))
    assert.isTrue(goesOn({ messages: minimal.messages, continue_final_message: true }))
  })

  it("sets variables of the template, and how hard the model thinks", () => {
    const variables = (fields: object) => {
      const { input } = decoded({ ...minimal, ...fields }).options
      return input._tag === "Chat" ? input.templateArguments : null
    }
    assert.deepStrictEqual(variables({ chat_template_kwargs: { enable_thinking: false, x: [1] } }), {
      enable_thinking: false,
      x: [1]
    })
    assert.deepStrictEqual(variables({ reasoning_effort: "high" }), { reasoning_effort: "high" })
    assert.deepStrictEqual(variables({ reasoning_effort: "none" }), { reasoning_effort: "low", enable_thinking: false })
    assert.deepStrictEqual(
      variables({ reasoning_effort: "minimal", chat_template_kwargs: { enable_thinking: true } }),
      { reasoning_effort: "low", enable_thinking: true }
    )
    assert.isUndefined(variables({ chat_template_kwargs: {} }))
  })

  it("says what the answer must look like", () => {
    const constraint = (fields: object) => decoded({ ...minimal, ...fields }).options.constraint
    const schema = { type: "object" }
    const tools = [callable("f", { parameters: schema, strict: true }), callable("g")]
    const calls = [
      { name: "f", strict: true, parameters: schema },
      { name: "g", strict: false }
    ]
    const jsonSchema = { type: "json_schema", json_schema: { name: "n", schema, strict: true, description: null } }
    assert.isUndefined(constraint({ response_format: { type: "text" }, tools }))
    assert.deepStrictEqual(constraint({ response_format: { type: "json_object" } }), { _tag: "JsonObject" })
    assert.deepStrictEqual(constraint({ response_format: jsonSchema }), { _tag: "JsonSchema", schema, strict: true })
    assert.deepStrictEqual(constraint({ guided_json: schema }), { _tag: "JsonSchema", schema, strict: false })
    assert.deepStrictEqual(constraint({ guided_regex: "a+" }), { _tag: "Regex", pattern: "a+" })
    assert.deepStrictEqual(constraint({ guided_choice: ["a", "b"] }), { _tag: "Choice", choices: ["a", "b"] })
    const required = { tools, tool_choice: "required", response_format: jsonSchema }
    assert.deepStrictEqual(constraint(required), { _tag: "ToolCalls", tools: calls, parallel: true })
    assert.deepStrictEqual(constraint({ ...required, parallel_tool_calls: false }), {
      _tag: "ToolCalls",
      tools: calls,
      parallel: false
    })
    const named = { tools, tool_choice: callable("g") }
    assert.deepStrictEqual(constraint(named), { _tag: "ToolCalls", tools: calls.slice(1), parallel: false })
    assert.strictEqual(decoded({ ...minimal, ...named }).options.maxToolCalls, 1)
    assert.deepStrictEqual(constraint({ tools, tool_choice: "none", response_format: jsonSchema }), {
      _tag: "JsonSchema",
      schema,
      strict: true
    })
  })

  it("says how reasoning is shown, and what ends the answer", () => {
    const { reasoning } = decoded({ ...minimal, include_reasoning: false })
    assert.strictEqual(reasoning, "hidden")
    assert.strictEqual(decoded({ ...minimal, reasoning_format: "inline" }).reasoning, "inline")
    const { ignoreEndTokens, minTokens, stopTokenIds } = decoded({
      ...minimal,
      ignore_eos: true,
      min_tokens: 3,
      stop_token_ids: [5, 6]
    }).options
    assert.deepStrictEqual([ignoreEndTokens, minTokens, stopTokenIds], [true, 3, [5, 6]])
  })

  it("limits tokens: the newer field, the older one, the server's", () => {
    const limit = (fields: object, server: number | null) =>
      decoded({ ...minimal, ...fields }, server).options.maxTokens
    assert.strictEqual(limit({ max_completion_tokens: 3, max_tokens: 4 }, 5), 3)
    assert.strictEqual(limit({ max_tokens: 4.0 }, 5), 4)
    assert.strictEqual(limit({}, 5), 5)
    assert.strictEqual(limit({}, null), null)
  })

  it("may be a system message by another name, and text in parts", () => {
    const task = decoded({
      ...minimal,
      messages: [
        { role: "developer", content: "be brief", name: "x" },
        {
          role: "user",
          content: [
            { type: "text", text: "one" },
            { type: "text", text: "two", cache_control: {} }
          ]
        },
        { role: "assistant", content: [{ type: "refusal", refusal: "no" }], tool_calls: [] },
        { role: "user", content: "<|im_end|>\u0000" }
      ]
    })
    assert.deepStrictEqual(task.options.input, {
      _tag: "Chat",
      messages: [
        { role: "system", content: "be brief", name: "x" },
        { role: "user", content: "one two" },
        { role: "assistant", content: "no" },
        { role: "user", content: "<|im_end|>\u0000" }
      ]
    })
  })

  it("may hold fields nobody knows, and known ones that are off", () => {
    const off = {
      unknown: { deep: [1] },
      user: "u",
      tools: [],
      tool_choice: "none",
      response_format: { type: "text" },
      n: 1,
      logprobs: false,
      logit_bias: {},
      frequency_penalty: 0,
      presence_penalty: 0,
      modalities: ["text"],
      top_k: -1,
      stop: Array.from({ length: 64 }, String)
    }
    assert.strictEqual(decoded({ ...minimal, ...off }).options.stop.length, 64)
  })
})

const callable = (name: string, other: object = {}) => ({ type: "function", function: { name, ...other } })
const many = (length: number, item: unknown) => Array.from({ length }, () => item)
const message = (value: unknown) => ({ ...minimal, messages: [value] })

describe("refusals", () => {
  const invalid: ReadonlyArray<readonly [data: unknown, param: string | null, problem: string]> = [
    [[], null, "must be an object"],
    ["text", null, "must be an object"],
    [{ messages: minimal.messages }, "model", "is required"],
    [{ model: "m" }, "messages", "is required"],
    [{ ...minimal, model: null }, "model", "must be a non-empty string"],
    [{ ...minimal, model: "" }, "model", "must be a non-empty string"],
    [{ ...minimal, model: "é".repeat(129) }, "model", "must be a string of at most 256 bytes"],
    [{ ...minimal, messages: [] }, "messages", "must be a list of 1 to 10000 messages"],
    [{ ...minimal, messages: "hi" }, "messages", "must be a list of 1 to 10000 messages"],
    [{ ...minimal, messages: many(10_001, minimal.messages[0]) }, "messages", "must be a list of 1 to 10000 messages"],
    [
      message({ role: "user", content: many(1001, { type: "text", text: "a" }) }),
      "messages.0.content",
      "must be a string or a list of at most 1000 text parts"
    ],
    [message(5), "messages.0", "must be an object"],
    [message({ content: "x" }), "messages.0.role", "is required"],
    [
      message({ role: "robot", content: "x" }),
      "messages.0.role",
      "must be one of system, developer, user, assistant, tool"
    ],
    [message({ role: "user" }), "messages.0.content", "is required"],
    [message({ role: "user", content: null }), "messages.0.content", "is required"],
    [
      message({ role: "user", content: 5 }),
      "messages.0.content",
      "must be a string or a list of at most 1000 text parts"
    ],
    [message({ role: "assistant", content: null, tool_calls: [] }), "messages.0.content", "is required"],
    [message({ role: "tool", content: "x" }), "messages.0.tool_call_id", "is required"],
    [message({ role: "assistant", tool_calls: [{ id: "1" }] }), "messages.0.tool_calls.0.function", "is required"],
    [
      message({ role: "assistant", tool_calls: [{ id: "1", function: { name: "f", arguments: {} } }] }),
      "messages.0.tool_calls.0.function.arguments",
      "must be a string"
    ],
    [{ ...minimal, tools: [{ type: "function" }] }, "tools.0.function", "is required"],
    [{ ...minimal, tools: [{ type: "custom", custom: {} }] }, "tools.0.type", "must be one of function"],
    [
      { ...minimal, tools: [{ type: "function", function: { name: "no spaces" } }] },
      "tools.0.function.name",
      "must be 1 to 64 letters, digits, _ or -"
    ],
    [
      { ...minimal, tools: [{ type: "function", function: { name: "f", parameters: [] } }] },
      "tools.0.function.parameters",
      "must be an object"
    ],
    [{ ...minimal, parallel_tool_calls: 1 }, "parallel_tool_calls", "must be a boolean"],
    [{ ...minimal, tool_choice: "required" }, "tool_choice", "needs tools"],
    [{ ...minimal, tool_choice: "sometimes" }, "tool_choice", "must be an object or one of none, auto, required"],
    [
      { ...minimal, tools: [callable("f")], tool_choice: callable("g") },
      "tool_choice",
      "must name a function of tools"
    ],
    [
      { ...minimal, response_format: { type: "xml" } },
      "response_format.type",
      "must be one of text, json_object, json_schema"
    ],
    [{ ...minimal, response_format: { type: "json_schema" } }, "response_format.json_schema", "is required"],
    [
      { ...minimal, response_format: { type: "json_schema", json_schema: { name: "a b", schema: {} } } },
      "response_format.json_schema.name",
      "must be 1 to 64 letters, digits, _ or -"
    ],
    [{ ...minimal, guided_choice: [] }, "guided_choice", "must be a list of 1 to 1000 strings"],
    [{ ...minimal, logprobs: "true" }, "logprobs", "must be a boolean"],
    [{ ...minimal, top_logprobs: 3 }, "top_logprobs", "needs logprobs"],
    [{ ...minimal, logprobs: true, top_logprobs: 21 }, "top_logprobs", "must be an integer from 0 to 20"],
    [{ ...minimal, logit_bias: { 1: 101 } }, "logit_bias.1", "must be a number from -100 to 100"],
    [{ ...minimal, logit_bias: { hello: 1 } }, "logit_bias", "must be an object with token ids for keys"],
    [{ ...minimal, presence_penalty: 2.5 }, "presence_penalty", "must be a number from -2 to 2"],
    [{ ...minimal, top_k: -2 }, "top_k", "must be an integer of at least -1"],
    [{ ...minimal, xtc_threshold: 0.6 }, "xtc_threshold", "must be a number from 0 to 0.5"],
    [{ ...minimal, chat_template_kwargs: [] }, "chat_template_kwargs", "must be an object"],
    [
      { ...minimal, reasoning_effort: "huge" },
      "reasoning_effort",
      "must be one of none, minimal, low, medium, high, xhigh, max"
    ],
    [{ ...minimal, reasoning_format: "raw" }, "reasoning_format", "must be one of separate, inline, hidden"],
    [{ ...minimal, stop_token_ids: [-1] }, "stop_token_ids.0", "must be an integer of at least 0"],
    [
      { ...minimal, continue_final_message: true, add_generation_prompt: true },
      "continue_final_message",
      "can't be used with add_generation_prompt"
    ],
    [message({ role: "user", content: [{ type: "text" }] }), "messages.0.content.0.text", "is required"],
    [message({ role: "user", content: [{ type: "text", text: 1 }] }), "messages.0.content.0.text", "must be a string"],
    [
      message({ role: "user", content: [{ type: "smell" }] }),
      "messages.0.content.0.type",
      "must be one of text, refusal"
    ],
    [{ ...minimal, stream: "true" }, "stream", "must be a boolean"],
    [{ ...minimal, stream_options: 1 }, "stream_options", "must be an object"],
    [{ ...minimal, stream_options: { include_usage: 1 } }, "stream_options.include_usage", "must be a boolean"],
    [{ ...minimal, max_tokens: 0 }, "max_tokens", "must be an integer of at least 1"],
    [{ ...minimal, max_tokens: 1.5 }, "max_tokens", "must be an integer of at least 1"],
    [{ ...minimal, max_tokens: "5" }, "max_tokens", "must be an integer of at least 1"],
    [{ ...minimal, temperature: 2.1 }, "temperature", "must be a number from 0 to 2"],
    [{ ...minimal, temperature: "0.5" }, "temperature", "must be a number from 0 to 2"],
    [{ ...minimal, top_p: -0.1 }, "top_p", "must be a number from 0 to 1"],
    [{ ...minimal, repetition_penalty: 0 }, "repetition_penalty", "must be a number above 0"],
    [{ ...minimal, seed: 2 ** 60 }, "seed", "must be an integer"],
    [{ ...minimal, stop: "" }, "stop", "must be a non-empty string or a list of at most 64 non-empty strings"],
    [{ ...minimal, stop: ["a", ""] }, "stop.1", "must be a non-empty string"],
    [
      { ...minimal, stop: Array.from({ length: 65 }, String) },
      "stop",
      "must be a non-empty string or a list of at most 64 non-empty strings"
    ]
  ]
  for (const [data, param, problem] of invalid) {
    it(`${param}: ${problem} <- ${JSON.stringify(data).slice(0, 90)}`, () => {
      assert.deepStrictEqual(refusal(data), { _tag: "InvalidRequest", param, problem })
    })
  }

  const unsupported: ReadonlyArray<readonly [data: object, param: string]> = [
    [{ ...minimal, functions: [{ name: "f" }] }, "functions"],
    [{ ...minimal, grammar: "root ::= x" }, "grammar"],
    [{ ...minimal, guided_regex: "a", guided_choice: ["a"] }, "guided_choice"],
    [{ ...minimal, tools: [callable("f")], response_format: { type: "json_object" } }, "response_format"],
    [{ ...minimal, n: 2 }, "n"],
    [{ ...minimal, modalities: ["text", "audio"] }, "modalities"],
    [{ ...minimal, add_generation_prompt: false }, "add_generation_prompt"],
    [message({ role: "function", name: "f", content: "x" }), "messages.0.role"],
    [message({ role: "assistant", content: "x", function_call: { name: "f" } }), "messages.0.function_call"],
    [
      message({
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "image_url", image_url: "x" }
        ]
      }),
      "messages.0.content.1.type"
    ]
  ]
  for (const [data, param] of unsupported) {
    it(`${param} is not supported`, () => {
      const { _tag, ...rest } = refusal(data)
      assert.strictEqual(_tag, "UnsupportedParameter")
      assert.strictEqual(rest.param, param)
    })
  }
})
