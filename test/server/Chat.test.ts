import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Schema, Stream } from "effect"
import { ContextLengthExceeded, EngineCrashed, ServerOverloaded } from "../../src/domain/Errors.js"
import { CHAT_STOPS, type GenerateOptions } from "../../src/domain/Generation.js"
import { ChatChunk, ChatCompletion, ChatErrorChunk } from "../../src/server/wire/ChatResponse.js"
import { ErrorEnvelope } from "../../src/server/wire/Envelope.js"
import { answer, get, json, postJson, startServer, text } from "../support/Server.js"

const chat = (other: object = {}) => ({ model: "org/tiny", messages: [{ role: "user", content: "hi" }], ...other })
const path = "/v1/chat/completions"

const events = (body: string): ReadonlyArray<string> => body.split("\n\n").filter((event) => event !== "")
const crashed = new EngineCrashed({ model: "org/tiny", exitCode: null, signal: "SIGKILL", stderr: "secret trace" })

/** Reads until `wanted` came, then leaves. */
const readUntil = (response: Response, wanted: string, leave: AbortController) =>
  Effect.promise(async () => {
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let body = ""
    while (reader !== undefined && !body.includes(wanted)) body += (await reader.read()).value ?? ""
    leave.abort()
  })

describe("a whole answer", () => {
  it.scopedLive("is one document with real counts", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer({
        runner: { generate: () => Stream.fromIterable(answer([" Hel", "", "lo\n"], "length")) }
      })
      for (const route of [path, "/chat/completions"]) {
        const response = yield* postJson(url + route, chat())
        assert.strictEqual(response.status, 200)
        const body = yield* Schema.decodeUnknown(ChatCompletion)(yield* json(response))
        assert.match(body.id, /^chatcmpl-[0-9a-f-]{36}$/)
        assert.deepStrictEqual(
          { ...body, id: "", created: 0 },
          {
            id: "",
            object: "chat.completion",
            created: 0,
            model: "org/tiny",
            choices: [
              {
                index: 0,
                message: { role: "assistant", content: " Hello\n", refusal: null },
                logprobs: null,
                finish_reason: "length"
              }
            ],
            usage: {
              prompt_tokens: 7,
              completion_tokens: 4,
              total_tokens: 11,
              prompt_tokens_details: { cached_tokens: 0 },
              completion_tokens_details: { reasoning_tokens: 0 }
            }
          }
        )
      }
    })
  )

  it.scopedLive("is what the runner was asked for", () =>
    Effect.gen(function* () {
      const asked: Array<GenerateOptions> = []
      const { url } = yield* startServer({
        serve: { maxTokens: 9 },
        runner: {
          generate: (_, options) => {
            asked.push(options)
            return Stream.fromIterable(answer([]))
          }
        }
      })
      yield* postJson(url + path, chat({ seed: 3, stop: ["X"] }))
      yield* postJson(url + path, chat({ max_tokens: 2 }))
      assert.deepStrictEqual(
        asked.map(({ maxTokens, sampling, stop }) => [maxTokens, sampling.seed, stop]),
        [
          [9, 3, ["X", ...CHAT_STOPS]],
          [2, null, CHAT_STOPS]
        ]
      )
    })
  )

  it.scopedLive("notes the generation in the access line, and no text", () =>
    Effect.gen(function* () {
      const server = yield* startServer()
      yield* postJson(server.url + path, chat())
      yield* server.stop
      const [line] = server.accessLines()
      const { duration_ms, ttft_ms, request_id, ...fields } = line?.annotations ?? {}
      assert.isNumber(duration_ms)
      assert.isNumber(ttft_ms)
      assert.isString(request_id)
      assert.deepStrictEqual(fields, {
        logger: "server",
        method: "POST",
        route: "/chat/completions",
        status: 200,
        client: "127.0.0.1",
        model: "org/tiny",
        stream: false,
        prompt_tokens: 7,
        completion_tokens: 3,
        finish_reason: "stop"
      })
      assert.notInclude(JSON.stringify(server.lines), "Hel")
    })
  )

  it.scopedLive("fails with the error's own status, code and field", () =>
    Effect.gen(function* () {
      const failures = [
        [
          new ContextLengthExceeded({ contextLength: 8, promptTokens: 9 }),
          400,
          "context_length_exceeded",
          "messages",
          null
        ],
        [new ServerOverloaded({ queued: 32 }), 503, "server_overloaded", null, "1"],
        [crashed, 500, "internal_error", null, null]
      ] as const
      for (const [error, status, code, param, retryAfter] of failures) {
        const { url } = yield* startServer({ runner: { generate: () => Stream.fail(error) } })
        for (const stream of [false, true]) {
          const response = yield* postJson(url + path, chat({ stream }))
          assert.strictEqual(response.status, status)
          assert.strictEqual(response.headers.get("retry-after"), retryAfter)
          const envelope = yield* Schema.decodeUnknown(ErrorEnvelope)(yield* json(response))
          assert.deepStrictEqual([envelope.error.code, envelope.error.param], [code, param])
          assert.strictEqual(response.headers.get("x-should-retry"), String(envelope.error.retryable))
        }
      }
    })
  )

  it.scopedLive("is refused for wrong bodies, unknown models and paths", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      const cases = [
        ["", 400, null, "invalid_value"],
        ["{", 400, null, "invalid_value"],
        [chat({ temperature: "1" }), 400, "temperature", "invalid_value"],
        [chat({ n: 2 }), 400, "n", "unsupported_parameter"],
        [chat({ model: "nope" }), 404, "model", "model_not_found"],
        [chat({ model: "/etc" }), 404, "model", "model_not_found"],
        [chat({ model: "org/../../tiny" }), 404, "model", "model_not_found"]
      ] as const
      for (const [body, status, param, code] of cases) {
        const response = yield* postJson(url + path, body)
        assert.strictEqual(response.status, status)
        const { error } = yield* Schema.decodeUnknown(ErrorEnvelope)(yield* json(response))
        assert.deepStrictEqual([error.param, error.code], [param, code])
      }
    })
  )
})

