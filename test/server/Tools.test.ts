/** Tool calls, reasoning and likelihoods over HTTP, with the official client and as raw chunks. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import OpenAI from "openai"
import { ConstraintUnsupported } from "../../src/domain/Errors.js"
import type { GenerateEvent, GenerateOptions, TokenLikelihood } from "../../src/domain/Generation.js"
import { layerScripted, type ScriptedAnswer } from "../../src/runner/Scripted.js"
import { ChatChunk } from "../../src/server/wire/ChatResponse.js"
import { Runner } from "../../src/services/Runner.js"
import { json, postJson, startServer, text } from "../support/Server.js"

const MODEL = "org/tiny"
const path = "/v1/chat/completions"
const ask = { model: MODEL, messages: [{ role: "user" as const, content: "hi" }] }
const tool = (name: string) => ({ type: "function" as const, function: { name, parameters: { type: "object" } } })

const call = (index: number, name: string, args: string): GenerateEvent & { _tag: "ToolCall" } => ({
  _tag: "ToolCall",
  index,
  call: { id: `call_${index}`, name, arguments: args }
})
const thought = (text: string) => ({ _tag: "Reasoning" as const, text })
const likely = (text: string, logProbability: number): Omit<TokenLikelihood, "top"> => ({
  text,
  bytes: [...new TextEncoder().encode(text)],
  logProbability
})

/** A server whose runner plays this, and what the runner was asked for. */
const serverOf = (script: ScriptedAnswer) =>
  Effect.gen(function* () {
    const asked: Array<GenerateOptions> = []
    const layer = layerScripted(({ options }) => {
      asked.push(options)
      return script
    })
    const runner = yield* Effect.provide(Runner, Layer.fresh(layer))
    const { url } = yield* startServer({ runner })
    return { url, asked, openai: new OpenAI({ apiKey: "any", baseURL: `${url}/v1` }) }
  })

/** The choice's deltas and reasons of a streamed answer, and its usage. */
const chunksOf = (url: string, fields: object = {}) =>
  Effect.gen(function* () {
    const response = yield* postJson(url + path, { ...ask, stream: true, ...fields })
    const events = (yield* text(response)).split("\n\n").filter((event) => event !== "")
    assert.strictEqual(events.at(-1), "data: [DONE]")
    return yield* Effect.forEach(events.slice(0, -1), (event) =>
      Schema.decodeUnknown(Schema.parseJson(ChatChunk), { onExcessProperty: "error" })(event.slice("data: ".length))
    )
  })
const choicesOf = (url: string, fields: object = {}) =>
  Effect.map(chunksOf(url, fields), (chunks) => chunks.flatMap(({ choices }) => choices))

const calling: ScriptedAnswer = {
  pieces: ["Let me see.", call(0, "get_weather", '{"city":"Oslo"}'), call(1, "get_time", "{}")],
  ending: "tool_calls"
}

