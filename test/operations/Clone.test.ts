import { createHash } from "node:crypto"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, Layer, Stream } from "effect"
import * as CacheDisk from "../../src/cache/Cache.js"
import * as HealthDisk from "../../src/cache/Health.js"
import type { CloneEvent } from "../../src/domain/Clone.js"
import { layer as layerRemote } from "../../src/LiveRemote.js"
import { type CloneOptions, clone } from "../../src/operations/Clone.js"
import { type FakeHub, makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { layerSettings } from "../../src/testing.js"
import { CONFIG, noise, publish } from "../support/PullHub.js"
import { safetensors } from "../support/SafetensorsFile.js"

const WEIGHTS = Buffer.from(safetensors({ w: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }, new Uint8Array(8)))

const FILES = {
  "config.json": CONFIG,
  "model.safetensors": WEIGHTS,
  "same-a.txt": "equal",
  "same-b.txt": "equal",
  "sub/läs mig.md": "hej"
}

interface Place {
  readonly hub: FakeHub
  /** Where targets and stages lie. */
  readonly room: string
  readonly workspaceHome?: string
}

const room = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_clone_"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const place = Effect.gen(function* () {
  const hub = yield* makeFakeHub()
  publish(hub, "org/model", FILES)
  return { hub, room: yield* room } satisfies Place
})

const events = ({ hub, room: where, workspaceHome }: Place, options: Partial<CloneOptions> = {}) =>
  clone({
    model: "org/model",
    target: join(where, "copy"),
    branch: null,
    healthCheck: true,
    resume: false,
    version: "9.9.9",
    ...options
  }).pipe(
    Stream.provideSomeLayer(
      Layer.mergeAll(CacheDisk.layer, HealthDisk.layer, layerRemote).pipe(
        Layer.provide(
          layerSettings({
            hubCache: join(where, "user-cache"),
            workspaceHome: workspaceHome ?? null,
            hub: { endpoint: hub.endpoint, offline: false, httpProxy: null, httpsProxy: null, noProxy: null }
          })
        )
      )
    )
  )

const cloned = (where: Place, options: Partial<CloneOptions> = {}) =>
  Effect.map(Stream.runCollect(events(where, options)), (chunk) => {
    const all: ReadonlyArray<CloneEvent> = [...chunk]
    const last = all.at(-1)
    if (last?._tag !== "Finished") throw new Error("no result")
    return { data: last.data, all }
  })

const holds = (directory: string, files: Readonly<Record<string, string | Uint8Array>>) => {
  for (const [path, content] of Object.entries(files)) {
    assert.isTrue(readFileSync(join(directory, path)).equals(Buffer.from(content)), path)
  }
}

const recordOf = (directory: string) => JSON.parse(readFileSync(join(directory, ".mlxk_workspace.json"), "utf8"))
const stagesIn = (where: string) => readdirSync(where).filter((name) => name.startsWith(".mlxk2_temp_"))

