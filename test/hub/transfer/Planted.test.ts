import { execFileSync } from "node:child_process"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { directoryName } from "../../../src/domain/ModelRef.js"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { CONFIG, faultsIn, noise, publish, pullOf, refOf } from "../../support/PullHub.js"

const NAME = "acme/tiny"
const FILES = { "config.json": CONFIG, "deep/notes.txt": "hej", "model.safetensors": noise(300_000) }
const SECRET = "nobody may touch this"

/** A cache that somebody else may write to, and a file of the user's outside it. */
const makePlace = Effect.gen(function* () {
  const hub = yield* makeFakeHub()
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_planted_"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const outside = join(root, "outside")
  mkdirSync(outside)
  writeFileSync(join(outside, "secret"), SECRET)
  const commit = publish(hub, NAME, FILES)
  const etag = [...hub.store.objects.keys()][0] ?? ""
  const cache = join(root, "hub")
  const repo = join(cache, directoryName(NAME))
  const plant = (path: string, target: string) => {
    mkdirSync(dirname(join(repo, path)), { recursive: true })
    symlinkSync(target, join(repo, path))
  }
  return { hub, cache, repo, outside, commit, etag, plant }
})

const untouched = (outside: string) => {
  assert.deepEqual(readdirSync(outside), ["secret"])
  assert.strictEqual(readFileSync(join(outside, "secret"), "utf8"), SECRET)
}

describe("links that somebody planted in the cache", () => {
  const files: Readonly<Record<string, (etag: string) => string>> = {
    "a part": (etag) => `blobs/${etag}.mlxk-part`,
    "a part's notes": (etag) => `blobs/${etag}.mlxk-chunks`,
    "the mark": () => ".mlxk-pull",
    "a new ref": () => `refs/main.mlxk-${process.pid}`,
    "a ref": () => "refs/main"
  }
  for (const [what, path] of Object.entries(files)) {
    it.scopedLive(`${what} is not written through`, () =>
      Effect.gen(function* () {
        const place = yield* makePlace
        place.plant(path(place.etag), join(place.outside, "secret"))
        const { error } = yield* pullOf(place, NAME, { resume: true })
        untouched(place.outside)
        assert.isNull(error)
        assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
        assert.strictEqual(refOf(place.cache, NAME), place.commit)
      })
    )
  }

  const directories: Readonly<Record<string, (commit: string) => string>> = {
    blobs: () => "blobs",
    snapshots: () => "snapshots",
    refs: () => "refs",
    "a snapshot": (commit) => `snapshots/${commit}`,
    "a directory of a snapshot": (commit) => `snapshots/${commit}/deep`
  }
  for (const [what, path] of Object.entries(directories)) {
    it.scopedLive(`${what} outside the repo is refused`, () =>
      Effect.gen(function* () {
        const place = yield* makePlace
        place.plant(path(place.commit), place.outside)
        const { error } = yield* pullOf(place, NAME, { resume: true })
        untouched(place.outside)
        assert.strictEqual(error?._tag, "CacheIo")
      })
    )
  }

  it.scopedLive("a repo that is itself a link is the user's own choice", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      mkdirSync(place.cache, { recursive: true })
      symlinkSync(place.outside, place.repo)
      assert.isNull((yield* pullOf(place, NAME, { resume: true })).error)
      assert.isTrue(lstatSync(place.repo).isSymbolicLink())
      assert.isTrue(existsSync(join(place.outside, "snapshots", place.commit, "config.json")))
    })
  )

  it.scopedLive("a pipe in a file's place holds nobody up", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      mkdirSync(join(place.repo, "blobs"), { recursive: true })
      for (const suffix of ["mlxk-part", "mlxk-chunks"]) {
        execFileSync("mkfifo", [join(place.repo, "blobs", `${place.etag}.${suffix}`)])
      }
      const { error } = yield* pullOf(place, NAME, { resume: true })
      assert.isNull(error)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
    })
  )
})