describe("tool calls", () => {
  it.scopedLive("are in a whole answer, read by the official client", () =>
    Effect.gen(function* () {
      const { asked, openai } = yield* serverOf(calling)
      const tools = [tool("get_weather"), tool("get_time")]
      const { choices } = yield* Effect.promise(() => openai.chat.completions.create({ ...ask, tools }))
      assert.strictEqual(choices[0]?.finish_reason, "tool_calls")
      assert.deepStrictEqual(choices[0]?.message, {
        role: "assistant",
        content: "Let me see.",
        tool_calls: [
          { id: "call_0", type: "function", function: { name: "get_weather", arguments: '{"city":"Oslo"}' } },
          { id: "call_1", type: "function", function: { name: "get_time", arguments: "{}" } }
        ],
        refusal: null
      })
      assert.deepInclude(asked[0]?.input, { tools: tools.map((tool) => JSON.stringify(tool)) })
    })
  )

  it.scopedLive("are streamed with id, type and name once, by index", () =>
    Effect.gen(function* () {
      const { openai, url } = yield* serverOf(calling)
      const choices = yield* choicesOf(url, { tools: [tool("get_weather")] })
      assert.deepStrictEqual(
        choices.map(({ delta }) => delta),
        [
          { role: "assistant", content: "" },
          { content: "Let me see." },
          {
            tool_calls: [
              {
                index: 0,
                id: "call_0",
                type: "function",
                function: { name: "get_weather", arguments: '{"city":"Oslo"}' }
              }
            ]
          },
          {
            tool_calls: [{ index: 1, id: "call_1", type: "function", function: { name: "get_time", arguments: "{}" } }]
          },
          {}
        ]
      )
      assert.deepStrictEqual(
        choices.map(({ finish_reason }) => finish_reason),
        [null, null, null, null, "tool_calls"]
      )
      const final = yield* Effect.promise(() =>
        openai.chat.completions.stream({ ...ask, tools: [tool("get_weather")] }).finalChatCompletion()
      )
      assert.deepStrictEqual(
        final.choices[0]?.message.tool_calls?.map((made) => (made.type === "function" ? made.function.name : null)),
        ["get_weather", "get_time"]
      )
    })
  )

  it.scopedLive("alone have no content", () =>
    Effect.gen(function* () {
      const { openai } = yield* serverOf({ pieces: [call(0, "f", "{}")], ending: "tool_calls" })
      const { choices } = yield* Effect.promise(() => openai.chat.completions.create({ ...ask, tools: [tool("f")] }))
      assert.isNull(choices[0]?.message.content)
    })
  )

  it.scopedLive("and their results come back in the history, however the client runs them", () =>
    Effect.gen(function* () {
      const asked: Array<GenerateOptions> = []
      const layer = layerScripted(({ options }) => {
        asked.push(options)
        return asked.length === 1 ? calling : { pieces: ["Sunny."] }
      })
      const { url } = yield* startServer({ runner: yield* Effect.provide(Runner, layer) })
      const openai = new OpenAI({ apiKey: "any", baseURL: `${url}/v1` })
      const runnable = (name: string) => ({
        type: "function" as const,
        function: { name, description: name, parameters: { type: "object" }, parse: JSON.parse, function: () => name }
      })
      const runner = openai.chat.completions.runTools({
        ...ask,
        tools: [runnable("get_weather"), runnable("get_time")]
      })
      assert.strictEqual(yield* Effect.promise(() => runner.finalContent()), "Sunny.")
      assert.deepStrictEqual(asked[1]?.input._tag === "Chat" ? asked[1].input.messages : null, [
        { role: "user", content: "hi" },
        {
          role: "assistant",
          content: "Let me see.",
          toolCalls: [
            { id: "call_0", name: "get_weather", arguments: '{"city":"Oslo"}' },
            { id: "call_1", name: "get_time", arguments: "{}" }
          ]
        },
        { role: "tool", content: "get_weather", toolCallId: "call_0" },
        { role: "tool", content: "get_time", toolCallId: "call_1" }
      ])
    })
  )
})

