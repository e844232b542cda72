import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"
import { makeDispatcher, type Purpose } from "../../src/hub/Dispatcher.js"

/** Counted, as the system tells nobody; the answers are its own. */
const lookups = vi.hoisted(() => ({ hosts: [] as string[] }))

vi.mock("node:dns", async (original) => {
  const real = await original<typeof import("node:dns")>()
  const lookup = (host: string, options: import("node:dns").LookupAllOptions) => {
    lookups.hosts.push(host)
    return real.promises.lookup(host, options)
  }
  const promises = { ...real.promises, lookup }
  return { ...real, promises, default: { ...real, promises } }
})

const MOST = 32
const REQUESTS = 80

/** Answers nobody before as many connections as may be are waiting, and notes the most that there ever were. */
const server = Effect.acquireRelease(
  Effect.async<{ readonly port: number; readonly most: () => number; readonly close: () => void }>((resume) => {
    const waiting: Array<ServerResponse> = []
    let open = 0
    let most = 0
    const http = createServer((_, response) => {
      waiting.push(response)
      if (most === MOST) for (const held of waiting.splice(0)) held.end("here")
    })
    http.on("connection", (socket) => {
      open++
      most = Math.max(most, open)
      socket.on("close", () => open--)
    })
    http.listen(0, () => {
      const { port } = http.address() as AddressInfo
      const close = () => {
        http.closeAllConnections()
        http.close()
      }
      resume(Effect.succeed({ port, most: () => most, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

const NO_PROXY = { httpProxy: null, httpsProxy: null, noProxy: null, offline: false }

describe("connections to one host", () => {
  for (const purpose of ["calls", "bulk"] satisfies ReadonlyArray<Purpose>) {
    it.scopedLive(`${purpose}: are so many at most, and its name is looked up once for all of them`, () =>
      Effect.gen(function* () {
        const { most, port } = yield* server
        const origin = `http://localhost:${port}`
        lookups.hosts.length = 0
        const dispatcher = yield* Effect.acquireRelease(
          Effect.sync(() => makeDispatcher({ ...NO_PROXY, endpoint: origin }, purpose)),
          (made) => Effect.promise(() => made.destroy())
        )
        const answers = yield* Effect.promise(() =>
          Promise.all(
            Array.from({ length: REQUESTS }, async () => {
              const { body } = await dispatcher.request({ origin, path: "/", method: "GET" })
              return body.text()
            })
          )
        )
        assert.deepStrictEqual([...new Set(answers)], ["here"])
        assert.strictEqual(most(), MOST)
        assert.deepStrictEqual(lookups.hosts, ["localhost"])
      })
    )
  }

  it.scopedLive("fail with what the system says of an unknown name, and ask again the next time", () =>
    Effect.gen(function* () {
      const dispatcher = yield* Effect.acquireRelease(
        Effect.sync(() => makeDispatcher({ ...NO_PROXY, endpoint: "http://no-such-host.invalid" }, "calls")),
        (made) => Effect.promise(() => made.destroy())
      )
      lookups.hosts.length = 0
      const ask = Effect.flip(
        Effect.tryPromise({
          try: () => dispatcher.request({ origin: "http://no-such-host.invalid", path: "/", method: "GET" }),
          catch: (error) => (error as NodeJS.ErrnoException).code
        })
      )
      assert.match((yield* ask) ?? "", /^(ENOTFOUND|EAI_AGAIN)$/)
      yield* ask
      assert.lengthOf(lookups.hosts, 2)
    })
  )
})
