import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createRawServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { FakeHub } from "../../src/testing/hub/FakeHub.js"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { FILES, REPO } from "../support/PullFaults.js"
import { faultsIn, publish, pullOf } from "../support/PullHub.js"

const TOKEN = "hf_secretsecretsecretsecretsecretsecret"
const COMMIT = "a".repeat(40)
const BLOB = "b".repeat(40)

const cache = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_hostile_"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const listening = (server: {
  listen: (port: number, host: string, then: () => void) => unknown
  address: () => unknown
}) =>
  Effect.async<string>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null && "port" in address ? address.port : 0
      resume(Effect.succeed(`http://127.0.0.1:${port}`))
    })
  })

/** A Hub that speaks HTTP. */
const speaking = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      createServer((request, response) => {
        response.on("error", () => {})
        answer(request, response)
      })
    ),
    (server) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  ).pipe(Effect.flatMap(listening))

/** A Hub that writes what it likes as soon as it is asked. */
const raw = (answer: (socket: Socket) => void) =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        createRawServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => socket.destroy())
          socket.once("data", () => answer(socket))
        })
      ),
      (made) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          made.close()
        })
    )
    return yield* listening(server)
  })

const pulled = (endpoint: string) =>
  Effect.gen(function* () {
    const hubCache = yield* cache
    const token = Redacted.make(TOKEN)
    const hub = { endpoint, offline: false, httpProxy: null, httpsProxy: null, noProxy: null }
    const settings = { hubToken: token, pushToken: token, hub }
    // Only its address is asked for.
    const fake = yield* makeFakeHub()
    const { error } = yield* pullOf({ hub: { ...fake, endpoint }, cache: hubCache, settings }, REPO)
    assert.deepStrictEqual(readdirSync(hubCache), [], "something was written")
    return error
  })

/** Writes for as long as the other side takes it. */
const endless = (socket: Socket, piece: string) => {
  const more = () => {
    while (!socket.destroyed && socket.write(piece)) {}
  }
  socket.on("drain", more)
  more()
}

const listing = (siblings: ReadonlyArray<unknown>) => JSON.stringify({ sha: COMMIT, siblings })
const sized = (size: string) => `{"sha":"${COMMIT}","siblings":[{"rfilename":"a","size":${size},"blobId":"${BLOB}"}]}`
const named = (...names: ReadonlyArray<string>) =>
  listing(names.map((rfilename) => ({ rfilename, size: 1, blobId: BLOB })))

describe("a listing", () => {
  const heads: Readonly<Record<string, readonly [(socket: Socket) => void, RegExp]>> = {
    "one header without end": [
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\nx-long: ")
        endless(socket, "a".repeat(16_384))
      },
      /headers/
    ],
    "headers without end": [
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\n")
        endless(socket, "x-header: value\r\n".repeat(1000))
      },
      /headers/
    ],
    "no HTTP": [(socket) => socket.write("220 mail.example ESMTP\r\n"), /no HTTP/]
  }
  for (const [what, [answer, problem]] of Object.entries(heads)) {
    it.scopedLive(`with ${what} is told of`, () =>
      Effect.gen(function* () {
        const error = yield* pulled(yield* raw(answer))
        assert.strictEqual(error?._tag, "HubUnavailable")
        assert.match(String(error?.message), problem)
      })
    )
  }

  it.scopedLive("that claims to be compressed, and would be large, is not unpacked", () =>
    Effect.gen(function* () {
      const bomb = gzipSync(Buffer.alloc(200 * 2 ** 20, " "))
      const seen: Array<string | undefined> = []
      const endpoint = yield* speaking((request, response) => {
        seen.push(request.headers["accept-encoding"])
        response.writeHead(200, { "content-encoding": "gzip" }).end(bomb)
      })
      const before = process.memoryUsage().rss
      assert.strictEqual((yield* pulled(endpoint))?._tag, "HubUnavailable")
      assert.isBelow(process.memoryUsage().rss - before, 150 * 2 ** 20)
      assert.deepStrictEqual(seen, [undefined])
    })
  )

  const targets = [
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "data:text/plain,x",
    "javascript:1",
    "http://me:x@127.0.0.1/",
    "//[::bad",
    "http:///"
  ]
  for (const location of targets) {
    it.scopedLive(`that sends to ${location} is not followed`, () =>
      Effect.gen(function* () {
        const endpoint = yield* speaking((_, response) => response.writeHead(302, { location }).end())
        assert.strictEqual((yield* pulled(endpoint))?._tag, "HubUnusable")
      })
    )
  }

  const bodies: Readonly<Record<string, string>> = {
    "a size with a fraction": sized("1.5"),
    "a size of 2^63": sized("9223372036854775808"),
    "a size of -0.5": sized("-0.5"),
    "a size beyond all numbers": sized("1e999"),
    "a size that is not a number": sized("NaN"),
    "a size in letters": sized('"1"'),
    "a list of null": `{"sha":"${COMMIT}","siblings":[null]}`,
    "a name twice": named("a", "a"),
    "a name of 256 bytes": named("é".repeat(128)),
    "a path of 4096 bytes": named(`${"a/".repeat(2047)}ab`),
    "half a character": `{"sha":"${COMMIT}","siblings":[{"rfilename":"\\ud800","size":1,"blobId":"${BLOB}"}]}`,
    "the name of a directory above": named("a/../b"),
    "a key that changes objects": `{"sha":"${COMMIT}","__proto__":{"siblings":[]}}`
  }
  for (const [what, body] of Object.entries(bodies)) {
    it.scopedLive(`with ${what} is refused`, () =>
      Effect.gen(function* () {
        const endpoint = yield* speaking((_, response) => response.end(body))
        assert.include(["RepoRefused", "HubUnavailable"], (yield* pulled(endpoint))?._tag)
      })
    )
  }
})

