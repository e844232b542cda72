import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { addRepo } from "../../src/testing/hub/Store.js"
import { run } from "../support/Program.js"
import { noise, publish } from "../support/PullHub.js"
import { makeCertificates, makeProxy } from "../support/Tls.js"
import { TOKEN, workspace } from "../support/UploadHub.js"

const COMMAND = ["--import", "tsx", join(import.meta.dirname, "../../src/bin.ts")]
const WEIGHTS = noise(300_000)

const place = Effect.gen(function* () {
  const { authority, cert, key } = yield* makeCertificates
  const hub = yield* makeFakeHub({ partBytes: 100_000, tls: { cert, key } })
  const proxy = yield* makeProxy
  const root = yield* workspace({ "config.json": '{"model_type":"llama"}', "model.safetensors": WEIGHTS })
  const home = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_tls_home_"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const env: Readonly<Record<string, string>> = {
    HOME: home,
    HF_HOME: home,
    HF_ENDPOINT: hub.endpoint,
    HF_TOKEN: TOKEN,
    HTTPS_PROXY: proxy.url,
    NO_PROXY: "",
    no_proxy: ""
  }
  const mlxk = (args: ReadonlyArray<string>, more: Readonly<Record<string, string>> = {}) =>
    Effect.promise(() => run(process.execPath, [...COMMAND, ...args], { env: { ...env, ...more } }))
  return { authority, home, hub, mlxk, proxy, root }
})

const hostOf = (origin: string): string => new URL(origin).host

describe("TLS and a proxy", () => {
  it.scopedLive(
    "carry an upload and a download, both hosts through the tunnel, no secret said",
    () =>
      Effect.gen(function* () {
        const { authority, home, hub, mlxk, proxy, root } = yield* place
        const trusted = { NODE_EXTRA_CA_CERTS: authority }
        const pushed = yield* mlxk(["push", root, "me/model", "--private", "--create", "--json"], trusted)
        assert.strictEqual(pushed.code, 0, pushed.stdout + pushed.stderr)
        assert.deepStrictEqual([...new Set(proxy.tunnels)].sort(), [hostOf(hub.endpoint), hostOf(hub.storage)].sort())
        const copy = join(home, "copy")
        const cloned = yield* mlxk(["clone", "me/model", copy, "--json"], trusted)
        assert.strictEqual(cloned.code, 0, cloned.stdout + cloned.stderr)
        assert.isTrue(readFileSync(join(copy, "model.safetensors")).equals(WEIGHTS))
        const pulled = yield* mlxk(["pull", "me/model", "--json"], trusted)
        assert.strictEqual(pulled.code, 0, pulled.stdout + pulled.stderr)
        for (const { stderr, stdout } of [pushed, cloned, pulled]) assert.notInclude(stdout + stderr, TOKEN)
        assert.isTrue(hub.seen.storage.every(({ authorization }) => authorization === null))
      }),
    120_000
  )

  it.scopedLive(
    "go straight to the hosts of NO_PROXY, never to plain http, and to nobody whose certificate is not trusted",
    () =>
      Effect.gen(function* () {
        const { authority, hub, mlxk, proxy, root } = yield* place
        const direct = { NODE_EXTRA_CA_CERTS: authority, NO_PROXY: "localhost" }
        const pushed = yield* mlxk(["push", root, "me/model", "--private", "--create"], direct)
        assert.strictEqual(pushed.code, 0, pushed.stderr)
        assert.deepStrictEqual(proxy.tunnels, [])
        const away = { status: 307, headers: { location: `${hub.endpoint.replace("https:", "http:")}/x` } }
        hub.plan([{ when: /^GET /, times: 1, trouble: away }])
        const downgraded = yield* mlxk(["push", root, "me/model", "--private"], direct)
        assert.include(downgraded.stderr, "plain http")
        const requests = hub.seen.hub.length
        const refused = yield* mlxk(["push", root, "me/model", "--private"])
        assert.strictEqual(refused.code, 1)
        assert.include(refused.stderr, "certificate")
        assert.strictEqual(hub.seen.hub.length, requests)
      }),
    120_000
  )

  it.scopedLive(
    "end at once at a storage whose certificate is not good, and name what is wrong with it",
    () =>
      Effect.gen(function* () {
        const { authority, cert, expired, key, otherHost, selfSigned } = yield* makeCertificates
        const root = yield* workspace({ "model.safetensors": noise(300_000, 2) })
        const pull = ["pull", "acme/tiny", "--events"]
        const push = ["push", root, "me/model", "--private"]
        for (const [bad, problem, args] of [
          [expired, /certificate is not valid at this time/, pull],
          [otherHost, /certificate is for another host/, push],
          [selfSigned, /certificate is not trusted; NODE_EXTRA_CA_CERTS/, pull]
        ] as const) {
          const hub = yield* makeFakeHub({ tls: { cert, key }, storageTls: { cert: bad, key } })
          publish(hub, "acme/tiny", { "config.json": "{}", "model.safetensors": WEIGHTS })
          addRepo(hub.store, "me/model")
          const env = {
            HF_HOME: root,
            HF_ENDPOINT: hub.endpoint,
            HF_TOKEN: TOKEN,
            NODE_EXTRA_CA_CERTS: authority,
            NO_PROXY: "*"
          }
          const ended = yield* Effect.promise(() => run(process.execPath, [...COMMAND, ...args], { env }))
          assert.match(ended.stderr, problem)
          assert.notInclude(ended.stderr, '"retrying"')
          assert.strictEqual(ended.code, 1)
          assert.deepStrictEqual(hub.seen.storage, [])
        }
      }),
    120_000
  )
})