describe("clone", () => {
  it.scopedLive("makes plain files of its own, a record, and leaves nothing else", () =>
    Effect.gen(function* () {
      const where = yield* place
      const { data } = yield* cloned(where)
      const target = join(where.room, "copy")
      holds(target, FILES)
      assert.deepInclude(data, { model: "org/model", clone_status: "success", target_dir: target, health: "healthy" })
      assert.deepStrictEqual(readdirSync(where.room), ["copy"])
      const files = readdirSync(target, { recursive: true, withFileTypes: true })
      assert.isTrue(files.every((entry) => entry.isFile() || entry.isDirectory()))
      // Editing one of two equal files leaves the other alone.
      writeFileSync(join(target, "same-a.txt"), "edited")
      holds(target, { "same-b.txt": "equal" })
    })
  )

  it.scopedLive("writes the hash that the rules of the record give", () =>
    Effect.gen(function* () {
      const where = yield* place
      yield* cloned(where)
      const target = join(where.room, "copy")
      const record = recordOf(target)
      assert.deepInclude(record, {
        mlxk_version: "9.9.9",
        managed: true,
        operation: "clone",
        source_repo: "org/model",
        source_revision: where.hub.store.repos.get("org/model")?.branches.get("main"),
        hash_algorithm: "v2"
      })
      const sha = (content: string | Uint8Array) => `sha256:${createHash("sha256").update(content).digest("hex")}`
      const header = WEIGHTS.subarray(8, 8 + Number(WEIGHTS.readBigUInt64LE(0)))
      const entries = [
        [".gitattributes", sha(readFileSync(join(target, ".gitattributes")))],
        ...Object.entries(FILES).map(([path, content]) => [path, sha(path === "model.safetensors" ? header : content)])
      ]
      assert.strictEqual(record.content_hash, sha(entries.map(([path, hash]) => `${path}\0${hash}`).join("")))
      assert.deepStrictEqual(
        record.file_index.map(({ path, sha: hash }: { path: string; sha: string }) => [path, hash]),
        entries
      )
      const written = /"path":"config.json","size":\d+,"mtime_ns":(\d+)/.exec(
        readFileSync(join(target, ".mlxk_workspace.json"), "utf8")
      )
      assert.strictEqual(BigInt(written?.[1] ?? 0), statSync(join(target, "config.json"), { bigint: true }).mtimeNs)
    })
  )

  it.scopedLive("takes a branch, in the name or beside it", () =>
    Effect.gen(function* () {
      const where = yield* place
      publish(where.hub, "org/model", { "config.json": CONFIG, "only-here.txt": "dev" }, "dev")
      const inName = yield* cloned(where, { model: "org/model@dev", target: join(where.room, "a") })
      const beside = yield* cloned(where, { branch: "dev", target: join(where.room, "b") })
      for (const name of ["a", "b"]) holds(join(where.room, name), { "only-here.txt": "dev" })
      assert.strictEqual(inName.data.model, "org/model")
      assert.strictEqual(beside.data.health, "unhealthy")
      assert.include(beside.data.health_reason, "No model weights")
    })
  )

  it.scopedLive("never touches what is there", () =>
    Effect.gen(function* () {
      const where = yield* place
      const target = join(where.room, "copy")
      mkdirSync(target)
      yield* cloned(where)
      holds(target, FILES)
      for (const [path, problem] of [
        [target, "not empty"],
        [join(target, "config.json"), "not a directory"],
        [join(where.room, "no", "where"), "parent"]
      ] as const) {
        const refused = yield* Effect.flip(cloned(where, { target: path }))
        assert.strictEqual(refused._tag, "CloneTargetInvalid")
        assert.include(refused.message, problem)
      }
      assert.deepStrictEqual(readdirSync(where.room), ["copy"])
    })
  )

  it.scopedLive("goes through no link, and not into the cache", () =>
    Effect.gen(function* () {
      const where = yield* place
      const real = join(where.room, "real")
      mkdirSync(real)
      symlinkSync(real, join(where.room, "link"))
      symlinkSync(join(where.room, "nowhere"), join(where.room, "dangling"))
      mkdirSync(join(where.room, "user-cache"))
      symlinkSync(join(where.room, "user-cache"), join(where.room, "cache-link"))
      for (const [name, problem] of [
        ["link", "link"],
        ["dangling", "link"],
        ["user-cache/models--a--b", "cache"],
        ["cache-link/models--a--b", "cache"]
      ] as const) {
        const refused = yield* Effect.flip(cloned(where, { target: join(where.room, name) }))
        assert.strictEqual(refused._tag, "CloneTargetInvalid")
        assert.include(refused.message, problem)
      }
      assert.deepStrictEqual(readdirSync(real), [])
      assert.deepStrictEqual(readdirSync(join(where.room, "user-cache")), [])
      assert.deepStrictEqual(where.hub.seen.hub, [])
    })
  )

  it.scopedLive("leaves no trace of a repo that cannot be had", () =>
    Effect.gen(function* () {
      const where = yield* place
      for (const model of ["org/nothing", "org/model@nowhere", "a//b"]) {
        const failed = yield* Effect.flip(cloned(where, { model }))
        assert.strictEqual(failed._tag, "ClonePullFailed", model)
      }
      assert.deepStrictEqual(readdirSync(where.room), [])
    })
  )

  it.scopedLive("goes into the workspace home by the repo's own name", () =>
    Effect.gen(function* () {
      const where = yield* place
      const home = join(where.room, "home")
      const missing = yield* Effect.flip(cloned({ ...where, workspaceHome: home }, { target: null }))
      assert.include(missing.message, "MLXK_WORKSPACE_HOME")
      mkdirSync(home)
      yield* cloned({ ...where, workspaceHome: home }, { target: null })
      yield* cloned({ ...where, workspaceHome: home }, { target: "bare" })
      holds(join(home, "model"), FILES)
      holds(join(home, "bare"), FILES)
      const again = yield* Effect.flip(cloned({ ...where, workspaceHome: home }, { target: null }))
      assert.include(again.message, "already exists")
    })
  )

  it.scopedLive("refuses a workspace home that is a loop of links, and a target in it that is one", () =>
    Effect.gen(function* () {
      const where = yield* place
      const loop = join(where.room, "model")
      symlinkSync("model", loop)
      for (const workspaceHome of [loop, where.room]) {
        const refused = yield* Effect.flip(cloned({ ...where, workspaceHome }, { target: null }))
        assert.strictEqual(refused._tag, "CloneTargetInvalid", workspaceHome)
        assert.include(refused.message, loop)
      }
    })
  )
})

