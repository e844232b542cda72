/** The official client, unmodified, against the server. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import OpenAI from "openai"
import { EngineCrashed } from "../../src/domain/Errors.js"
import { answer, startServer } from "../support/Server.js"

const ask = { model: "org/tiny", messages: [{ role: "user" as const, content: "hi" }] }

const client = (url: string, base = "/v1") => new OpenAI({ apiKey: "any", baseURL: url + base })

const failed = (call: () => PromiseLike<unknown>) =>
  Effect.promise(async () => {
    try {
      await call()
    } catch (error) {
      if (error instanceof OpenAI.APIError) return error
    }
    return assert.fail("should be refused")
  })

describe("openai", () => {
  for (const base of ["/v1", ""]) {
    it.scopedLive(`lists, finds and chats at ${JSON.stringify(base)}`, () =>
      Effect.gen(function* () {
        const { url } = yield* startServer()
        const openai = client(url, base)
        const models = yield* Effect.promise(() => openai.models.list())
        assert.deepStrictEqual(
          models.data.map(({ id, owned_by }) => [id, owned_by]),
          [["org/tiny", "mlx-knife"]]
        )
        assert.strictEqual((yield* Effect.promise(() => openai.models.retrieve("org/tiny"))).object, "model")
        const { data, request_id } = yield* Effect.promise(() => openai.chat.completions.create(ask).withResponse())
        assert.strictEqual(data.choices[0]?.message.content, "Hello")
        assert.strictEqual(data.usage?.total_tokens, 10)
        assert.isNotEmpty(request_id)
      })
    )
  }

  it.scopedLive("reads a stream", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      const final = yield* Effect.promise(() =>
        client(url)
          .chat.completions.stream({ ...ask, stream_options: { include_usage: true } })
          .finalChatCompletion()
      )
      assert.strictEqual(final.choices[0]?.message.content, "Hello")
      assert.strictEqual(final.choices[0]?.finish_reason, "stop")
      assert.strictEqual(final.usage?.completion_tokens, 3)
    })
  )

  it.scopedLive("sees errors with status, code, field and request id, and doesn't retry them", () =>
    Effect.gen(function* () {
      const server = yield* startServer()
      const openai = client(server.url)
      const missing = yield* failed(() => openai.chat.completions.create({ ...ask, model: "nope" }))
      assert.instanceOf(missing, OpenAI.NotFoundError)
      assert.deepStrictEqual([missing.status, missing.code, missing.param], [404, "model_not_found", "model"])
      assert.isNotEmpty(missing.requestID)
      const wrong = yield* failed(() => openai.chat.completions.create({ ...ask, temperature: 3 }))
      assert.instanceOf(wrong, OpenAI.BadRequestError)
      assert.strictEqual(wrong.param, "temperature")
      const unknown = yield* failed(() => openai.completions.create({ model: "org/tiny", prompt: "x" }))
      assert.strictEqual(unknown.status, 404)
      yield* server.stop
      assert.strictEqual(server.accessLines().length, 3)
    })
  )

  it.scopedLive("raises the message of a stream that fails", () =>
    Effect.gen(function* () {
      const crashed = new EngineCrashed({ model: "org/tiny", exitCode: 134, signal: null, stderr: "" })
      const failing = Stream.concat(Stream.fromIterable(answer(["Hel"]).slice(0, 2)), Stream.fail(crashed))
      const { url } = yield* startServer({ runner: { generate: () => failing } })
      const error = yield* failed(async () => {
        for await (const _ of await client(url).chat.completions.create({ ...ask, stream: true }));
      })
      assert.include(error.message, "exit code 134")
      assert.strictEqual(error.code, "internal_error")
    })
  )
})
