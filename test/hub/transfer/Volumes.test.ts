import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { afterEach, vi } from "vitest"
import { directoryName } from "../../../src/domain/ModelRef.js"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { FILES, REPO } from "../../support/PullFaults.js"
import { publish, pullOf, refOf, remainsIn, snapshotOf } from "../../support/PullHub.js"

/** A volume without links, or one that takes `README` for `readme`, needs the rights to mount one: here the system's answers are. */
const volume = vi.hoisted(() => ({ links: true, ignoresCase: false, isReadOnly: false }))

vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>()
  const symlinkSync: typeof real.symlinkSync = (target, path, type) => {
    if (!volume.links) throw Object.assign(new Error("EPERM"), { code: "EPERM" })
    real.symlinkSync(target, path, type)
  }
  const symlink = (target: string, path: string, done: (error: Error | null) => void) => {
    if (volume.links) real.symlink(target, path, done)
    else setImmediate(done, Object.assign(new Error("EPERM"), { code: "EPERM" }))
  }
  /** As Node does on a volume that is mounted read-only. */
  const mkdirSync = (path: string, options?: { readonly recursive?: boolean }) => {
    if (!volume.isReadOnly) return real.mkdirSync(path, options)
    const code = options?.recursive === true ? "ENOENT" : "EROFS"
    throw Object.assign(new Error(code), { code })
  }
  const changed = { ...real, mkdirSync, symlink, symlinkSync }
  return { ...changed, default: changed }
})

vi.mock("../../../src/hub/transfer/Disk.js", async (original) => {
  const real = await original<typeof import("../../../src/hub/transfer/Disk.js")>()
  return { ...real, ignoresCase: (directory: string) => volume.ignoresCase || real.ignoresCase(directory) }
})

afterEach(() => Object.assign(volume, { links: true, ignoresCase: false, isReadOnly: false }))

const place = Effect.gen(function* () {
  const hub = yield* makeFakeHub()
  const cache = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_volume_"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  return { hub, cache }
})

describe("a volume without links", () => {
  it.scopedLive("gets copies, which the next pull takes for what they are", () =>
    Effect.gen(function* () {
      volume.links = false
      const where = yield* place
      const commit = publish(where.hub, REPO, FILES)
      assert.isNull((yield* pullOf(where, REPO)).error)
      const snapshot = join(where.cache, directoryName(REPO), "snapshots", commit)
      for (const [path, content] of Object.entries(FILES)) {
        assert.isTrue(lstatSync(join(snapshot, path)).isFile(), path)
        assert.isTrue(readFileSync(join(snapshot, path)).equals(Buffer.from(content)), path)
      }
      assert.strictEqual(refOf(where.cache, REPO), commit)
      assert.deepStrictEqual(remainsIn(where.cache, REPO), [])
      const sent = where.hub.downloads.sentBytes
      assert.strictEqual((yield* pullOf(where, REPO)).data?.download_status, "already_exists")
      const next = publish(where.hub, REPO, { "new.txt": "new" })
      assert.isNull((yield* pullOf(where, `${REPO}@${next}`)).error)
      assert.deepStrictEqual(Object.keys(snapshotOf(where.cache, REPO, next)).length, Object.keys(FILES).length + 2)
      // The look at the config, and the new file.
      assert.isBelow(where.hub.downloads.sentBytes - sent, 2000)
    })
  )

  it.scopedLive("gets a damaged copy repaired", () =>
    Effect.gen(function* () {
      volume.links = false
      const where = yield* place
      const commit = publish(where.hub, REPO, FILES)
      yield* pullOf(where, REPO)
      const file = join(where.cache, directoryName(REPO), "snapshots", commit, "model.safetensors")
      rmSync(join(where.cache, directoryName(REPO), "blobs"), { recursive: true })
      const content = Buffer.from(FILES["model.safetensors"] ?? "")
      writeFileSync(file, Buffer.alloc(content.length, 7))
      assert.isNull((yield* pullOf(where, REPO, { resume: true })).error)
      assert.isTrue(readFileSync(file).equals(content))
    })
  )
})

describe("a volume that ignores case", () => {
  const pairs: ReadonlyArray<readonly [string, string]> = [
    ["README.md", "readme.md"],
    ["dir/a.txt", "DIR/A.TXT"],
    ["\u00e9.txt", "e\u0301.txt"],
    ["dir/x", "Dir"]
  ]
  for (const [one, other] of pairs) {
    it.scopedLive(`refuses ${one} beside ${other} before a byte comes, elsewhere both are laid down`, () =>
      Effect.gen(function* () {
        const where = yield* place
        const commit = publish(where.hub, REPO, { [one]: "one", [other]: "other" })
        volume.ignoresCase = true
        const refused = yield* pullOf(where, REPO)
        assert.strictEqual(refused.error?._tag, "RepoRefused")
        assert.isNull(refOf(where.cache, REPO))
        const blobs = join(where.cache, directoryName(REPO), "blobs")
        assert.deepStrictEqual(existsSync(blobs) ? readdirSync(blobs) : [], [])
        volume.ignoresCase = false
        assert.isNull((yield* pullOf(where, REPO)).error)
        assert.strictEqual(snapshotOf(where.cache, REPO, commit)[one]?.toString(), "one")
      })
    )
  }
})

describe("a volume that can't be written", () => {
  it.scopedLive("is named with its reason", () =>
    Effect.gen(function* () {
      const where = yield* place
      publish(where.hub, REPO, FILES)
      volume.isReadOnly = true
      const { error } = yield* pullOf(where, REPO)
      assert.strictEqual(error?._tag, "CacheIo")
      assert.include(error?.message, "EROFS")
    })
  )
})
