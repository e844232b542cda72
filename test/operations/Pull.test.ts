import { createHash } from "node:crypto"
import fs, { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted, Stream } from "effect"
import { directoryName } from "../../src/domain/ModelRef.js"
import { fetchAll, pull } from "../../src/operations/Pull.js"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import {
  CONFIG,
  faultsIn,
  layerFor,
  noise,
  type Place,
  publish,
  pullOf,
  refOf,
  remainsIn,
  snapshotOf,
  TUNING
} from "../support/PullHub.js"

const NAME = "acme/tiny"
const TOKEN = "hf_secretsecretsecretsecretsecretsecret"

const FILES = {
  "config.json": CONFIG,
  "README.md": "# A card\n",
  "empty.txt": "",
  "deep/er/läs mig.txt": "hej",
  "model.safetensors": noise(300_000),
  "small.safetensors": noise(1000, 2)
}

const makePlace = (options: Parameters<typeof makeFakeHub>[0] = {}) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub(options)
    const cache = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_pull_"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    return { hub, cache } satisfies Place
  })

const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex")

const repoOf = ({ cache }: Place) => join(cache, directoryName(NAME))

/** No volume here can be filled up, so for a scope every write to a file in pieces fails as on a full one. */
const fullDisk = Effect.acquireRelease(
  Effect.sync(() => {
    const { writevSync } = fs
    fs.writevSync = () => {
      throw Object.assign(new Error("no space left"), { code: "ENOSPC" })
    }
    syncBuiltinESMExports()
    return writevSync
  }),
  (writevSync) =>
    Effect.sync(() => {
      fs.writevSync = writevSync
      syncBuiltinESMExports()
    })
)