/** Runs a clone and interrupts it at an event. */
const stoppedAt = (where: Place, isIt: (event: CloneEvent) => boolean) =>
  Effect.fork(Stream.runForEach(events(where), (event) => (isIt(event) ? Effect.interrupt : Effect.void))).pipe(
    Effect.flatMap(Fiber.await)
  )

describe("a clone that was stopped", () => {
  it.scopedLive("goes on with what it has, and fetches no byte twice", () =>
    Effect.gen(function* () {
      const where = yield* place
      const big = noise(2 ** 20)
      publish(where.hub, "org/model", { "big.safetensors": big })
      yield* stoppedAt(where, (event) => event._tag === "FileFinished" && event.path === "big.safetensors")
      assert.lengthOf(stagesIn(where.room), 1)
      assert.isFalse(existsSync(join(where.room, "copy")))
      const before = where.hub.downloads.sentBytes
      const { all } = yield* cloned(where)
      holds(join(where.room, "copy"), { ...FILES, "big.safetensors": big })
      assert.isTrue(all.some((event) => event._tag === "Staged" && event.resumed))
      assert.isBelow(where.hub.downloads.sentBytes - before, 2 ** 20)
      assert.deepStrictEqual(stagesIn(where.room), [])
    })
  )

  it.scopedLive("keeps its stage when it is interrupted, and says where", () =>
    Effect.gen(function* () {
      const where = yield* place
      yield* stoppedAt(where, (event) => event._tag === "Copying")
      assert.lengthOf(stagesIn(where.room), 1)
      const requests = where.hub.seen.hub.length
      yield* cloned(where)
      holds(join(where.room, "copy"), FILES)
      // The download was complete: nobody was asked again.
      assert.strictEqual(where.hub.seen.hub.length, requests)
    })
  )

  it.scopedLive("does not delete a directory that is no stage", () =>
    Effect.gen(function* () {
      const where = yield* place
      const staged = yield* Stream.runCollect(events(where)).pipe(
        Effect.map((chunk) => [...chunk].find((event) => event._tag === "Staged"))
      )
      const stage = staged?._tag === "Staged" ? staged.directory : ""
      rmSync(join(where.room, "copy"), { recursive: true })
      mkdirSync(stage)
      writeFileSync(join(stage, "precious"), "mine")
      const refused = yield* Effect.flip(cloned(where))
      assert.strictEqual(refused._tag, "CloneTargetInvalid")
      holds(stage, { precious: "mine" })
    })
  )

  it.scopedLive("is alone at its target: of several at once one clones, and what it makes is whole", () =>
    Effect.gen(function* () {
      const where = yield* place
      const both = yield* Effect.all(
        Array.from({ length: 4 }, () => Effect.either(cloned(where))),
        { concurrency: "unbounded" }
      )
      holds(join(where.room, "copy"), FILES)
      assert.lengthOf(both.filter(Either.isRight), 1)
      for (const { left } of both.filter(Either.isLeft)) {
        assert.strictEqual(left._tag, "CloneTargetInvalid")
        assert.match(left.message, /being cloned to by process \d+/)
      }
      assert.deepStrictEqual(readdirSync(where.room), ["copy"])
    })
  )
})
