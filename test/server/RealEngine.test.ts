/** The whole way, from the official client to real weights and back. */
import { cpSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import OpenAI from "openai"
import { Runner } from "../../src/services/Runner.js"
import { bundled, runnerOf } from "../runner/support.js"
import { temporaryDirectory } from "../support/Checkpoint.js"
import { noEngine } from "../support/Native.js"
import { cachedModel, startServer } from "../support/Server.js"

const DEMO = fileURLToPath(new URL("../../scripts/demo/checkpoint", import.meta.url))
const MODEL = "org/demo"

/** ChatML that knows tools. */
const TEMPLATE = `{% if tools %}<|im_start|>system
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}Answer with <tool_call>.<|im_end|>
{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content or '' }}{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`

const runner = Layer.unwrapEffect(
  Effect.sync(() => {
    bundled(new URL("../../src/runner/GrammarWorker.ts", import.meta.url), "grammar") // beside the engine, as in the program
    return runnerOf(new URL("../../src/runner/process.ts", import.meta.url))
  })
)

/** A client of a server that has the demo's model, with this template. */
const clientOf = (template: string) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    cpSync(DEMO, directory, { recursive: true })
    writeFileSync(join(directory, "chat_template.jinja"), template)
    const { url } = yield* startServer({
      runner: yield* Runner,
      models: [cachedModel(MODEL, { repoDirectory: directory, snapshotDirectory: directory })]
    })
    return new OpenAI({ apiKey: "any", baseURL: `${url}/v1`, maxRetries: 0 }).chat.completions
  })
const client = clientOf(TEMPLATE)

/** What tells by the template that a model writes calls so. */
const CALL_EXAMPLES = {
  "qwen3-coder": "<tool_call>\n<function=name>",
  glm: "<tool_call>name<arg_key>",
  gemma4: "<|tool_call>call<tool_call|>"
} as const

const ask = {
  model: MODEL,
  messages: [{ role: "user" as const, content: "What is a snapshot?" }],
  temperature: 0,
  max_completion_tokens: 60
}
const tool = (name: string, properties: object) => ({
  type: "function" as const,
  function: { name, parameters: { type: "object", properties, required: Object.keys(properties) } }
})
const tools = [
  tool("get_weather", { city: { enum: ["Oslo", "Zürich"] } }),
  tool("get_time", { zone: { type: "integer", minimum: 0, maximum: 9 } })
]
const calls = (message: OpenAI.ChatCompletionMessage | undefined) =>
  (message?.tool_calls ?? []).map((call) => (call.type === "function" ? call.function : assert.fail("no function")))

