/** Connections for bytes as their requests see them, against servers that are written out. */
import { type AddressInfo, createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { Agent, buildConnector, type Dispatcher } from "undici"
import { vi } from "vitest"
import { makeDispatcher } from "../../../src/hub/Dispatcher.js"
import { makeBytePool } from "../../../src/hub/http/BytePool.js"
import { type ByteRequest, fetchBytes, type Outcome, startRequest } from "../../../src/hub/transfer/Request.js"

/** What a server does with the head of a request; counted per connection and over all. */
type Manners = (socket: Socket, head: string, at: { readonly connection: number; readonly request: number }) => void

const answer = (body: string, headers = ""): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`

const makePlace = (manners: Manners) =>
  Effect.gen(function* () {
    const heads: Array<string> = []
    const sockets = new Set<Socket>()
    let connections = 0
    const server = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const made = createServer((socket) => {
          const connection = ++connections
          let held = ""
          sockets.add(socket)
          socket.on("error", () => {}).on("close", () => sockets.delete(socket))
          socket.on("data", (data) => {
            held += data.toString("latin1")
            for (let end = held.indexOf("\r\n\r\n"); end >= 0; end = held.indexOf("\r\n\r\n")) {
              heads.push(held.slice(0, end))
              held = held.slice(end + 4)
              manners(socket, heads.at(-1) ?? "", { connection, request: heads.length })
            }
          })
        })
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          made.close()
        })
    )
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const settings = { httpProxy: null, httpsProxy: null, noProxy: null, offline: false, endpoint: origin }
    const dispatcher = yield* Effect.acquireRelease(
      Effect.sync(() => makeDispatcher(settings, "bulk")),
      (made) => Effect.promise(() => made.destroy())
    )
    return { origin, dispatcher, heads, sockets, connections: () => connections, server }
  })

const requestOf = (url: string, sink: (bytes: Uint8Array) => void = () => {}) => ({
  url: new URL(url),
  headers: { "user-agent": "test" },
  silenceMs: 5000,
  rate: null,
  receive: () => ({ _tag: "Take", position: 0, limit: 1000 }) as const,
  write: (_: number, buffers: ReadonlyArray<Uint8Array>) => {
    for (const buffer of buffers) sink(buffer)
  }
})

/** The text that a request brought, or why it did not. */
const textOf = (dispatcher: Dispatcher, url: string, changes: Partial<ByteRequest> = {}) =>
  Effect.gen(function* () {
    const pieces: Array<Uint8Array> = []
    const request = { ...requestOf(url, (bytes) => pieces.push(Uint8Array.from(bytes))), ...changes }
    const outcome: Outcome = yield* fetchBytes(dispatcher, request)
    if (outcome._tag === "Broken") return outcome.problem
    return outcome._tag === "Answered" ? Buffer.concat(pieces).toString("latin1") : "not written"
  })

describe("a connection for bytes", () => {
  it.scopedLive("serves one request after another, each in one clean head", () =>
    Effect.gen(function* () {
      const { connections, dispatcher, heads, origin } = yield* makePlace((socket, _, { request }) => {
        socket.write(answer(`body ${request}`))
      })
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/a?b=c%20d#e`), "body 1")
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/`), "body 2")
      assert.strictEqual(connections(), 1)
      assert.deepStrictEqual(heads[0]?.split("\r\n").toSorted(), [
        "GET /a?b=c%20d HTTP/1.1",
        "accept-encoding: identity",
        "connection: keep-alive",
        `host: ${origin.slice("http://".length)}`,
        "user-agent: test"
      ])
    })
  )

  const leaving: Readonly<Record<string, Manners>> = {
    "that the server gives up": (socket, _, { request }) => {
      socket.write(answer(`body ${request}`, "connection: close\r\n"))
    },
    "that the server ends": (socket, _, { request }) => {
      socket.end(answer(`body ${request}`))
    },
    "on which more came than was asked for": (socket, _, { request }) => {
      socket.write(`${answer(`body ${request}`)}HTTP/1.1 200 OK\r\n`)
    },
    "of an answer without a length": (socket, _, { request }) => {
      socket.end(`HTTP/1.1 200 OK\r\n\r\nbody ${request}`)
    }
  }
  for (const [name, manners] of Object.entries(leaving)) {
    it.scopedLive(`${name} is not used again`, () =>
      Effect.gen(function* () {
        const { connections, dispatcher, origin, sockets } = yield* makePlace(manners)
        for (const count of [1, 2, 3]) {
          assert.strictEqual(yield* textOf(dispatcher, `${origin}/`), `body ${count}`)
          yield* Effect.promise(() => vi.waitUntil(() => sockets.size === 0, { interval: 1 }))
        }
        assert.strictEqual(connections(), 3)
      })
    )
  }

  it.scopedLive("that nobody asked anything brings nothing into the next answer", () =>
    Effect.gen(function* () {
      const { dispatcher, origin, sockets } = yield* makePlace((socket, _, { request }) => {
        socket.write(answer(`body ${request}`))
      })
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/`), "body 1")
      for (const socket of sockets) socket.write(answer("unasked"))
      yield* Effect.promise(() => vi.waitUntil(() => sockets.size === 0, { interval: 1 }))
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/`), "body 2")
    })
  )

  it.scopedLive("is not used when its server may be about to end it", () =>
    Effect.gen(function* () {
      const { connections, dispatcher, origin } = yield* makePlace((socket) => {
        socket.write(answer("body", "keep-alive: timeout=60\r\n"))
      })
      yield* textOf(dispatcher, `${origin}/`)
      const now = performance.now()
      const clock = vi.spyOn(performance, "now")
      yield* Effect.addFinalizer(() => Effect.sync(() => clock.mockRestore()))
      clock.mockReturnValue(now + 57_000)
      yield* textOf(dispatcher, `${origin}/`)
      assert.strictEqual(connections(), 1)
      clock.mockReturnValue(now + 57_000 + 58_100)
      yield* textOf(dispatcher, `${origin}/`)
      assert.strictEqual(connections(), 2)
    })
  )

  it.scopedLive("falls silent before the head, in a head that comes in drips, and in the body", () =>
    Effect.gen(function* () {
      const place = yield* makePlace((socket, head) => {
        if (head.includes("/silent")) return
        if (head.includes("/body")) return socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
        socket.write("HTTP/1.1 200 OK\r\n")
        const drip = setInterval(() => socket.write("a: b\r\n"), 10)
        socket.on("close", () => clearInterval(drip))
      })
      const { dispatcher, origin } = place
      const short = { silenceMs: 100 }
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/silent`, short), "no answer came in time")
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/drips`, short), "no answer came in time")
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/body`, short), "the answer stalled")
    })
  )

  const broken: Readonly<Record<string, readonly [manners: Manners, problem: string]>> = {
    "that ends at once": [(socket) => socket.end(), "the connection was closed"],
    "that is reset": [(socket) => socket.resetAndDestroy(), "the connection was reset"],
    "that ends in the body": [
      (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
      "the connection was closed"
    ],
    "that speaks something else": [(socket) => socket.write("+OK POP3 ready\r\n\r\n"), "its answer is no HTTP"]
  }
  for (const [name, [manners, problem]] of Object.entries(broken)) {
    it.scopedLive(`${name} fails its own request only`, () =>
      Effect.gen(function* () {
        const place = yield* makePlace((socket, head, at) => {
          if (head.includes("/bad")) manners(socket, head, at)
          else socket.write(answer("body"))
        })
        const { dispatcher, origin } = place
        const all = yield* Effect.all(
          ["/bad", "/good", "/bad", "/good"].map((path) => textOf(dispatcher, origin + path)),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(all, [problem, "body", problem, "body"])
      })
    )
  }

  it.scopedLive("that broke takes with it those that wait for a request, as the way to the host may be another", () =>
    Effect.gen(function* () {
      const place = yield* makePlace((socket, head, { connection }) => {
        if (connection > 4 || head.includes("/first")) socket.write(answer(`body ${connection}`))
      })
      const { dispatcher, origin } = place
      yield* Effect.all(
        Array.from({ length: 4 }, () => textOf(dispatcher, `${origin}/first`)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(place.connections(), 4)
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/`, { silenceMs: 100 }), "no answer came in time")
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/`, { silenceMs: 100 }), "body 5")
    })
  )

  it.scopedLive("that can't be had fails each request, and the next one asks again", () =>
    Effect.gen(function* () {
      const { dispatcher, origin, server } = yield* makePlace((socket) => socket.write(answer("body")))
      const { port } = server.address() as AddressInfo
      yield* Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
      })
      const ask = textOf(dispatcher, `${origin}/`)
      const failed = yield* Effect.all([ask, ask], { concurrency: "unbounded" })
      assert.deepStrictEqual(failed, ["the connection was refused", "the connection was refused"])
      yield* Effect.async<void>((resume) => {
        server.listen(port, "127.0.0.1", () => resume(Effect.void))
      })
      assert.strictEqual(yield* ask, "body")
    })
  )

  it.scopedLive("ends with the request that is given up, and takes no other one with it", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const { dispatcher, heads, origin, sockets } = yield* makePlace((socket, head) => {
        if (head.includes("/held")) Effect.runSync(Deferred.succeed(asked, undefined))
        else socket.write(answer("body"))
      })
      const held = yield* Effect.fork(textOf(dispatcher, `${origin}/held`))
      yield* Deferred.await(asked)
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/other`), "body")
      yield* Fiber.interrupt(held)
      yield* Effect.promise(() => vi.waitUntil(() => sockets.size === 1, { interval: 1 }))
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/other`), "body")
      assert.lengthOf(heads, 3)
    })
  )

  it.scopedLive("is never asked for what was given up while it waited", () =>
    Effect.gen(function* () {
      const waiting: Array<Socket> = []
      const { dispatcher, heads, origin } = yield* makePlace((socket) => waiting.push(socket))
      const many = yield* Effect.forkAll(Array.from({ length: 32 }, () => textOf(dispatcher, `${origin}/first`)))
      yield* Effect.promise(() => vi.waitUntil(() => waiting.length === 32, { interval: 1 }))
      const outcomes: Array<Outcome> = []
      const stop = startRequest(dispatcher, requestOf(`${origin}/given-up`), (outcome) => outcomes.push(outcome))
      const last = yield* Effect.fork(textOf(dispatcher, `${origin}/last`))
      yield* Effect.yieldNow()
      stop()
      for (const socket of waiting) socket.write(answer("body"))
      yield* Fiber.join(many)
      yield* Effect.promise(() => vi.waitUntil(() => waiting.length === 33, { interval: 1 }))
      waiting.at(-1)?.write(answer("body"))
      assert.strictEqual(yield* Fiber.join(last), "body")
      assert.isFalse(heads.some((head) => head.includes("/given-up")))
      assert.deepStrictEqual(outcomes, [])
    })
  )

  it.scopedLive("is not silent while this process itself stands still", () =>
    Effect.gen(function* () {
      const { dispatcher, origin } = yield* makePlace((socket) => {
        // A disk that takes its time, a machine that sleeps: the server is in this process.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
        socket.write(answer("body"))
      })
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/`, { silenceMs: 200 }), "body")
    })
  )

  it.scopedLive("that is paused by a rate is not taken for a silent one", () =>
    Effect.gen(function* () {
      const { dispatcher, origin } = yield* makePlace((socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc", () => setImmediate(() => socket.write("def")))
      })
      const slow = { silenceMs: 40, rate: { take: () => 120 } }
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/`, slow), "abcdef")
    })
  )

  for (const [name, manners] of Object.entries({
    stays: (socket: Socket) => socket.write(answer("body")),
    ends: (socket: Socket) => socket.end(answer("body")),
    "is reset": (socket: Socket) => {
      socket.write(answer("body"))
      setTimeout(() => socket.resetAndDestroy(), 30)
    },
    "brings more": (socket: Socket) => socket.write(`${answer("body")}more`)
  })) {
    it.scopedLive(
      `that is paused by a rate at its answer's last byte ends it after the pause, also when it ${name}`,
      () =>
        Effect.gen(function* () {
          const { dispatcher, origin } = yield* makePlace(manners)
          let hasWaited = false
          const take = () => {
            setTimeout(() => {
              hasWaited = true
            }, 20)
            return 100
          }
          assert.strictEqual(yield* textOf(dispatcher, `${origin}/`, { silenceMs: 60, rate: { take } }), "body")
          assert.isTrue(hasWaited)
          assert.strictEqual(yield* textOf(dispatcher, `${origin}/`), "body")
        })
    )
  }

  it.scopedLive("that is paused more than once serves the next request", () =>
    Effect.gen(function* () {
      const body = "x".repeat(3 * 2 ** 20)
      const { connections, dispatcher, origin } = yield* makePlace((socket) => socket.write(answer(body)))
      const receive = () => ({ _tag: "Take", position: 0, limit: body.length }) as const
      for (let count = 0; count < 6; count++) {
        const text = yield* textOf(dispatcher, `${origin}/`, { receive, silenceMs: 1000, rate: { take: () => 8 } })
        assert.strictEqual(text.length, body.length)
      }
      assert.strictEqual(connections(), 1)
    })
  )

  it.scopedLive("that is paused once for each of many chunks waits as long as the last one says, with one timer", () =>
    Effect.gen(function* () {
      const chunks = "1\r\nx\r\n".repeat(900)
      const { dispatcher, origin } = yield* makePlace((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`)
      })
      const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length
      const before = timers()
      let most = 0
      let taken = 0
      let hasWaited = false
      const take = () => {
        most = Math.max(most, timers() - before)
        if (++taken === 900) setTimeout(() => (hasWaited = true), 100)
        return taken < 900 ? 1 : 200
      }
      assert.strictEqual(yield* textOf(dispatcher, `${origin}/`, { rate: { take } }), "x".repeat(900))
      assert.isTrue(hasWaited)
      assert.isBelow(most, 10)
    })
  )

  it.scopedLive("on which an unwanted body drips is not waited for", () =>
    Effect.gen(function* () {
      const { dispatcher, origin, sockets } = yield* makePlace((socket) => {
        socket.write("HTTP/1.1 500 Broken\r\ncontent-length: 16000\r\n\r\n")
        const drip = setInterval(() => socket.write("x"), 10)
        socket.on("close", () => clearInterval(drip))
      })
      const receive = () => ({ _tag: "Leave" }) as const
      const outcome = yield* fetchBytes(dispatcher, { ...requestOf(`${origin}/`), receive, silenceMs: 200 })
      assert.deepInclude(outcome, { _tag: "Answered", received: 0 })
      yield* Effect.promise(() => vi.waitUntil(() => sockets.size === 0, { interval: 1 }))
    })
  )

  it.scopedLive("that nobody needs any more ends by itself", () =>
    Effect.gen(function* () {
      const { dispatcher, origin, sockets } = yield* makePlace((socket) => {
        socket.write(answer("body", "keep-alive: timeout=3\r\n"))
      })
      yield* textOf(dispatcher, `${origin}/`)
      assert.strictEqual(sockets.size, 1)
      yield* Effect.promise(() => vi.waitUntil(() => sockets.size === 0, { interval: 1, timeout: 20_000 }))
    })
  )

  it.scopedLive("that can't even be tried fails its request, and no later one hangs", () =>
    Effect.gen(function* () {
      const connect = () => {
        throw Object.assign(new Error(), { code: "ERR_SSL_NO_CIPHER_MATCH" })
      }
      const pool = makeBytePool(new URL("https://127.0.0.1:1"), { connect, connections: 2, bodyTimeout: 5000 })
      const agent = new Agent({ factory: () => pool })
      for (let count = 0; count < 5; count++) {
        assert.match(yield* textOf(agent, "https://127.0.0.1:1/"), /ERR_SSL_NO_CIPHER_MATCH/)
      }
    })
  )

  it.scopedLive("keeps no program alive while nothing is asked", () =>
    Effect.gen(function* () {
      const sockets = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
      const are = (count: number) =>
        Effect.promise(() => vi.waitUntil(() => sockets() === count, { interval: 1, timeout: 5000 }))
      yield* are(0)
      const place = yield* makePlace((socket) => socket.write(answer("body")))
      yield* textOf(place.dispatcher, `${place.origin}/`)
      assert.strictEqual(place.sockets.size, 1)
      // The server's own end.
      yield* are(1)
      const given = startRequest(place.dispatcher, requestOf(`${place.origin}/`), () => {})
      const early = startRequest(place.dispatcher, requestOf(`${place.origin}/`), () => {})
      given()
      early()
      yield* Effect.promise(() => vi.waitUntil(() => place.connections() === 2, { interval: 1 }))
      yield* are(place.sockets.size)
    })
  )

  it.scopedLive("that was the last one to a host leaves nothing of it behind", () =>
    Effect.gen(function* () {
      const { origin, sockets } = yield* makePlace((socket) => socket.write(answer("body")))
      const connect = buildConnector({})
      const pool = makeBytePool(new URL(origin), { connect, connections: 2, bodyTimeout: 5000 })
      let ends = 0
      pool.on("disconnect", () => ends++)
      const agent = new Agent({ factory: () => pool })
      assert.strictEqual(yield* textOf(agent, `${origin}/`), "body")
      assert.strictEqual(ends, 0)
      for (const socket of sockets) socket.end()
      yield* Effect.promise(() => vi.waitUntil(() => ends === 1, { interval: 1 }))
    })
  )

  it.scopedLive("carries no header that is more than a line", () =>
    Effect.gen(function* () {
      const { dispatcher, heads, origin } = yield* makePlace((socket) => socket.write(answer("body")))
      for (const value of ["a\r\nx: y", "a\nb", "a\0b", "\u4f60"]) {
        const headers = { "user-agent": value }
        assert.match(yield* textOf(dispatcher, `${origin}/`, { headers }), /can.t be sent/)
      }
      assert.lengthOf(heads, 0)
    })
  )

  it.scopedLive("ends with the program's use of it, waiting requests and all", () =>
    Effect.gen(function* () {
      const { dispatcher, heads, origin, sockets } = yield* makePlace(() => {})
      const all = yield* Effect.forkAll(Array.from({ length: 40 }, () => textOf(dispatcher, `${origin}/`)))
      yield* Effect.promise(() => vi.waitUntil(() => heads.length === 32, { interval: 1 }))
      yield* Effect.promise(() => dispatcher.destroy())
      const problems = yield* Fiber.join(all)
      assert.lengthOf(problems, 40)
      assert.notInclude(problems, "no answer came in time")
      yield* Effect.promise(() => vi.waitUntil(() => sockets.size === 0, { interval: 1 }))
      assert.lengthOf(heads, 32)
    })
  )
})
