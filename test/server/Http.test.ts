import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { CacheIo } from "../../src/domain/Errors.js"
import { HealthReport } from "../../src/domain/HealthReport.js"
import { ErrorEnvelope } from "../../src/server/wire/Envelope.js"
import { ModelEntry, ModelList } from "../../src/server/wire/Models.js"
import { cachedModel, get, HOME, json, postJson, raw, startServer, text } from "../support/Server.js"

const envelope = Schema.decodeUnknown(ErrorEnvelope)
const broken = (reason: string) =>
  new HealthReport({ healthy: true, integrityReason: "ok", runtimeCompatible: false, runtimeReason: reason })

const models = [
  cachedModel("a/first"),
  cachedModel("b/embedder", { modelType: "embedding" }),
  cachedModel("c/gguf", { framework: "GGUF" }),
  cachedModel("d/odd"),
  cachedModel("e/last", { contextLength: 32_768 })
]
const reports = { "d/odd": broken("Model type odd not supported.") }

describe("health", () => {
  it.scopedLive("answers with and without /v1, and to HEAD", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      for (const path of ["/health", "/v1/health"]) {
        const response = yield* get(url + path)
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual(yield* json(response), { status: "healthy", service: "mlx-knife-server" })
      }
      const head = yield* get(`${url}/health`, { method: "HEAD" })
      assert.strictEqual(head.status, 200)
      assert.strictEqual(yield* text(head), "")
    })
  )
})

describe("models", () => {
  it.scopedLive("lists what will answer", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer({ models, reports })
      for (const path of ["/v1/models", "/models"]) {
        const { data } = yield* Schema.decodeUnknown(ModelList)(yield* json(yield* get(url + path)))
        assert.deepStrictEqual(
          data.map(({ context_length, created, id }) => [id, context_length, created]),
          [
            ["a/first", 4096, 1_760_000_000],
            ["e/last", 32_768, 1_760_000_000]
          ]
        )
      }
    })
  )

  it.scopedLive("puts the preloaded model first", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer({
        models,
        reports,
        runner: { load: () => Effect.void },
        serve: { model: "e/last" }
      })
      const { data } = yield* Schema.decodeUnknown(ModelList)(yield* json(yield* get(`${url}/v1/models`)))
      assert.deepStrictEqual(
        data.map(({ id }) => id),
        ["e/last", "a/first"]
      )
    })
  )

  it.scopedLive("finds one by id, its slash raw or encoded", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer({ models, reports })
      for (const path of ["/v1/models/e/last", "/v1/models/e%2Flast", "/models/e/last"]) {
        const { id } = yield* Schema.decodeUnknown(ModelEntry)(yield* json(yield* get(url + path)))
        assert.strictEqual(id, "e/last")
      }
    })
  )

  it.scopedLive("does not know one that wouldn't answer", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer({ models, reports })
      for (const id of ["d/odd", "b/embedder", "nope", "e/last%20"]) {
        const response = yield* get(`${url}/v1/models/${id}`)
        assert.strictEqual(response.status, 404)
        const { error } = yield* envelope(yield* json(response))
        assert.deepStrictEqual([error.code, error.param, error.retryable], ["model_not_found", "model", false])
      }
    })
  )
})

describe("errors", () => {
  it.scopedLive("answers unknown paths and wrong methods in the envelope", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      const missing = yield* get(`${url}/v1/nothing?secret=1`)
      assert.strictEqual(missing.status, 404)
      const notFound = yield* envelope(yield* json(missing))
      assert.deepStrictEqual(notFound.error, {
        message: "No such endpoint: /v1/nothing",
        type: "not_found",
        param: null,
        code: null,
        retryable: false
      })
      const wrong = yield* get(`${url}/v1/models`, { method: "DELETE" })
      assert.strictEqual(wrong.status, 405)
      assert.strictEqual(wrong.headers.get("allow"), "GET, HEAD")
      assert.strictEqual((yield* envelope(yield* json(wrong))).error.type, "method_not_allowed")
      const getChat = yield* get(`${url}/v1/chat/completions`)
      assert.strictEqual(getChat.headers.get("allow"), "POST")
    })
  )

  it.scopedLive("refuses a body over the limit before reading it", () =>
    Effect.gen(function* () {
      const { port } = yield* startServer()
      const answer = yield* raw(
        port,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 67108865\r\n\r\n"
      )
      assert.match(answer, /^HTTP\/1\.1 413 /)
      assert.include(answer, '"code":"request_too_large"')
    })
  )

  it.scopedLive("refuses a body that turns out to be over the limit", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      const mebibyte = new Uint8Array(1024 * 1024).fill(32)
      let sent = 0
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => (sent++ < 65 ? controller.enqueue(mebibyte) : controller.close())
      })
      const response = yield* get(`${url}/v1/chat/completions`, { method: "POST", body, duplex: "half" })
      assert.strictEqual(response.status, 413)
      assert.strictEqual((yield* envelope(yield* json(response))).error.code, "request_too_large")
    })
  )

  it.scopedLive("tells clients whether to retry, hides the home directory and says nothing of defects", () =>
    Effect.gen(function* () {
      const io = new CacheIo({ path: `${HOME}/hub/x`, problem: "EACCES" })
      const failing = yield* startServer({ runner: { generate: () => Stream.die(new Error("secret text")) } })
      const chat = { model: "org/tiny", messages: [{ role: "user", content: "hi" }] }
      const response = yield* postJson(`${failing.url}/v1/chat/completions`, chat)
      assert.strictEqual(response.status, 500)
      assert.strictEqual(response.headers.get("x-should-retry"), "false")
      const body = yield* text(response)
      assert.include(body, '"code":"internal_error"')
      assert.notInclude(body, "secret")
      assert.isTrue(failing.lines.some(({ level, message }) => level === "ERROR" && message === "request failed"))

      const unreadable = yield* startServer({ list: Effect.fail(io) })
      const denied = yield* text(yield* get(`${unreadable.url}/v1/models`))
      assert.include(denied, "~/hub/x")
      assert.notInclude(denied, HOME)
    })
  )
})