describe("pull", () => {
  it.scopedLive("lays a repo down as Python's library does", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const commit = publish(place.hub, NAME, FILES)
      const { data, error } = yield* pullOf(place, NAME)
      assert.isNull(error)
      assert.deepInclude(data, { model: NAME, download_status: "success", commit_hash: commit, expanded_name: null })
      const there = snapshotOf(place.cache, NAME, commit)
      for (const [path, content] of Object.entries(FILES))
        assert.isTrue(there[path]?.equals(Buffer.from(content)), path)
      assert.strictEqual(refOf(place.cache, NAME), commit)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
      assert.deepEqual(remainsIn(place.cache, NAME), [])
      const link = readlinkSync(join(repoOf(place), "snapshots", commit, "deep", "er", "läs mig.txt"))
      assert.match(link, /^\.\.\/\.\.\/\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/)
      assert.deepEqual(readdirSync(join(place.cache, ".locks")), [])
    })
  )

  it.scopedLive("asks nobody about a model that is here and whole", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      yield* pullOf(place, NAME)
      const asked = place.hub.seen.hub.length
      const { data } = yield* pullOf(place, "tiny")
      assert.deepInclude(data, { model: NAME, download_status: "already_exists", expanded_name: NAME })
      assert.lengthOf(place.hub.seen.hub, asked)
    })
  )

  it.scopedLive("shows the token to the Hub and to nobody else", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      place.hub.downloads.hops = 2
      const { error } = yield* pullOf({ ...place, settings: { hubToken: Redacted.make(TOKEN) } }, NAME)
      assert.isNull(error)
      assert.isTrue(place.hub.seen.hub.every(({ authorization }) => authorization === `Bearer ${TOKEN}`))
      assert.isAbove(place.hub.seen.storage.length, 0)
      assert.isTrue(place.hub.seen.storage.every(({ authorization }) => authorization === null))
    })
  )

  it.scopedLive("pins a revision, and lets its branch lead there", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const old = publish(place.hub, NAME, { ...FILES, "README.md": "old" })
      const now = publish(place.hub, NAME, FILES)
      const side = publish(place.hub, NAME, { ...FILES, "README.md": "side" }, "dev/next")
      assert.isNull((yield* pullOf(place, `${NAME}@${old}`)).error)
      assert.isNull(refOf(place.cache, NAME))
      assert.strictEqual(String(snapshotOf(place.cache, NAME, old)["README.md"]), "old")
      assert.isNull((yield* pullOf(place, `${NAME}@dev/next`)).error)
      assert.strictEqual(refOf(place.cache, NAME, "dev/next"), side)
      assert.deepEqual(snapshotOf(place.cache, NAME, now), {})
    })
  )

  it.scopedLive("fetches content that two commits share once", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const old = publish(place.hub, NAME, FILES)
      yield* pullOf(place, NAME)
      const before = place.hub.downloads.sentBytes
      const now = publish(place.hub, NAME, { ...FILES, "README.md": "new" })
      assert.isNull((yield* pullOf(place, `${NAME}@${now}`)).error)
      assert.isBelow(place.hub.downloads.sentBytes - before, 1000)
      assert.notStrictEqual(old, now)
      assert.isTrue(snapshotOf(place.cache, NAME, now)["model.safetensors"]?.equals(FILES["model.safetensors"]))
    })
  )

  it.scopedLive("takes only what the patterns let through", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const commit = publish(place.hub, NAME, FILES)
      yield* pullOf(place, NAME, { include: ["*.json", "deep/"], exclude: ["*.md"] })
      assert.deepEqual(Object.keys(snapshotOf(place.cache, NAME, commit)), ["config.json", "deep/er/läs mig.txt"])
      const none = yield* pullOf(place, "acme/tiny@main", { include: ["*.gguf"] })
      assert.strictEqual(none.error?._tag, "InvalidRequest")
    })
  )

  it.scopedLive("plans with bytes and writes nothing", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      const { data } = yield* pullOf(place, NAME, { dryRun: true })
      const total = Object.values(FILES).reduce((sum, content) => sum + Buffer.from(content).length, 0)
      assert.strictEqual(data?.download_status, "planned")
      assert.isAtLeast(data?.plan?.total_bytes ?? 0, total)
      assert.strictEqual(data?.plan?.missing_bytes, data?.plan?.total_bytes)
      assert.deepEqual(readdirSync(place.cache), [])
    })
  )

  it.scopedLive("says before the bytes that a model can't be run here, and fetches it", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, "acme/torch", { "config.json": '{"model_type":"gpt2"}', "model.safetensors": noise(1000) })
      const { data, events } = yield* pullOf(place, "acme/torch")
      assert.deepEqual(
        events.slice(0, 3).map(({ _tag }) => _tag),
        ["Resolved", "Warning", "Planned"]
      )
      assert.strictEqual(data?.download_status, "success")
    })
  )

  it.scopedLive("leaves no trace of a repo that is denied, hidden or unknown", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      const listing = /^GET \/api\/models\//
      const headers = { "x-error-code": "GatedRepo" }
      place.hub.plan([{ when: listing, times: 9, trouble: { status: 403, headers } }])
      const gated = yield* pullOf(place, NAME)
      assert.strictEqual(gated.error?._tag, "HubAccessDenied")
      assert.include(gated.error?.message, "Access denied")
      assert.include(gated.error?.message, "gated")
      assert.include(gated.error?.message, "HF_TOKEN")
      place.hub.plan([{ when: listing, times: 9, trouble: { status: 401 } }])
      assert.strictEqual((yield* pullOf(place, NAME)).error?._tag, "HubAccessDenied")
      place.hub.plan([])
      const unknown = yield* pullOf(place, "acme/other")
      assert.include(unknown.error?.message, "Access denied or not found")
      assert.deepEqual(readdirSync(place.cache), [])
    })
  )

  it.scopedLive("goes on where it was stopped, and fetches nothing twice", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const big = { ...FILES, "model.safetensors": noise(6 * 2 ** 20) }
      const commit = publish(place.hub, NAME, big)
      const stopped = yield* Effect.fork(
        // The big file can't be whole before the pull is stopped.
        pull(NAME, { ...fetchAll, resume: false, maxRate: 4 * 2 ** 20 }).pipe(
          Stream.takeUntil((event) => event._tag === "Progress" && event.doneBytes > 2 * 2 ** 20),
          Stream.runDrain,
          Effect.provide(layerFor(place))
        )
      )
      yield* Fiber.join(stopped)
      assert.isNull(refOf(place.cache, NAME))
      assert.isFalse(existsSync(join(repoOf(place), "snapshots")))
      const first = place.hub.downloads.sentBytes
      const { data, events } = yield* pullOf(place, NAME)
      assert.strictEqual(data?.download_status, "success")
      const planned = events.find((event) => event._tag === "Planned")
      // The small files were done by then; what is resumed is the big one's.
      assert.isAbove(planned?._tag === "Planned" ? planned.resumedBytes : 0, 2 ** 20)
      assert.isAbove(first, 2 * 2 ** 20)
      assert.deepEqual(faultsIn(place.cache, NAME, big), [])
      assert.strictEqual(refOf(place.cache, NAME), commit)
    })
  )

  it.scopedLive("goes on with chunks of another size, which another version may have made", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const big = { ...FILES, "model.safetensors": noise(6 * 2 ** 20) }
      publish(place.hub, NAME, big)
      place.hub.plan([{ when: /^GET \/files\//, times: 1000, trouble: { afterBytes: 300_000, ending: "stall" } }])
      yield* pull(NAME, { ...fetchAll, resume: false }).pipe(
        Stream.takeUntil((event) => event._tag === "Progress" && event.doneBytes > 2 * 2 ** 20),
        Stream.runDrain,
        Effect.provide(layerFor(place, { ...TUNING, chunkBytes: 2 ** 20 }))
      )
      place.hub.plan([])
      const { error, events } = yield* pullOf(place, NAME, {}, { ...TUNING, chunkBytes: 2 ** 18 })
      assert.isNull(error)
      const planned = events.find((event) => event._tag === "Planned")
      assert.isAbove(planned?._tag === "Planned" ? planned.resumedBytes : 0, 2 ** 20)
      assert.isFalse(events.some(({ _tag }) => _tag === "Retrying"))
      assert.deepEqual(faultsIn(place.cache, NAME, big), [])
    })
  )

  it.scopedLive("completes what Python's library left half-finished", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      const etag = sha256(FILES["model.safetensors"])
      const blobs = join(repoOf(place), "blobs")
      mkdirSync(blobs, { recursive: true })
      writeFileSync(join(blobs, `${etag}.0a1b2c3d.incomplete`), FILES["model.safetensors"].subarray(0, 250_000))
      const { error, events } = yield* pullOf(place, NAME)
      assert.isNull(error)
      const planned = events.find((event) => event._tag === "Planned")
      assert.strictEqual(planned?._tag === "Planned" ? planned.resumedBytes : 0, 250_000)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
      assert.deepEqual(
        readdirSync(blobs).filter((name) => name.includes(".")),
        []
      )
    })
  )

  it.scopedLive("throws a prefix away that is not what its name says", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      const partial = yield* pullOf(place, NAME, { dryRun: true })
      assert.isNull(partial.error)
      const blobs = join(repoOf(place), "blobs")
      mkdirSync(blobs, { recursive: true })
      for (const [etag] of place.hub.store.objects) writeFileSync(join(blobs, `${etag}.incomplete`), noise(900, 7))
      const { error } = yield* pullOf(place, NAME)
      assert.isNull(error)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
    })
  )

  it.scopedLive("names what ended it, also when it went on with what was there", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      place.hub.plan([{ when: /resolve\/.*\/model\.safetensors$/, times: 1000, trouble: { status: 418 } }])
      for (const _ of ["from nothing", "from the other files"]) {
        const { error } = yield* pullOf(place, NAME)
        assert.strictEqual(error?._tag, "DownloadFailed")
        assert.include(error?.message, "model.safetensors: HTTP 418")
      }
    })
  )

  it.scopedLive("refuses a damaged model, and completes it when told to", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const commit = publish(place.hub, NAME, FILES)
      yield* pullOf(place, NAME)
      const weights = join(repoOf(place), "snapshots", commit, "model.safetensors")
      const blob = join(repoOf(place), "snapshots", commit, readlinkSync(weights))
      const same = join(
        repoOf(place),
        "snapshots",
        commit,
        readlinkSync(join(repoOf(place), "snapshots", commit, "small.safetensors"))
      )
      rmSync(blob)
      writeFileSync(same, noise(1000, 3))
      const refused = yield* pullOf(place, NAME)
      assert.strictEqual(refused.error?._tag, "ModelCorrupted")
      const completed = yield* pullOf(place, NAME, { resume: true })
      assert.isNull(completed.error)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
    })
  )

  it.scopedLive("reports a full disk and goes on when there is room", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      const full = yield* Effect.scoped(Effect.zipRight(fullDisk, pullOf(place, NAME)))
      assert.strictEqual(full.error?._tag, "DiskFull")
      assert.isNull(refOf(place.cache, NAME))
      assert.isNull((yield* pullOf(place, NAME)).error)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
    })
  )

  it.scopedLive("refuses names that leave the snapshot", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      for (const path of ["../../evil", "/etc/evil", "a\0b", "C:evil", "a\\b", "a//b", "x/../../y"]) {
        const name = `acme/evil-${Buffer.from(path).toString("hex")}`
        publish(place.hub, name, { ...FILES, [path]: "evil" })
        assert.strictEqual((yield* pullOf(place, name)).error?._tag, "RepoRefused", path)
      }
      assert.deepEqual(readdirSync(place.cache), [])
    })
  )

  it.scopedLive("asks nobody in offline mode", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      publish(place.hub, NAME, FILES)
      const hub = { endpoint: place.hub.endpoint, offline: true, httpProxy: null, httpsProxy: null, noProxy: null }
      const { error } = yield* pullOf({ ...place, settings: { hub } }, NAME)
      assert.strictEqual(error?._tag, "HubOffline")
      assert.lengthOf(place.hub.seen.hub, 0)
    })
  )
})