describe("a streamed answer", () => {
  it.scopedLive("is this very sequence of events", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer({
        runner: { generate: () => Stream.fromIterable(answer(["Hel", "", "lo\n"])) }
      })
      const response = yield* postJson(url + path, chat({ stream: true }))
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers.get("content-type"), "text/event-stream; charset=utf-8")
      assert.strictEqual(response.headers.get("cache-control"), "no-cache, no-transform")
      assert.strictEqual(response.headers.get("x-accel-buffering"), "no")
      assert.isNotEmpty(response.headers.get("x-request-id"))
      const body = yield* text(response)
      const start = /^data: \{"id":"(chatcmpl-[^"]*)","object":"chat\.completion\.chunk","created":(\d+),/.exec(body)
      const head = `data: {"id":"${start?.[1]}","object":"chat.completion.chunk","created":${start?.[2]},"model":"org/tiny","choices":[`
      const choice = (delta: string, reason: string) =>
        `${head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}]}\n\n`
      assert.strictEqual(
        body,
        choice('{"role":"assistant","content":""}', "null") +
          choice('{"content":"Hel"}', "null") +
          choice('{"content":"lo\\n"}', "null") +
          choice("{}", '"stop"') +
          "data: [DONE]\n\n"
      )
    })
  )

  it.scopedLive("ends with the usage when asked", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      const response = yield* postJson(url + path, chat({ stream: true, stream_options: { include_usage: true } }))
      const parts = events(yield* text(response))
      assert.strictEqual(parts.at(-1), "data: [DONE]")
      const chunks = yield* Effect.forEach(parts.slice(0, -1), (part) =>
        Schema.decodeUnknown(Schema.parseJson(ChatChunk))(part.slice("data: ".length))
      )
      const last = chunks.at(-1)
      assert.deepStrictEqual(last?.choices, [])
      assert.strictEqual(last?.usage?.total_tokens, 10)
      assert.isTrue(chunks.slice(0, -1).every(({ usage }) => usage === null))
    })
  )

  it.scopedLive("that fails ends with an error event, and no final choice", () =>
    Effect.gen(function* () {
      const failing = Stream.concat(Stream.fromIterable(answer(["Hel"]).slice(0, 2)), Stream.fail(crashed))
      const server = yield* startServer({ runner: { generate: () => failing } })
      const response = yield* postJson(server.url + path, chat({ stream: true }), {
        headers: { "x-request-id": "mine" }
      })
      assert.strictEqual(response.status, 200)
      const body = yield* text(response)
      const parts = events(body)
      assert.strictEqual(parts.length, 4)
      assert.strictEqual(parts[3], "data: [DONE]")
      const last = yield* Schema.decodeUnknown(Schema.parseJson(ChatErrorChunk))(parts[2]?.slice("data: ".length))
      assert.deepStrictEqual([last.error.code, last.error.retryable, last.request_id], ["internal_error", true, "mine"])
      assert.notInclude(body, "secret")
      yield* server.stop
      const logged = server.lines.find(({ level }) => level === "ERROR")
      assert.strictEqual(logged?.annotations["request_id"], "mine")
    })
  )

  it.scopedLive("has its headers and first event before the first token", () =>
    Effect.gen(function* () {
      const started = Stream.concat(Stream.fromIterable(answer([]).slice(0, 1)), Stream.never)
      const { url } = yield* startServer({ runner: { generate: () => started } })
      const leave = new AbortController()
      const response = yield* postJson(url + path, chat({ stream: true }), { signal: leave.signal })
      yield* readUntil(response, '"role":"assistant"', leave)
    })
  )
})

