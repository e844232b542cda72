import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { layer as layerRemote } from "../../src/LiveRemote.js"
import type { SettingsValues } from "../../src/services/Settings.js"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { addRepo } from "../../src/testing/hub/Store.js"
import { runCli } from "../support/Cli.js"
import { noise, publish } from "../support/PullHub.js"
import { cachedModel } from "../support/Server.js"
import { workspace } from "../support/UploadHub.js"

/** No form that a pattern would know. */
const CANARY = "canary7Zq"
const TOKEN = `${CANARY}token`
/** What no output may carry: 10 MB of it, and what would steer a terminal. */
const HOSTILE = `\u001b]0;title\u0007 ${TOKEN} Bearer ${CANARY}bearer https://me:${CANARY}pass@x/?X-Amz-Signature=${CANARY}signature ${"long ".repeat(2_000_000)}`
const ONE_LINE = 2000

const room = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_secrets_"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const server = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.acquireRelease(
    Effect.async<{ readonly endpoint: string; readonly close: () => void }>((resume) => {
      const http = createServer((request, response) => {
        request.resume()
        request.on("end", () => answer(request, response))
      })
      http.listen(0, "127.0.0.1", () => {
        const address = http.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const close = () => {
          http.closeAllConnections()
          http.close()
        }
        resume(Effect.succeed({ endpoint: `http://127.0.0.1:${port}`, close }))
      })
    }),
    ({ close }) => Effect.sync(close)
  )

/** Every command that reaches the Hub, for scripts and for people; everything they say and everything they write down. */
const said = (hub: Partial<SettingsValues["hub"]>, only: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const where = yield* room
    const root = yield* workspace({ "a.txt": "a", "model.safetensors": noise(20_000, 9) })
    const token = Redacted.make(TOKEN)
    const settings: Partial<SettingsValues> = {
      hubCache: join(where, "hub"),
      home: where,
      hubToken: token,
      pushToken: token,
      debug: true,
      logLevel: "debug",
      hub: { endpoint: "http://127.0.0.1:1", offline: false, httpProxy: null, httpsProxy: null, noProxy: null, ...hub }
    }
    const lines: ReadonlyArray<ReadonlyArray<string>> = [
      ["pull", "acme/tiny", "--events"],
      ["pull", "acme/tiny", "acme/other", "--json"],
      ["clone", "acme/tiny", join(where, "copy")],
      ["clone", "acme/tiny", join(where, "copy2"), "--json"],
      ["push", root, "me/model", "--private", "--verbose"],
      ["push", root, "me/model", "--private", "--json", "--create"],
      ["push", root, "me/model", "--private", "--dry-run", "--json"],
      ["push", root, "me/model", "--private", "--check-only", "--json"],
      ["outdated"],
      ["outdated", "--json"],
      ["update", "--json"]
    ]
    const texts: Array<string> = []
    for (const line of lines.filter(([name = ""]) => only.length === 0 || only.includes(name))) {
      const ended = yield* runCli(line, { remote: layerRemote, settings, models: [cachedModel("acme/cached")] })
      texts.push(ended.out, ended.err, ended.log.join("\n"))
    }
    const files = readdirSync(where, { recursive: true, encoding: "utf8" }).filter((path) =>
      statSync(join(where, path)).isFile()
    )
    return [...texts, ...files.map((path) => `${path}\n${readFileSync(join(where, path), "latin1")}`)]
  })

const clean = (texts: ReadonlyArray<string>) => {
  for (const text of texts) {
    const at = text.indexOf(CANARY)
    assert.strictEqual(at, -1, text.slice(Math.max(0, at - 200), at + 100))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    assert.notMatch(text, /[\u0007\u001b]/)
    for (const line of text.split("\n")) {
      // A document is one line and has several messages.
      assert.isBelow(line.length, line.startsWith("{") ? 8 * ONE_LINE : ONE_LINE, line.slice(0, 300))
    }
  }
}