describe.skipIf(noEngine)("the real engine behind the server", () => {
  layer(runner, { excludeTestServices: true })("answers", (it) => {
    it.scoped("the same streamed and not, with the likelihoods of its tokens", () =>
      Effect.gen(function* () {
        const chat = yield* client
        const whole = yield* Effect.promise(() => chat.create({ ...ask, logprobs: true, top_logprobs: 2 }))
        const [choice] = whole.choices
        const content = choice?.message.content ?? ""
        assert.isNotEmpty(content)
        const tokens = choice?.logprobs?.content ?? []
        assert.strictEqual(tokens.map(({ token }) => token).join(""), content)
        for (const { logprob, token, top_logprobs } of tokens) {
          assert.isAtMost(logprob, 0)
          assert.strictEqual(top_logprobs.length, 2)
          assert.strictEqual(top_logprobs[0]?.token, token)
        }
        const final = yield* Effect.promise(() =>
          chat.stream({ ...ask, logprobs: true, top_logprobs: 2 }).finalChatCompletion()
        )
        assert.strictEqual(final.choices[0]?.message.content, content)
        assert.deepStrictEqual(final.choices[0]?.logprobs?.content, tokens)
      })
    )

    it.scoped("goes on with what the client began", () =>
      Effect.gen(function* () {
        const chat = yield* client
        // Without a penalty, which looks at the last token of a prompt too.
        const plain = { ...ask, repetition_penalty: 1 }
        const content = (yield* Effect.promise(() => chat.create(plain))).choices[0]?.message.content ?? ""
        const begun = content.slice(0, content.indexOf(" ", 10))
        const messages = [...ask.messages, { role: "assistant" as const, content: begun }]
        const rest = yield* Effect.promise(() => chat.create({ ...plain, messages }))
        assert.strictEqual(begun + rest.choices[0]?.message.content, content)
      })
    )

    it.scoped("is JSON of the schema that it is asked for", () =>
      Effect.gen(function* () {
        const chat = yield* client
        const schema = {
          type: "object",
          properties: { color: { enum: ["red", "green"] }, count: { type: "integer", minimum: 1, maximum: 3 } },
          required: ["color", "count"],
          additionalProperties: false
        }
        const response_format = { type: "json_schema" as const, json_schema: { name: "thing", schema, strict: true } }
        const { choices } = yield* Effect.promise(() =>
          chat.create({ ...ask, max_completion_tokens: 400, seed: 5, response_format })
        )
        assert.strictEqual(choices[0]?.finish_reason, "stop")
        const { color, count } = JSON.parse(choices[0]?.message.content ?? "")
        assert.include(["red", "green"], color)
        assert.include([1, 2, 3], count)
      })
    )

    it.scoped("is a call where one is demanded, streamed and not, and of the function that is named", () =>
      Effect.gen(function* () {
        const chat = yield* client
        const named = { ...ask, tools, tool_choice: { type: "function" as const, function: { name: "get_time" } } }
        const { choices } = yield* Effect.promise(() => chat.create(named))
        assert.strictEqual(choices[0]?.finish_reason, "tool_calls")
        assert.isNull(choices[0]?.message.content)
        const [call, ...others] = calls(choices[0]?.message)
        assert.deepStrictEqual(others, [])
        assert.strictEqual(call?.name, "get_time")
        assert.isTrue(Number.isInteger(JSON.parse(call?.arguments ?? "").zone))

        const required = {
          ...ask,
          max_completion_tokens: 400,
          tools,
          tool_choice: "required" as const,
          parallel_tool_calls: false
        }
        const final = yield* Effect.promise(() => chat.stream(required).finalChatCompletion())
        assert.strictEqual(final.choices[0]?.finish_reason, "tool_calls")
        const [made] = calls(final.choices[0]?.message)
        assert.include(["get_weather", "get_time"], made?.name)
        assert.isObject(JSON.parse(made?.arguments ?? ""))
      })
    )

    it.scoped.each(Object.entries(CALL_EXAMPLES))(
      "is a call where one is demanded of a model that writes it as %s",
      ([, example]) =>
        Effect.gen(function* () {
          const chat = yield* clientOf(TEMPLATE.replace("<tool_call>", example))
          const parameters = {
            type: "object",
            properties: {
              city: { type: "string", maxLength: 12 },
              days: { type: "integer", minimum: 1, maximum: 9 },
              unit: { enum: ["metric", "imperial"] }
            },
            required: ["city", "days", "unit"]
          }
          const request = {
            ...ask,
            max_completion_tokens: 400,
            tools: [{ type: "function" as const, function: { name: "get_weather", parameters } }],
            tool_choice: "required" as const,
            parallel_tool_calls: false
          }
          const whole = yield* Effect.promise(() => chat.create(request))
          const streamed = yield* Effect.promise(() => chat.stream(request).finalChatCompletion())
          const made = [whole, streamed].map(({ choices }) => {
            assert.strictEqual(choices[0]?.finish_reason, "tool_calls")
            const [call, ...others] = calls(choices[0]?.message)
            assert.deepStrictEqual([call?.name, others], ["get_weather", []])
            return call?.arguments ?? ""
          })
          assert.strictEqual(made[0], made[1])
          const { city, days, unit } = JSON.parse(made[0] ?? "")
          assert.isAtMost(city.length, 12)
          assert.include([1, 2, 3, 4, 5, 6, 7, 8, 9], days)
          assert.include(["metric", "imperial"], unit)
        })
    )

    it.scoped("is refused with the field's name where the request can't be kept", () =>
      Effect.gen(function* () {
        const chat = yield* client
        const refusals = [
          [{ logit_bias: { 999999: 1 } }, "logit_bias", "invalid_value"],
          [
            {
              response_format: {
                type: "json_schema" as const,
                json_schema: { name: "x", schema: { type: "object", unevaluatedItems: false } }
              }
            },
            "response_format",
            "unsupported_schema"
          ]
        ] as const
        for (const [fields, param, code] of refusals) {
          const error = yield* Effect.flip(
            Effect.tryPromise({ try: () => chat.create({ ...ask, ...fields }), catch: (error) => error })
          )
          if (!(error instanceof OpenAI.BadRequestError)) return assert.fail(String(error))
          assert.deepStrictEqual([error.param, error.code], [param, code])
        }
      })
    )
  })
})
