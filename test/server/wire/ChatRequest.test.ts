import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { defaultSampling } from "../../../src/domain/Generation.js"
import { type ChatTask, decodeChatRequest } from "../../../src/server/wire/ChatRequest.js"

const minimal = { model: "org/tiny", messages: [{ role: "user", content: "hi" }] }

const decoded = (data: unknown, serverMaxTokens: number | null = null): ChatTask =>
  Either.getOrThrow(decodeChatRequest({ data, text: JSON.stringify(data) }, serverMaxTokens))

const ours = { ...defaultSampling, penalizeWholeAnswer: true }

/** What is said of the sampling: an absent field is an undefined one. */
const samplingOf = (fields: object) =>
  Object.fromEntries(
    Object.entries(decoded({ ...minimal, ...fields }).options.sampling).filter(([, value]) => value !== undefined)
  )

const callable = (name: string, other: object = {}) => ({ type: "function", function: { name, ...other } })

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
      assert.deepStrictEqual(input._tag === "Chat" ? input.tools : null, [JSON.stringify(written)])
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
