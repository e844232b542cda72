import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, rmSync, symlinkSync, unlinkSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type FakeHub, makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { addRepo, treeAt } from "../../../src/testing/hub/Store.js"
import { noise } from "../../support/PullHub.js"
import { pushTo, workspace } from "../../support/UploadHub.js"

const PART = 64 * 1024

const pathsOf = (hub: FakeHub): ReadonlyArray<string> => {
  const repo = hub.store.repos.get("me/model")
  return repo === undefined ? [] : [...(treeAt(repo, "main")?.tree.keys() ?? [])].sort()
}

/** How often each part of each object was sent, as `<first digits>/<part>`. */
const sent = (hub: FakeHub): ReadonlyArray<string> =>
  hub.seen.storage
    .map(({ line }) => /^PUT \/parts\/([0-9a-f]{4})[0-9a-f]*\/(\d+)/.exec(line))
    .flatMap((found) => (found === null ? [] : [`${found[1]}/${found[2]}`]))

describe("a push that is repeated", () => {
  it.scopedLive("sends the file that broke off again, and nothing of those that are whole", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ lfsFromBytes: 1000, partBytes: PART })
      addRepo(hub.store, "me/model")
      const files = {
        "a.safetensors": noise(3 * PART, 1),
        "b.safetensors": noise(3 * PART, 2),
        "c.safetensors": noise(3 * PART, 3)
      }
      const root = yield* workspace(files)
      // Part 2 of the file that comes last never arrives.
      const last = createHash("sha256").update(files["c.safetensors"]).digest("hex")
      hub.plan([{ when: new RegExp(`^PUT /parts/${last}/2`), times: 100, trouble: { status: 418 } }])
      assert.strictEqual((yield* Effect.flip(pushTo(hub, root)))._tag, "UploadFailed")
      assert.deepStrictEqual(pathsOf(hub), [".gitattributes"])
      const whole = [...hub.record.stored]
      const before = sent(hub).length
      hub.plan([])
      yield* pushTo(hub, root)
      assert.deepStrictEqual(pathsOf(hub), [".gitattributes", ...Object.keys(files)])
      const again = sent(hub).slice(before)
      // The Hub's plan has new addresses each time and says nothing about parts: Python's library sends them all again too.
      assert.deepStrictEqual(
        [...again].sort(),
        [1, 2, 3].map((number) => `${last.slice(0, 4)}/${number}`)
      )
      assert.isTrue(whole.every((oid) => hub.record.stored.filter((other) => other === oid).length === 1))
    })
  )
})

describe("a directory with more than files", () => {
  it.scopedLive("is pushed without its pipes, devices and links to nowhere, and nothing waits for them", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      const outside = yield* workspace({ "shared.txt": "shared", "deep/file.txt": "deep" })
      const root = yield* workspace({ "a.txt": "a" })
      execFileSync("mkfifo", [join(root, "pipe")])
      symlinkSync("/dev/zero", join(root, "zeros"))
      symlinkSync("/nowhere/at/all", join(root, "dangling"))
      symlinkSync("itself", join(root, "itself"))
      symlinkSync(join(outside, "shared.txt"), join(root, "linked.txt"))
      // A directory that is a link isn't entered, so that no circle is.
      symlinkSync(join(outside, "deep"), join(root, "deep"))
      mkdirSync(join(root, "below"))
      symlinkSync("..", join(root, "below", "up"))
      const { data } = yield* pushTo(hub, root)
      assert.deepStrictEqual(pathsOf(hub), [".gitattributes", "a.txt", "linked.txt"])
      assert.strictEqual(data.local_files_count, 2)
    })
  )

  it.scopedLive("names a file that vanishes, or becomes a pipe, before it is looked at", () =>
    Effect.gen(function* () {
      const changes: Readonly<Record<string, (file: string) => void>> = {
        "is gone": unlinkSync,
        "is a pipe": (file) => {
          rmSync(file)
          execFileSync("mkfifo", [file])
        }
      }
      for (const [what, change] of Object.entries(changes)) {
        const hub = yield* makeFakeHub()
        addRepo(hub.store, "me/model")
        const root = yield* workspace({ "a.txt": "a", "b.txt": "b" })
        let done = false
        const when = Object.assign(/^GET \/api\/models\//, {
          test: () => {
            if (!done) change(join(root, "b.txt"))
            done = true
            return false
          }
        })
        hub.plan([{ when, times: 1, trouble: { status: 500 } }])
        const error = yield* Effect.flip(pushTo(hub, root))
        assert.include(error.message, "b.txt", what)
        assert.deepStrictEqual(pathsOf(hub), [".gitattributes"])
      }
    })
  )
})
