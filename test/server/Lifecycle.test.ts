import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Schema, Stream } from "effect"
import { CheckpointInvalid } from "../../src/domain/Errors.js"
import { makeListener, stop } from "../../src/server/Listener.js"
import { makeShutdown } from "../../src/server/Shutdown.js"
import { ErrorEnvelope } from "../../src/server/wire/Envelope.js"
import { answer, get, json, postJson, startServer, text } from "../support/Server.js"

const chat = { model: "org/tiny", messages: [{ role: "user", content: "hi" }] }
const path = "/v1/chat/completions"
const started = Stream.concat(Stream.fromIterable(answer(["Hel"]).slice(0, 2)), Stream.never)

/** Connects, sends, waits for an answer if it sent something; yields the wait for the connection's end. */
const opened = (port: number, request: string) =>
  Effect.async<Effect.Effect<void>>((resume) => {
    const socket = connect(port, "127.0.0.1", () => (request === "" ? ready() : socket.write(request)))
    const ended = new Promise<void>((resolve) => socket.on("error", () => null).on("close", () => resolve()))
    const ready = () => resume(Effect.succeed(Effect.promise(() => ended)))
    socket.once("data", ready)
  })

describe("shutdown", () => {
  it.scopedLive("ends a running stream with server_shutdown", () =>
    Effect.gen(function* () {
      const server = yield* startServer({ runner: { generate: () => started } })
      const response = yield* postJson(server.url + path, { ...chat, stream: true })
      const stopping = yield* Effect.fork(server.stop)
      const body = yield* text(response)
      assert.include(body, '"content":"Hel"')
      assert.match(body, /"code":"server_shutdown","retryable":true\},"request_id":"[^"]+"\}\n\ndata: \[DONE\]\n\n$/)
      assert.notInclude(body, '"finish_reason":"stop"')
      yield* Fiber.join(stopping)
    })
  )

  it.scopedLive("answers a running request with 503", () =>
    Effect.gen(function* () {
      const running = yield* Deferred.make<void>()
      const generate = () =>
        Stream.concat(Stream.drain(Stream.fromEffect(Deferred.succeed(running, undefined))), Stream.never)
      const server = yield* startServer({ runner: { generate } })
      const asking = yield* Effect.fork(postJson(server.url + path, chat))
      yield* Deferred.await(running)
      yield* server.stop
      const response = yield* Fiber.join(asking)
      assert.strictEqual(response.status, 503)
      assert.strictEqual(response.headers.get("retry-after"), "1")
      const { error } = yield* Schema.decodeUnknown(ErrorEnvelope)(yield* json(response))
      assert.deepStrictEqual([error.type, error.retryable], ["server_shutdown", true])
    })
  )

  it.scopedLive("refuses new requests while an old one is still ending", () =>
    Effect.gen(function* () {
      const running = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<void>()
      const stubborn = Deferred.succeed(running, undefined).pipe(
        Effect.zipRight(Deferred.await(gate)),
        Effect.uninterruptible
      )
      const server = yield* startServer({
        runner: { generate: () => Stream.drain(Stream.fromEffect(stubborn)) }
      })
      const asking = yield* Effect.fork(postJson(server.url + path, chat))
      yield* Deferred.await(running)
      const stopping = yield* Effect.fork(server.stop)
      const health = yield* get(`${server.url}/health`).pipe(Effect.repeat({ until: ({ status }) => status === 503 }))
      assert.deepStrictEqual(yield* json(health), { status: "shutting_down", service: "mlx-knife-server" })
      for (const late of [yield* get(`${server.url}/v1/models`), yield* postJson(server.url + path, chat)]) {
        assert.strictEqual(late.status, 503)
        assert.include(yield* text(late), '"code":"server_shutdown"')
      }
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* Fiber.join(asking)).status, 503)
      yield* Fiber.join(stopping)
    })
  )

  it.scopedLive("cuts what is still open after the grace", () =>
    Effect.gen(function* () {
      const listener = yield* makeListener
      const { server } = listener
      const reached = yield* Deferred.make<void>()
      server.on("request", () => Effect.runFork(Deferred.succeed(reached, undefined)))
      yield* Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      })
      const address = server.address()
      if (address === null || typeof address === "string") assert.fail("should listen on a port")
      const socket = connect(address.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
      const cut = new Promise((resolve) => socket.on("error", () => null).on("close", resolve))
      yield* Deferred.await(reached)
      yield* stop(listener, yield* makeShutdown, Duration.millis(1))
      yield* Effect.promise(() => cut)
      assert.isFalse(server.listening)
    })
  )

  it.scopedLive("leaves the port free at once, whoever kept a connection", () =>
    Effect.gen(function* () {
      const first = yield* startServer()
      const used = yield* opened(first.port, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
      const silent = yield* opened(first.port, "")
      yield* first.stop
      yield* used
      yield* silent
      const second = yield* startServer({ serve: { port: first.port } })
      assert.strictEqual((yield* get(`${second.url}/health`)).status, 200)
    })
  )
})

describe("start", () => {
  it.scopedLive("fails on a busy port with the system's code", () =>
    Effect.gen(function* () {
      const { port } = yield* startServer()
      const error = yield* Effect.flip(startServer({ serve: { port } }))
      assert.deepInclude(error, { _tag: "BindFailed", host: "127.0.0.1", port, problem: "EADDRINUSE" })
    })
  )

  it.scopedLive("fails before it binds when the model can't be served", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(startServer({ serve: { model: "nope" } }))
      assert.strictEqual(missing._tag, "ModelNotFound")
      const invalid = new CheckpointInvalid({ model: "org/tiny", file: "config.json", problem: "missing" })
      const broken = yield* Effect.flip(
        startServer({ serve: { model: "org/tiny" }, runner: { load: () => Effect.fail(invalid) } })
      )
      assert.strictEqual(broken, invalid)
    })
  )

  it.scopedLive("tells the token limit", () =>
    Effect.gen(function* () {
      const dynamic = yield* startServer()
      assert.isTrue(dynamic.lines.some(({ message }) => message.includes("model-aware dynamic limits")))
      const limited = yield* startServer({ serve: { maxTokens: 321 } })
      assert.isTrue(limited.lines.some(({ message }) => message.includes("321")))
    })
  )
})