describe("a client that leaves", () => {
  const hanging = (before: number, stopped: Deferred.Deferred<void>, running?: Deferred.Deferred<void>) =>
    Stream.concat(
      Stream.fromIterable(answer(["Hel"]).slice(0, before)),
      Stream.fromEffect(running === undefined ? Effect.void : Deferred.succeed(running, undefined)).pipe(
        Stream.drain,
        Stream.concat(Stream.never)
      )
    ).pipe(Stream.ensuring(Deferred.succeed(stopped, undefined)))

  it.scopedLive("in the middle of a stream stops the generation", () =>
    Effect.gen(function* () {
      const stopped = yield* Deferred.make<void>()
      const server = yield* startServer({ runner: { generate: () => hanging(2, stopped) } })
      const leave = new AbortController()
      const response = yield* postJson(server.url + path, chat({ stream: true }), { signal: leave.signal })
      yield* readUntil(response, "Hel", leave)
      yield* Deferred.await(stopped)
      yield* server.stop
      const [line] = server.accessLines()
      assert.deepStrictEqual([line?.annotations["status"], line?.annotations["aborted"]], [200, true])
    })
  )

  it.scopedLive("before the first event, streamed or not, stops it too", () =>
    Effect.gen(function* () {
      for (const stream of [false, true]) {
        const stopped = yield* Deferred.make<void>()
        const running = yield* Deferred.make<void>()
        const server = yield* startServer({ runner: { generate: () => hanging(0, stopped, running) } })
        const leave = new AbortController()
        const request = fetch(server.url + path, {
          method: "POST",
          body: JSON.stringify(chat({ stream })),
          signal: leave.signal
        }).catch(() => null)
        yield* Deferred.await(running)
        leave.abort()
        yield* Effect.promise(() => request)
        yield* Deferred.await(stopped)
        yield* server.stop
        assert.strictEqual(server.accessLines()[0]?.annotations["status"], 499)
      }
    })
  )

  it.scopedLive("leaves the others alone, and lists answer during a generation", () =>
    Effect.gen(function* () {
      const stopped = yield* Deferred.make<void>()
      const { url } = yield* startServer({ runner: { generate: () => hanging(2, stopped) } })
      const leave = new AbortController()
      const response = yield* postJson(url + path, chat({ stream: true }), { signal: leave.signal })
      assert.strictEqual((yield* get(`${url}/health`)).status, 200)
      assert.strictEqual((yield* get(`${url}/v1/models`)).status, 200)
      yield* readUntil(response, "Hel", leave)
      yield* Deferred.await(stopped)
    })
  )
})
