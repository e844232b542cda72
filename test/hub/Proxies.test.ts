import { mkdtempSync, rmSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { FILES, REPO } from "../support/PullFaults.js"
import { faultsIn, publish, pullOf } from "../support/PullHub.js"

const PASSWORD = "hunter2"

/** What a proxy does with the head of a CONNECT. */
type Manners = (client: Socket, head: string) => void

const tunnel: Manners = (client, head) => {
  const [, host = "", port = ""] = /^CONNECT (\S+):(\d+)/.exec(head) ?? []
  const upstream = connect(Number(port), host, () => {
    client.write("HTTP/1.1 200 Connection established\r\n\r\n")
    upstream.pipe(client).pipe(upstream)
  })
  upstream.on("error", () => client.destroy())
  client.on("close", () => upstream.destroy())
}

const says =
  (answer: string): Manners =>
  (client) =>
    client.end(answer)

const FINAL: Readonly<Record<string, readonly [manners: Manners, problem: RegExp]>> = {
  "asks for another password": [
    says(
      'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="x"\r\ncontent-length: 0\r\n\r\n'
    ),
    /the proxy fails: it asks for a user name and password/
  ],
  "refuses the tunnel": [
    says("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
    /the proxy fails: it refuses.*HTTP 403/
  ]
}
const BROKEN: Readonly<Record<string, readonly [manners: Manners, problem: RegExp]>> = {
  "has no way to the host": [says("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"), /the proxy.*HTTP 502/],
  "closes at once": [(client) => client.destroy(), /the proxy/],
  "resets the connection": [(client) => client.resetAndDestroy(), /the proxy/],
  "speaks something else": [
    (client) => client.write("SSH-2.0-OpenSSH_9.2\r\n"),
    /the proxy fails: its answer is no HTTP/
  ]
}

/** Tunnels so often, then shows its manners. Counts the tunnels that were asked for. */
const proxyOf = (manners: Manners, goodTunnels: number) =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly asked: () => ReadonlyArray<string>; readonly close: () => void }>(
      (resume) => {
        const sockets = new Set<Socket>()
        const heads: Array<string> = []
        const server = createServer((client) => {
          sockets.add(client)
          client.on("error", () => client.destroy())
          client.once("data", (data) => {
            heads.push(data.toString("latin1"))
            const behave = heads.length <= goodTunnels ? tunnel : manners
            behave(client, data.toString("latin1"))
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const close = () => {
            for (const socket of sockets) socket.destroy()
            server.close()
          }
          resume(Effect.succeed({ url: `http://me:${PASSWORD}@127.0.0.1:${port}`, asked: () => heads, close }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

const pullThrough = (manners: Manners, goodTunnels: number) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub()
    const proxy = yield* proxyOf(manners, goodTunnels)
    publish(hub, REPO, FILES)
    const cache = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_proxy_"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    const settings = {
      hub: { endpoint: hub.endpoint, offline: false, httpProxy: proxy.url, httpsProxy: null, noProxy: null }
    }
    const pulled = yield* pullOf({ hub, cache, settings }, REPO)
    return { ...pulled, proxy, faults: faultsIn(cache, REPO, FILES), endpoint: hub.endpoint }
  })

describe("a proxy", () => {
  it.scopedLive("that tunnels is used for both hosts, with its password", () =>
    Effect.gen(function* () {
      const { error, faults, proxy } = yield* pullThrough(tunnel, 1000)
      assert.isNull(error)
      assert.deepStrictEqual(faults, [])
      const basic = Buffer.from(`me:${PASSWORD}`).toString("base64")
      assert.isTrue(proxy.asked().every((head) => head.includes(`Basic ${basic}`)))
    })
  )

  const told = (manners: Manners, goodTunnels: number, problem: RegExp) =>
    Effect.gen(function* () {
      const { error, faults, proxy } = yield* pullThrough(manners, goodTunnels)
      assert.match(String(error?.message), problem)
      assert.notInclude(JSON.stringify(error), PASSWORD)
      assert.deepStrictEqual(faults, [])
      return proxy.asked().length
    })
  for (const [what, [manners, problem]] of Object.entries(BROKEN)) {
    it.scopedLive(`that ${what} after the listing is told of`, () => told(manners, 1, problem))
  }
  for (const [what, [manners, problem]] of Object.entries(FINAL)) {
    it.scopedLive(`that ${what} is asked once`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* told(manners, 0, problem), 1)
        // The look at the config and the card, and then the bytes.
        assert.isAtMost(yield* told(manners, 1, problem), 1 + 2 + 16)
      })
    )
  }

  for (const url of ["ftp://127.0.0.1:1", `http://me:${PASSWORD}@[::bad/`, `http://me:${PASSWORD}%@127.0.0.1:1`]) {
    it.scopedLive(
      `with the address ${JSON.stringify(url.replace(PASSWORD, "…"))} is told of, and no password shown`,
      () =>
        Effect.gen(function* () {
          const hub = yield* makeFakeHub()
          const settings = {
            hub: { endpoint: hub.endpoint, offline: false, httpProxy: url, httpsProxy: null, noProxy: null }
          }
          const { error } = yield* pullOf({ hub, cache: "/nowhere", settings }, REPO)
          assert.match(String(error?.message), /the proxy fails: its address.*HTTPS_PROXY/)
          assert.notInclude(JSON.stringify(error), PASSWORD)
          assert.deepStrictEqual(hub.seen.hub, [])
        })
    )
  }
})