describe("secrets", () => {
  it.scopedLive("of the endpoint are never said", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const host = hub.endpoint.replace("http://", "")
      for (const endpoint of [
        `http://me:${CANARY}@${host}`,
        `http://${CANARY}@${host}`,
        `http://me:${CANARY}/x@${host}`,
        `http://me:x@${CANARY}@${host}`,
        `ftp://me:${CANARY}@${host}`,
        `${hub.endpoint}/?token=${CANARY}`,
        `${hub.endpoint}/#${CANARY}`
      ]) {
        clean(yield* said({ endpoint }))
      }
      assert.deepStrictEqual(hub.seen.hub, [])
    })
  )

  it.scopedLive("of a proxy are never said", () =>
    Effect.gen(function* () {
      for (const httpProxy of [`http://me:${CANARY}@127.0.0.1:1`, `http://me:${CANARY}@[::`, `${CANARY}@127.0.0.1:1`]) {
        clean(yield* said({ httpProxy }, ["push", "outdated"]))
      }
    })
  )

  const answers: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
    "in a body": (_, response) => response.writeHead(403).end(JSON.stringify({ error: HOSTILE.slice(0, 60_000) })),
    "in a body beyond all bounds": (_, response) => response.writeHead(418).end(JSON.stringify({ message: HOSTILE })),
    "in a header": (_, response) =>
      response.writeHead(400, { "x-error-message": `no ${TOKEN} Bearer ${CANARY} ${"long ".repeat(2000)}` }).end(),
    "as a code": (_, response) => response.writeHead(401, { "x-error-code": TOKEN }).end(),
    "in a redirect": (_, response) =>
      response.writeHead(307, { location: `http://127.0.0.1:1/?X-Amz-Signature=${CANARY}` }).end(),
    "in a listing": (_, response) =>
      response.end(
        JSON.stringify({
          sha: "a".repeat(40),
          siblings: [{ rfilename: `../${TOKEN.slice(0, 3)}${"long".repeat(10_000)}`, size: 1, blobId: "b".repeat(40) }]
        })
      )
  }
  for (const [where, answer] of Object.entries(answers)) {
    it.scopedLive(`that the Hub repeats ${where} are not said again`, () =>
      Effect.gen(function* () {
        const { endpoint } = yield* server(answer)
        clean(yield* said({ endpoint }))
      })
    )
  }

  it.scopedLive("and endless texts of an upload plan are not said again", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ lfsFromBytes: 1000 })
      addRepo(hub.store, "me/model")
      const { createHash } = yield* Effect.promise(() => import("node:crypto"))
      const oid = createHash("sha256").update(noise(20_000, 9)).digest("hex")
      const refused = { objects: [{ oid, error: { code: 422, message: HOSTILE } }] }
      const body = JSON.stringify(refused)
      hub.plan([{ when: /objects\/batch/, times: 9, trouble: { status: 200, body } }])
      const texts = yield* said({ endpoint: hub.endpoint }, ["push"])
      clean(texts)
      assert.match(texts.join("\n"), /model\.safetensors: .*title/)
    })
  )

  it.scopedLive("of signed addresses are not said when those fail, nor what a commit answers", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ lfsFromBytes: 1000 })
      addRepo(hub.store, "me/model")
      publish(hub, "acme/tiny", { "config.json": "{}", "model.safetensors": noise(20_000, 7) })
      const away = { status: 302, headers: { location: `http://127.0.0.1:1/x?X-Amz-Signature=${CANARY}` } }
      hub.plan([
        {
          when: /resolve\/.*safetensors/,
          times: 99,
          trouble: { status: 302, headers: { location: `ftp://${CANARY}@x/` } }
        }
      ])
      clean(yield* said({ endpoint: hub.endpoint }, ["outdated"]))
      hub.plan([{ when: /^PUT /, times: 99, trouble: { ...away, status: 403, body: HOSTILE } }])
      clean(yield* said({ endpoint: hub.endpoint }, ["push"]))
      const answer = { commitOid: `${TOKEN}`, commitUrl: `https://me:${CANARY}@x/${HOSTILE}` }
      hub.plan([{ when: /\/commit\//, times: 99, trouble: { status: 200, body: JSON.stringify(answer) } }])
      clean(yield* said({ endpoint: hub.endpoint }, ["push"]))
    })
  )
})
