import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { defaultSampling } from "../../../src/domain/Generation.js"
import { type ChatTask, decodeChatRequest } from "../../../src/server/wire/ChatRequest.js"

const minimal = { model: "org/tiny", messages: [{ role: "user", content: "hi" }] }

const decoded = (data: unknown, serverMaxTokens: number | null = null): ChatTask =>
  Either.getOrThrow(decodeChatRequest(data, serverMaxTokens))

const refusal = (data: unknown) => {
  const result = decodeChatRequest(data, null)
  if (Either.isRight(result)) assert.fail("should have been refused")
  const { _tag, param, problem } = result.left
  return { _tag, param, problem }
}

describe("defaults", () => {
  it("are the domain's", () => {
    assert.deepStrictEqual(decoded(minimal), {
      model: "org/tiny",
      stream: false,
      includeUsage: false,
      options: {
        input: { _tag: "Chat", messages: [{ role: "user", content: "hi" }] },
        sampling: defaultSampling,
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
    assert.deepStrictEqual(task.options.sampling, { temperature: 0, topP: 1, repetitionPenalty: 1, seed: -5 })
    assert.deepStrictEqual(task.options.stop, ["END"])
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
        { role: "system", content: "be brief" },
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
    [message({ role: "robot", content: "x" }), "messages.0.role", "must be one of system, developer, user, assistant"],
    [message({ role: "user" }), "messages.0.content", "is required"],
    [
      message({ role: "user", content: null }),
      "messages.0.content",
      "must be a string or a list of at most 1000 text parts"
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
    [{ ...minimal, tools: [{ type: "function" }] }, "tools"],
    [{ ...minimal, functions: [{ name: "f" }] }, "functions"],
    [{ ...minimal, tool_choice: "required" }, "tool_choice"],
    [{ ...minimal, response_format: { type: "json_object" } }, "response_format"],
    [{ ...minimal, n: 2 }, "n"],
    [{ ...minimal, logprobs: true }, "logprobs"],
    [{ ...minimal, top_logprobs: 3 }, "top_logprobs"],
    [{ ...minimal, logit_bias: { 1: 5 } }, "logit_bias"],
    [{ ...minimal, presence_penalty: 0.5 }, "presence_penalty"],
    [{ ...minimal, modalities: ["text", "audio"] }, "modalities"],
    [{ ...minimal, top_k: 40 }, "top_k"],
    [{ ...minimal, chat_template_kwargs: { enable_thinking: false } }, "chat_template_kwargs"],
    [{ ...minimal, continue_final_message: true }, "continue_final_message"],
    [message({ role: "tool", tool_call_id: "1", content: "x" }), "messages.0.role"],
    [message({ role: "assistant", content: null, tool_calls: [{}] }), "messages.0.tool_calls"],
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
