import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schema, Stream } from "effect"
import type { GenerateEvent } from "../../src/domain/Generation.js"
import { ErrorEnvelope } from "../../src/server/wire/Envelope.js"
import { answer, get, raw, rawPost, startServer } from "../support/Server.js"

const path = "/v1/chat/completions"
const chat = { model: "org/tiny", messages: [{ role: "user", content: "hi" }] }
const CLOSE = "Connection: close"

/** A generation that never ends, and says when it began and when it was stopped. */
const endless = Effect.gen(function* () {
  const begun = yield* Deferred.make<void>()
  const stopped = yield* Deferred.make<void>()
  const events: Stream.Stream<GenerateEvent> = Stream.fromEffect(Deferred.succeed(begun, undefined)).pipe(
    Stream.drain,
    Stream.concat(Stream.never),
    Stream.ensuring(Deferred.succeed(stopped, undefined))
  )
  return { events, begun: Deferred.await(begun), stopped: Deferred.await(stopped) }
})

/** Sends these bytes; the result closes the connection. */
const opened = (port: number, request: string) =>
  Effect.async<Effect.Effect<void>>((resume) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(request)
      resume(Effect.succeed(Effect.sync(() => socket.destroy())))
    })
    socket.on("error", () => null)
  })

describe("a client that leaves", () => {
  it.scopedLive("stops its pipelined requests too", () =>
    Effect.gen(function* () {
      const generations = [yield* endless, yield* endless, yield* endless]
      let next = 0
      const server = yield* startServer({
        runner: { generate: () => generations[next++]?.events ?? Stream.die("too many") }
      })
      const leave = yield* opened(server.port, rawPost(path, chat).repeat(generations.length))
      for (const { begun } of generations) yield* begun
      yield* leave
      for (const { stopped } of generations) yield* stopped
      yield* server.stop
      assert.deepStrictEqual(
        server.accessLines().map(({ annotations }) => annotations["aborted"]),
        [true, true, true]
      )
      assert.isFalse(server.lines.some(({ level }) => level === "WARN"))
    })
  )
})

describe("a half-closed client", () => {
  it.scopedLive("gets its answer, streamed or not", () =>
    Effect.gen(function* () {
      const { port } = yield* startServer()
      const whole = yield* raw(port, rawPost(path, chat), "end")
      assert.match(whole, /^HTTP\/1\.1 200 /)
      assert.include(whole, '"content":"Hello"')
      assert.match(yield* raw(port, rawPost(path, { ...chat, stream: true }), "end"), /data: \[DONE\]/)
      assert.match(yield* raw(port, "GET /health HTTP/1.0\r\n\r\n", "end"), /^HTTP\/1\.1 200 /)
    })
  )

  it.scopedLive("gets all answers it asked for", () =>
    Effect.gen(function* () {
      const { port } = yield* startServer()
      const answers = yield* raw(port, rawPost(path, chat).repeat(3), "end")
      assert.strictEqual(answers.match(/HTTP\/1\.1 200 /g)?.length, 3)
    })
  )

  it.scopedLive("is told apart from one that is gone before a late answer", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const gate = yield* Deferred.make<void>()
      const held = Effect.zipRight(Deferred.succeed(asked, undefined), Deferred.await(gate))
      const late = Stream.concat(Stream.drain(Stream.fromEffect(held)), Stream.fromIterable(answer(["late"])))
      const gone = yield* endless
      const generations = [late, gone.events]
      const { port } = yield* startServer({ runner: { generate: () => generations.shift() ?? Stream.die("too many") } })
      const waiting = yield* Effect.fork(raw(port, rawPost(path, chat), "end"))
      yield* Deferred.await(asked)
      const leave = yield* opened(port, rawPost(path, chat))
      yield* gone.begun
      yield* leave
      yield* gone.stopped
      yield* Deferred.succeed(gate, undefined)
      assert.include(yield* Fiber.join(waiting), '"content":"late"')
    })
  )
})

describe("an offer to upgrade", () => {
  const h2c = ["Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
  const webSocket = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]

  it.scopedLive("is ignored, and the body read", () =>
    Effect.gen(function* () {
      const { port } = yield* startServer()
      const received = yield* raw(port, rawPost(path, chat, h2c), "end")
      assert.match(received, /^HTTP\/1\.1 200 /)
      assert.include(received, '"content":"Hello"')
      const health = ["GET /health HTTP/1.1", "Host: localhost", ...webSocket, "", ""].join("\r\n")
      assert.match(yield* raw(port, health, "end"), /^HTTP\/1\.1 200 /)
    })
  )
})

describe("what is no request", () => {
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\n`
  const refused: ReadonlyArray<readonly [name: string, request: string, status: number]> = [
    ["another protocol", "\x16\x03\x01\x02\x00\x01", 400],
    ["two lengths of the body", `${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ["a length that is none", `${head}Content-Length: -1\r\n\r\n`, 400],
    ["a malformed chunk", `${head}Transfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n`, 400],
    ["half a body", `${head}Content-Length: 10\r\n\r\n{}`, 400],
    ["endless headers", `${head}X-Long: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ["a tunnel", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", 405]
  ]

  it.scopedLive("is refused in the envelope, with an id and an access line", () =>
    Effect.gen(function* () {
      const server = yield* startServer()
      for (const [name, request, status] of refused) {
        const [headers = "", body] = (yield* raw(server.port, request, "end")).split("\r\n\r\n")
        assert.match(headers, new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`), name)
        assert.include(headers, CLOSE)
        const { error, request_id } = yield* Schema.decodeUnknown(Schema.parseJson(ErrorEnvelope))(body)
        assert.deepStrictEqual([error.type, error.retryable], ["validation_error", false])
        assert.include(headers, `X-Request-ID: ${request_id}`)
        const line = server.accessLines().find(({ annotations }) => annotations["request_id"] === request_id)
        assert.strictEqual(line?.annotations["status"], status)
      }
      assert.strictEqual((yield* get(`${server.url}/health`)).status, 200)
    })
  )

  it.scopedLive("is neither a missing Host nor an unknown expectation", () =>
    Effect.gen(function* () {
      const { port } = yield* startServer()
      for (const header of [CLOSE, `Host: localhost\r\nExpect: nothing\r\n${CLOSE}`]) {
        const received = yield* raw(port, `GET /health HTTP/1.1\r\n${header}\r\n\r\n`)
        assert.match(received, /^HTTP\/1\.1 200 /)
        assert.match(received, /x-request-id: /i)
      }
      const waiting = rawPost(path, chat, ["Expect: 100-continue", CLOSE])
      assert.match(yield* raw(port, waiting), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
    })
  )
})