describe("request id", () => {
  const usable = "req-1.2:3_4"

  it.scopedLive("is the client's when usable, on every kind of answer", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      for (const [method, path] of [
        ["GET", "/health"],
        ["GET", "/nothing"],
        ["DELETE", "/v1/models"],
        ["POST", "/v1/chat/completions"]
      ] as const) {
        const response = yield* get(url + path, { method, headers: { "x-request-id": usable } })
        assert.strictEqual(response.headers.get("x-request-id"), usable)
        if (response.status !== 200) {
          assert.strictEqual((yield* envelope(yield* json(response))).request_id, usable)
        }
      }
    })
  )

  it.scopedLive("is a fresh UUID otherwise", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      for (const offered of ["with space", "x".repeat(129), "ü"]) {
        const response = yield* get(`${url}/health`, { headers: { "x-request-id": offered } })
        assert.match(response.headers.get("x-request-id") ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/)
      }
    })
  )

  it.scopedLive("is in the access line, which shows the route and no query", () =>
    Effect.gen(function* () {
      const server = yield* startServer()
      yield* get(`${server.url}/v1/models/org/tiny?token=1`, { headers: { "x-request-id": usable } })
      yield* server.stop
      const [line, ...others] = server.accessLines()
      assert.deepStrictEqual(others, [])
      const { duration_ms, ...fields } = line?.annotations ?? {}
      assert.isNumber(duration_ms)
      assert.deepStrictEqual(fields, {
        logger: "server",
        request_id: usable,
        method: "GET",
        route: "/models/*",
        status: 200,
        client: "127.0.0.1"
      })
    })
  )
})

describe("who may ask", () => {
  it.scopedLive("only names of this machine are served on loopback", () =>
    Effect.gen(function* () {
      const { port } = yield* startServer()
      const named = (host: string) => raw(port, `GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      for (const host of ["localhost", `LOCALHOST:${port}`, "127.0.0.1:1", "[::1]:8000"]) {
        assert.match(yield* named(host), /^HTTP\/1\.1 200 /)
      }
      for (const host of ["evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example"]) {
        const answer = yield* named(host)
        assert.match(answer, /^HTTP\/1\.1 403 /)
        assert.include(answer, '"code":"access_denied"')
      }
      assert.match(yield* raw(port, "GET /health HTTP/1.0\r\n\r\n"), /^HTTP\/1\.1 200 /)
    })
  )

  it.scopedLive("any name is served elsewhere, with a warning", () =>
    Effect.gen(function* () {
      const { lines, port } = yield* startServer({ serve: { host: "0.0.0.0" } })
      const answer = yield* raw(port, "GET /health HTTP/1.1\r\nHost: box.local\r\nConnection: close\r\n\r\n")
      assert.match(answer, /^HTTP\/1\.1 200 /)
      assert.strictEqual(lines.filter(({ level }) => level === "WARN").length, 1)
    })
  )

  it.scopedLive("preflights name the headers", () =>
    Effect.gen(function* () {
      const { url } = yield* startServer()
      const response = yield* get(`${url}/v1/chat/completions`, {
        method: "OPTIONS",
        headers: {
          origin: "https://ui.example",
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,x-stainless-os"
        }
      })
      assert.strictEqual(response.status, 200)
      assert.strictEqual(yield* text(response), "OK")
      const header = (name: string) => response.headers.get(`access-control-${name}`)
      assert.strictEqual(header("allow-origin"), "https://ui.example")
      assert.strictEqual(header("allow-headers"), "Authorization, Content-Type, X-Request-ID, x-stainless-os")
      assert.strictEqual(header("max-age"), "600")
      const simple = yield* get(`${url}/health`, { headers: { origin: "null" } })
      assert.strictEqual(simple.headers.get("access-control-allow-origin"), "null")
      assert.strictEqual(simple.headers.get("access-control-expose-headers"), "X-Request-ID")
      assert.strictEqual(simple.headers.get("vary"), "Origin")
    })
  )
})
