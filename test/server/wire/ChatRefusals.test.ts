/** What is refused of a chat request, and how it is said. */
import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import { decodeChatRequest } from "../../../src/server/wire/ChatRequest.js"

const minimal = { model: "org/tiny", messages: [{ role: "user", content: "hi" }] }

const refusal = (data: unknown) => {
  const result = decodeChatRequest({ data, text: JSON.stringify(data) ?? "" }, null)
  if (Either.isRight(result)) assert.fail("should have been refused")
  const { _tag, param, problem } = result.left
  return { _tag, param, problem }
}

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
