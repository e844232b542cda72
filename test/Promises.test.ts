/** The Promise facade over a cache on the disk. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { VerifyProgress } from "../src/domain/Verification.js"
import { layerManagement, layerRemote, layerRunner } from "../src/Live.js"
import { makeKnife } from "../src/Promises.js"
import { makeFakeHub } from "../src/testing/hub/FakeHub.js"
import { addRepo } from "../src/testing/hub/Store.js"
import { layerSettings } from "../src/testing.js"
import { run } from "./support/Program.js"
import { FILES, REPO } from "./support/PullFaults.js"
import { publish, refOf } from "./support/PullHub.js"
import { laidDown, over } from "./support/Trees.js"

const A = "a".repeat(40)

it.scopedLive("measures, collects and removes", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown({
      repos: [
        {
          repo: "org/one",
          refs: { main: A },
          snapshots: { [A]: { files: { "config.json": { json: {} } } } },
          extra: { "blobs/x.incomplete": { text: "half" } }
        }
      ]
    })
    const knife = makeKnife(Layer.mergeAll(over(hub), layerRemote, layerRunner))
    yield* Effect.promise(async () => {
      expect((await knife.diskUsage()).repos.map(({ name }) => name)).toEqual(["org/one"])
      expect((await knife.collect()).dry_run).toBe(true)
      const heard: Array<[string, number]> = []
      const onProgress = (model: string, progress: VerifyProgress) => heard.push([model, progress.totalBytes])
      expect((await knife.health("one", { verify: true, onProgress })).unhealthy[0]?.reason).toContain("config.json")
      expect(heard).toEqual([["org/one", "{}\n".length]])
      expect((await knife.show("one", "files")).files?.map(({ name }) => name)).toEqual(["config.json"])
      expect(existsSync(join(hub, "models--org--one/blobs/x.incomplete"))).toBe(true)
      expect((await knife.collect({ execute: true })).plan.map(({ kind }) => kind)).toEqual(["partial"])
      expect((await knife.remove("one")).requires_confirmation).toBe(true)
      expect((await knife.remove("org/one")).action).toBe("deleted")
      await expect(knife.remove("org/one")).rejects.toMatchObject({ _tag: "NothingToRemove" })
      await knife.close()
    })
  })
)

const room = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_promises_"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

/** The programs of docs/library.md, with this checkout in the package's place. */
const examples = [
  ...readFileSync(join(import.meta.dirname, "../docs/library.md"), "utf8").matchAll(/```ts\n(.*?)```/gs)
]
  .map(([, code = ""]) => code)
  .map((code) => code.replace('"mlx-knife"', JSON.stringify(join(import.meta.dirname, "../src/index.ts"))))

it.scopedLive(
  "brings, compares, renews, copies and publishes as docs/library.md says",
  () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const where = yield* room
      publish(hub, REPO, FILES)
      addRepo(hub.store, "me/my-model")
      const [whole = "", renewal = "", care = ""] = examples
      const env = { HOME: where, HF_HOME: where, HF_ENDPOINT: hub.endpoint, HF_TOKEN: "secret" }
      const program = (code: string) =>
        Effect.promise(() => {
          writeFileSync(join(where, "example.mts"), code)
          return run(process.execPath, ["--import", createRequire(import.meta.url).resolve("tsx"), "example.mts"], {
            env,
            cwd: where
          })
        })
      const first = yield* program(whole)
      expect(first.stderr).toBe("")
      expect(first.stdout).toMatch(/^Downloaded 6 files.*\n0 behind\nCloned; .*\nPushed 5 files/)
      const commit = publish(hub, REPO, { "new.txt": "new" })
      const second = yield* program(renewal)
      expect(second.stdout).toMatch(/^acme\/tiny: outdated\nDownloaded 7 files.*\nRepoNotFound: /)
      expect(refOf(join(where, "hub"), REPO)).toBe(commit)
      const third = yield* program(care)
      expect(third.stderr).toBe("")
      expect(third.stdout).toMatch(
        /^(.*: .*\n)?acme\/tiny would free \d+\n\d+ bytes to free, and \d+ of what nothing uses\n$/
      )
    }),
  60_000
)

it.scopedLive("stops a pull whose loop is left, and goes on with the next one", () =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub({ maxRate: 2 ** 20 })
    const cache = yield* room
    publish(hub, REPO, FILES)
    const settings = layerSettings({
      hubCache: cache,
      hub: { endpoint: hub.endpoint, offline: false, httpProxy: null, httpsProxy: null, noProxy: null }
    })
    const knife = makeKnife(
      Layer.mergeAll(layerManagement, layerRemote, layerRunner).pipe(Layer.provideMerge(settings))
    )
    yield* Effect.promise(async () => {
      for await (const event of knife.pull(REPO)) if (event._tag === "Progress") break
      expect(refOf(cache, REPO)).toBeNull()
      const tags: Array<string> = []
      for await (const event of knife.pull(REPO)) tags.push(event._tag)
      expect(tags.at(-1)).toBe("Finished")
      await expect(
        (async () => {
          for await (const _ of knife.pull("")) {
          }
        })()
      ).rejects.toMatchObject({ _tag: "InvalidModelName" })
      await knife.close()
    })
    expect(refOf(cache, REPO)).not.toBeNull()
  })
)
