import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http"
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, Layer, Redacted, TestClock } from "effect"
import { layer as layerClient } from "../../src/hub/Client.js"
import { layer as layerHub } from "../../src/hub/Hub.js"
import { pathConflict, pathProblem } from "../../src/hub/Paths.js"
import { Hub } from "../../src/services/Hub.js"
import type { SettingsValues } from "../../src/services/Settings.js"
import { layerSettings } from "../../src/testing.js"

const TOKEN = "hf_secretsecretsecretsecretsecretsecret"
const COMMIT = "a".repeat(40)
const BLOB = "b".repeat(40)

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server on loopback that answers as told; `seen` is what arrived. */
const server = (answer: Answer) =>
  Effect.acquireRelease(
    Effect.async<{ readonly origin: string; readonly seen: Array<IncomingMessage>; readonly close: () => void }>(
      (resume) => {
        const seen: Array<IncomingMessage> = []
        const listener: RequestListener = (request, response) => {
          seen.push(request)
          answer(request, response)
        }
        const http = createServer(listener).listen(0, "127.0.0.1", () => {
          const address = http.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const close = () => {
            http.closeAllConnections()
            http.close()
          }
          resume(Effect.succeed({ origin: `http://127.0.0.1:${port}`, seen, close }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

const layerFor = (endpoint: string, more: Partial<SettingsValues["hub"]> = {}, written = TOKEN) => {
  const token = Redacted.make(written)
  return Layer.provideMerge(layerHub, layerClient).pipe(
    Layer.provide(
      layerSettings({
        hubToken: token,
        pushToken: token,
        hub: { endpoint, offline: false, httpProxy: null, httpsProxy: null, noProxy: null, ...more }
      })
    )
  )
}

const revisionAt = (endpoint: string, more: Partial<SettingsValues["hub"]> = {}, token = TOKEN) =>
  Effect.flatMap(Hub, (hub) => hub.revision("org/model", "main")).pipe(Effect.provide(layerFor(endpoint, more, token)))

const json = (response: ServerResponse, value: unknown, headers: Readonly<Record<string, string>> = {}) =>
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(value))

const listing = (names: ReadonlyArray<string>, more: Readonly<Record<string, unknown>> = {}) => ({
  sha: COMMIT,
  siblings: names.map((rfilename) => ({ rfilename, size: 1, blobId: BLOB, ...more }))
})

describe("a request to the Hub", () => {
  it.scopedLive("is not made with a token that can't be sent", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => json(response, listing([])))
      const error = yield* Effect.flip(revisionAt(hub.origin, {}, "hf_\u0001x"))
      assert.strictEqual(error._tag, "HubUnusable")
      assert.include(error.message, "HF_TOKEN")
      assert.notInclude(error.message, "hf_")
      assert.lengthOf(hub.seen, 0)
    })
  )

  it.scopedLive("shows the token to the Hub's origin only, also when it is sent elsewhere", () =>
    Effect.gen(function* () {
      const other = yield* server((_, response) => json(response, listing(["config.json"])))
      const hub = yield* server((request, response) => {
        const away = request.url?.includes("/moved/") === true
        const target = away ? `${other.origin}${request.url}` : "/moved/here"
        response.writeHead(307, { location: target }).end()
      })
      const { commit } = yield* revisionAt(hub.origin)
      assert.strictEqual(commit, COMMIT)
      assert.deepStrictEqual(
        hub.seen.map(({ headers }) => headers.authorization),
        [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`]
      )
      assert.deepStrictEqual(
        other.seen.map(({ headers }) => headers.authorization),
        [undefined]
      )
    })
  )

  it.scopedLive("ends when it is sent from one address to the next", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => response.writeHead(302, { location: "/again" }).end())
      assert.include((yield* Effect.flip(revisionAt(hub.origin))).message, "from one address to the next")
      assert.lengthOf(hub.seen, 6)
    })
  )

  it.scopedLive("keeps the path of a mirror", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => json(response, listing([])))
      yield* revisionAt(`${hub.origin}/mirror`)
      assert.match(String(hub.seen[0]?.url), /^\/mirror\/api\/models\/org\/model\/revision\/main/)
    })
  )

  it.scopedLive("is not made offline", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => json(response, listing([])))
      const failed = yield* Effect.flip(revisionAt(hub.origin, { offline: true }))
      assert.strictEqual(failed._tag, "HubOffline")
      assert.lengthOf(hub.seen, 0)
    })
  )

  const refusals: ReadonlyArray<
    readonly [status: number, code: string | null, body: string, tag: string, says: RegExp]
  > = [
    [401, "GatedRepo", "", "HubAccessDenied", /Access denied.*gated.*HF_TOKEN/],
    [403, "GatedRepo", "", "HubAccessDenied", /gated/],
    [401, "RepoNotFound", "", "RepoNotFound", /org\/model/],
    [404, "RevisionNotFound", "", "RevisionNotFound", /main/],
    [404, null, "", "RepoNotFound", /org\/model/],
    [401, null, "", "HubAccessDenied", /token.*HTTP 401/],
    [403, null, '{"error":"no such right"}', "HubAccessDenied", /no such right/],
    [418, null, '{"message":"short and stout"}', "HubUnavailable", /418: short and stout/],
    [400, null, "<html>\u001b[31mnot JSON</html>", "HubUnavailable", /HTTP 400/]
  ]
  for (const [status, code, body, tag, says] of refusals) {
    it.scopedLive(`that is refused with ${status} ${code ?? "and no code"} fails as ${tag}`, () =>
      Effect.gen(function* () {
        const hub = yield* server((_, response) =>
          response.writeHead(status, code === null ? {} : { "x-error-code": code }).end(body)
        )
        const failed = yield* Effect.flip(revisionAt(hub.origin))
        assert.strictEqual(failed._tag, tag)
        assert.match(failed.message, says)
        assert.notInclude(failed.message, TOKEN)
        assert.lengthOf(hub.seen, 1)
      })
    )
  }

  it.scopedLive("is repeated while that may help, as soon as the Hub says", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => {
        const status = [429, 503, 500][hub.seen.length - 1]
        if (status === undefined) return json(response, listing([]))
        response.writeHead(status, { "retry-after": "0" }).end()
      })
      yield* revisionAt(hub.origin)
      assert.lengthOf(hub.seen, 4)
    })
  )

  it.scopedLive("fails at once when the Hub asks for an hour", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => response.writeHead(429, { "retry-after": "3600" }).end())
      assert.include((yield* Effect.flip(revisionAt(hub.origin))).message, "429")
      assert.lengthOf(hub.seen, 1)
    })
  )
})

describe("an endpoint", () => {
  it.scopedLive("with a password is refused, and the password is not shown", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => json(response, listing(["a"])))
      const error = yield* Effect.flip(revisionAt(hub.origin.replace("http://", "http://me:hunter2@")))
      assert.notInclude(error.message, "hunter2")
      assert.include(error.message, "HF_ENDPOINT")
      assert.strictEqual(error._tag, "HubUnusable")
      assert.lengthOf(hub.seen, 0)
    })
  )
})

describe("a listing", () => {
  const hostile: ReadonlyArray<readonly [what: string, answer: unknown]> = [
    ["no commit", { siblings: [] }],
    ["a commit that is a path", { sha: "../../etc", siblings: [] }],
    ["no files named", { sha: COMMIT }],
    ["no sizes", { sha: COMMIT, siblings: [{ rfilename: "a" }] }],
    ["a negative size", listing(["a"], { size: -1 })],
    ["a size beyond counting", listing(["a"], { size: 1e300 })],
    ["a hash that is a path", listing(["a"], { blobId: "../x" })],
    ["an LFS hash of the wrong kind", listing(["a"], { lfs: { sha256: BLOB, size: 1 } })],
    ["a text", "hello"],
    ["the same name twice", listing(["a", "a"])],
    ["a file below a file", listing(["a", "a/b"])],
    ...["../up", "/etc/passwd", "a/../../b", "a//b", ".", "", "a\0b", "c:evil", "a\\b", "x".repeat(300)].map(
      (name) => [`the name ${JSON.stringify(name.slice(0, 20))}`, listing([name])] as const
    )
  ]
  for (const [what, answer] of hostile) {
    it.scopedLive(`with ${what} is refused`, () =>
      Effect.gen(function* () {
        const hub = yield* server((_, response) => json(response, answer))
        assert.strictEqual((yield* Effect.flip(revisionAt(hub.origin)))._tag, "RepoRefused")
      })
    )
  }

  it.scopedLive("of another commit than the one asked for is refused", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => json(response, listing(["a"])))
      const asked = (revision: string) =>
        Effect.flatMap(Hub, (live) => live.revision("org/model", revision)).pipe(Effect.provide(layerFor(hub.origin)))
      assert.strictEqual((yield* asked(COMMIT)).commit, COMMIT)
      assert.strictEqual((yield* Effect.flip(asked("c".repeat(40))))._tag, "RepoRefused")
    })
  )

  it.scopedLive("is not asked for where a name would make another URL", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => json(response, listing(["a"])))
      const pairs = [
        ["../model", "main"],
        ["org/..", "main"],
        ["org/mo\ndel", "main"],
        ["org/model", ".."],
        ["org/model", "../../main"],
        ["org/model", "a\0b"]
      ] as const
      for (const [repo, revision] of pairs) {
        const asked = Effect.flatMap(Hub, (live) =>
          Effect.zipRight(Effect.flip(live.commit(repo, revision)), Effect.flip(live.revision(repo, revision)))
        )
        const error = yield* Effect.provide(asked, layerFor(hub.origin))
        assert.strictEqual(error._tag, "RepoRefused", repo + revision)
      }
      assert.lengthOf(hub.seen, 0)
    })
  )

  it.scopedLive("of 100,000 files is read page by page", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 100_000 }, (_, index) => `part/${index}.bin`)
      const PAGE = 25_000
      const hub = yield* server((request, response) => {
        const url = new URL(request.url ?? "", "http://x")
        if (url.pathname.includes("/revision/")) return json(response, listing(names))
        const from = Number(url.searchParams.get("cursor") ?? 0)
        const entries = names.slice(from, from + PAGE).map((path) => ({ type: "file", path, size: 2, oid: BLOB }))
        const next = `<${hub.origin}${url.pathname}?cursor=${from + PAGE}>; rel="next"`
        json(response, entries, from + PAGE < names.length ? { link: next } : {})
      })
      const { files } = yield* revisionAt(hub.origin)
      assert.lengthOf(files, 100_000)
      assert.deepStrictEqual(files[99_999], { path: "part/99999.bin", size: 2, etag: BLOB })
      assert.lengthOf(hub.seen, 5)
    })
  )

  it("lets real names pass", () => {
    for (const name of ["config.json", "a/b/c.txt", "läs mig.md", "a..b", "-x", "日本語", ".gitattributes"]) {
      assert.isNull(pathProblem(name), name)
    }
    assert.isNull(pathConflict(["a/b", "a-b", "ab"]))
  })
})

describe("an answer", () => {
  it.scopedLive("that repeats the token, or has escapes for a terminal, is shown without", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) =>
        response.writeHead(403).end(JSON.stringify({ error: `no: ${TOKEN} \u001b[2Jgone` }))
      )
      const { message } = yield* Effect.flip(revisionAt(hub.origin))
      assert.include(message, "no: ")
      assert.notInclude(message, TOKEN)
      assert.notInclude(message, "\u001b")
    })
  )

  it.scoped("that comes in drips without end is given up", () =>
    Effect.gen(function* () {
      const hub = yield* server((_, response) => {
        const dripping = setInterval(() => response.write(" "), 5)
        response.on("close", () => clearInterval(dripping))
      })
      const asking = yield* Effect.fork(Effect.flip(revisionAt(hub.origin)))
      const minute = Effect.zipRight(TestClock.adjust("1 minute"), Effect.promise(setImmediate))
      yield* Effect.repeat(minute, { until: () => hub.seen.length > 0 && asking.unsafePoll() !== null })
      assert.include((yield* Fiber.join(asking)).message, "does not come to an end")
    })
  )

  it.scoped("that nobody gives is known at once", () =>
    Effect.gen(function* () {
      const { origin } = yield* Effect.scoped(server(() => {}))
      // The clock stands still: a second try would never come.
      assert.include((yield* Effect.flip(revisionAt(origin))).message, "the connection was refused")
    })
  )

  it.scopedLive("that is no JSON, or nested without end, is told of and not built", () =>
    Effect.gen(function* () {
      for (const body of ["{", "[".repeat(100_000), "\u00ff\u0000"]) {
        const hub = yield* server((_, response) => response.writeHead(200).end(body))
        const failed = yield* Effect.either(revisionAt(hub.origin))
        assert.isTrue(Either.isLeft(failed) && failed.left._tag === "HubUnavailable", body.slice(0, 5))
      }
    })
  )
})