describe("reasoning", () => {
  const thinking: ScriptedAnswer = { pieces: [thought("h"), thought("m"), "Four."], completionTokens: 9 }

  it.scopedLive("is beside the content, before it, and counted", () =>
    Effect.gen(function* () {
      const { url } = yield* serverOf(thinking)
      const chunks = yield* chunksOf(url, { stream_options: { include_usage: true } })
      assert.deepStrictEqual(
        chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta)),
        [
          { role: "assistant", content: "" },
          { reasoning_content: "h" },
          { reasoning_content: "m" },
          { content: "Four." },
          {}
        ]
      )
      assert.strictEqual(chunks.at(-1)?.usage?.completion_tokens_details.reasoning_tokens, 2)
      const whole = yield* json(yield* postJson(url + path, ask))
      assert.deepInclude(whole, {
        choices: [
          {
            index: 0,
            message: { role: "assistant", content: "Four.", reasoning_content: "hm", refusal: null },
            logprobs: null,
            finish_reason: "stop"
          }
        ],
        usage: {
          prompt_tokens: 1,
          completion_tokens: 9,
          total_tokens: 10,
          prompt_tokens_details: { cached_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 2 }
        }
      })
    })
  )

  it.scopedLive("is in the content, or nowhere, where the client wants it so", () =>
    Effect.gen(function* () {
      const { openai, url } = yield* serverOf(thinking)
      const inline = "**[Reasoning]**\n\nhm\n\n---\n\n**[Answer]**\n\nFour."
      for (const [fields, content] of [
        [{ reasoning_format: "inline" }, inline],
        [{ reasoning_format: "hidden" }, "Four."],
        [{ include_reasoning: false }, "Four."]
      ] as const) {
        const whole = yield* Effect.promise(() => openai.chat.completions.create({ ...ask, ...fields }))
        assert.deepStrictEqual(whole.choices[0]?.message, { role: "assistant", content, refusal: null })
        const choices = yield* choicesOf(url, fields)
        assert.strictEqual(choices.map(({ delta }) => delta.content ?? "").join(""), content)
        assert.isTrue(choices.every(({ delta }) => delta.reasoning_content === undefined))
      }
    })
  )

  it.scopedLive("that the limit cuts off leaves an empty content", () =>
    Effect.gen(function* () {
      const { openai } = yield* serverOf({ pieces: [thought("hm")], ending: "length" })
      const { choices } = yield* Effect.promise(() => openai.chat.completions.create(ask))
      assert.deepInclude(choices[0], { finish_reason: "length" })
      assert.strictEqual(choices[0]?.message.content, "")
    })
  )
})

describe("likelihoods", () => {
  const pieces: ScriptedAnswer["pieces"] = [
    {
      _tag: "Delta",
      text: "Hé",
      likelihoods: [{ ...likely("Hé", -0.25), top: [likely("Hé", -0.25), likely("", -2)] }]
    },
    { _tag: "Delta", text: "!", likelihoods: [{ ...likely("!", Number.NEGATIVE_INFINITY), top: [] }] }
  ]
  const first = {
    token: "Hé",
    logprob: -0.25,
    bytes: [72, 195, 169],
    top_logprobs: [
      { token: "Hé", logprob: -0.25, bytes: [72, 195, 169] },
      { token: "", logprob: -2, bytes: null }
    ]
  }
  const second = { token: "!", logprob: -9999, bytes: [33], top_logprobs: [] }

  it.scopedLive("come with the tokens they are of", () =>
    Effect.gen(function* () {
      const { asked, openai, url } = yield* serverOf({ pieces })
      const fields = { logprobs: true, top_logprobs: 2 }
      const { choices } = yield* Effect.promise(() => openai.chat.completions.create({ ...ask, ...fields }))
      assert.deepStrictEqual(choices[0]?.logprobs, { content: [first, second], refusal: null })
      assert.strictEqual(asked[0]?.sampling.logProbabilities, 2)
      assert.deepStrictEqual(
        (yield* choicesOf(url, fields)).map(({ logprobs }) => logprobs),
        [null, { content: [first], refusal: null }, { content: [second], refusal: null }, null]
      )
    })
  )

  it.scopedLive("are an empty list for an answer without text", () =>
    Effect.gen(function* () {
      const { openai } = yield* serverOf({})
      const { choices } = yield* Effect.promise(() => openai.chat.completions.create({ ...ask, logprobs: true }))
      assert.deepStrictEqual(choices[0]?.logprobs, { content: [], refusal: null })
    })
  )
})

describe("a form", () => {
  it.scopedLive("is left alone by turn markers, and refused by the name of the field that asks for it", () =>
    Effect.gen(function* () {
      const refused = new ConstraintUnsupported({ param: "response_format", keyword: "not", path: "#", problem: "no" })
      const { asked, url } = yield* serverOf({ ending: refused, starts: false })
      const response = yield* postJson(url + path, { ...ask, stop: ["X"], guided_json: { not: {} } })
      assert.strictEqual(response.status, 400)
      assert.deepInclude(yield* json(response), {
        error: {
          message: "guided_json: 'not': no",
          type: "validation_error",
          param: "guided_json",
          code: "unsupported_schema",
          retryable: false
        }
      })
      assert.deepStrictEqual(asked[0]?.stop, ["X"])
    })
  )
})