describe("the bytes", () => {
  const place = Effect.gen(function* () {
    const hub: FakeHub = yield* makeFakeHub()
    publish(hub, REPO, FILES)
    return { hub, cache: yield* cache }
  })

  it.scopedLive("are not fetched from a file, nor in circles, and what fails is named", () =>
    Effect.gen(function* () {
      const { cache: where, hub } = yield* place
      for (const location of ["file:///etc/passwd", "data:,x", "/acme/tiny/resolve/again"]) {
        hub.plan([
          { when: /^GET \/acme\/tiny\/resolve\//, times: 10_000, trouble: { status: 302, headers: { location } } }
        ])
        const { error } = yield* pullOf({ hub, cache: where }, REPO)
        assert.strictEqual(error?._tag, "DownloadFailed")
        assert.deepStrictEqual(faultsIn(where, REPO, FILES), [])
      }
    })
  )

  it.scopedLive("come to the end also where ETags and commits are missing or say something else", () =>
    Effect.gen(function* () {
      const { cache: where, hub } = yield* place
      const odd: ReadonlyArray<Record<string, string>> = [
        {},
        {
          etag: 'W/"weak"',
          "x-repo-commit": "not a commit",
          "x-linked-etag": "../../etc/passwd",
          "x-linked-size": "-1"
        }
      ]
      for (const headers of odd) {
        const oid = [...hub.store.objects.keys()][0] ?? ""
        const location = `${hub.storage}/files/${oid}?signature=0`
        hub.plan([
          { when: /resolve.*model\.safetensors/, times: 1, trouble: { status: 302, headers: { ...headers, location } } }
        ])
        rmSync(where, { recursive: true, force: true })
        const { error } = yield* pullOf({ hub, cache: where }, REPO)
        assert.isNull(error)
        assert.deepStrictEqual(faultsIn(where, REPO, FILES), [])
      }
    })
  )

  it.scopedLive("are asked for without the token where a redirect leads to a host of the inside", () =>
    Effect.gen(function* () {
      const seen: Array<string | undefined> = []
      const inside = yield* speaking((request, response) => {
        seen.push(request.headers.authorization)
        response.writeHead(404).end()
      })
      const { cache: where, hub } = yield* place
      const token = Redacted.make(TOKEN)
      const away = { status: 302, headers: { location: `${inside}/latest/meta-data` } }
      hub.plan([{ when: /^GET \/acme\/tiny\/resolve\//, times: 10_000, trouble: away }])
      const settings = {
        hubToken: token,
        hub: { endpoint: hub.endpoint, offline: false, httpProxy: null, httpsProxy: null, noProxy: null }
      }
      const { error } = yield* pullOf({ hub, cache: where, settings }, REPO)
      assert.strictEqual(error?._tag, "DownloadFailed")
      assert.isAbove(seen.length, 0)
      assert.isTrue(seen.every((authorization) => authorization === undefined))
    })
  )
})
