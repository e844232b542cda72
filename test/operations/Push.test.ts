import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type FakeHub, makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { addCommit, addRepo, treeAt } from "../../src/testing/hub/Store.js"
import { pushTo, TOKEN, workspace } from "../support/UploadHub.js"

const PART = 64 * 1024
/** Content that differs in every byte, so that swapped parts are noticed. */
const weights = (size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) % 251)

const FILES = {
  "config.json": '{"model_type":"llama"}',
  "empty.txt": "",
  "docs/läs mig.md": "hej",
  "model.safetensors": weights(5 * PART + 17),
  "small.safetensors": weights(1000)
}

const contentAt = (hub: FakeHub, branch: string): Record<string, Buffer | null> => {
  const repo = hub.store.repos.get("me/model")
  const tree = repo === undefined ? null : treeAt(repo, branch)
  return Object.fromEntries(
    [...(tree?.tree ?? [])].map(([path, { content }]) => [
      path,
      content !== null && "file" in content ? readFileSync(content.file) : Buffer.isBuffer(content) ? content : null
    ])
  )
}

const holds = (hub: FakeHub, files: Readonly<Record<string, string | Uint8Array>>, branch = "main") => {
  const there = contentAt(hub, branch)
  for (const [path, content] of Object.entries(files)) {
    assert.isTrue(there[path]?.equals(Buffer.from(content)), path)
  }
}

describe("push", () => {
  it.scopedLive("creates a private repo, sends everything once, and then finds nothing to do", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ partBytes: PART })
      const root = yield* workspace(FILES)
      const first = yield* pushTo(hub, root, { create: true })
      holds(hub, FILES)
      assert.isTrue(hub.store.repos.get("me/model")?.private)
      assert.deepInclude(first.data, {
        created_repo: true,
        no_changes: false,
        uploaded_files_count: 5,
        local_files_count: 5,
        change_summary: { added: 5, modified: 0, deleted: 0 }
      })
      assert.match(String(first.data.commit_sha), /^[0-9a-f]{40}$/)
      assert.include(String(first.data.commit_url), String(first.data.commit_sha))
      const commits = hub.store.repos.get("me/model")?.commits.size
      const second = yield* pushTo(hub, root)
      assert.deepInclude(second.data, { no_changes: true, commit_sha: null, uploaded_files_count: 0 })
      assert.strictEqual(hub.store.repos.get("me/model")?.commits.size, commits)
      assert.lengthOf(hub.record.stored, 7)
    })
  )

  it.scopedLive("shows the token to the Hub and to nobody else", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ partBytes: PART })
      yield* pushTo(hub, yield* workspace(FILES), { create: true })
      assert.isAbove(hub.seen.storage.length, 0)
      assert.isTrue(hub.seen.storage.every(({ authorization }) => authorization === null))
      assert.isTrue(hub.seen.hub.every(({ authorization }) => authorization === `Bearer ${TOKEN}`))
    })
  )

  it.scopedLive("plans with a real comparison and sends nothing", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ partBytes: PART })
      const root = yield* workspace(FILES)
      yield* pushTo(hub, root, { create: true })
      const repo = hub.store.repos.get("me/model")
      if (repo !== undefined) addCommit(hub.store, repo, "main", [{ path: "old.txt", content: Buffer.from("x") }])
      writeFileSync(join(root, "config.json"), '{"model_type":"mixtr"}') // as long as before
      writeFileSync(join(root, "new.txt"), "new")
      const sent = hub.record.bytes
      const { data } = yield* pushTo(hub, root, { mode: "plan" })
      assert.deepInclude(data, {
        dry_run: true,
        no_changes: false,
        uploaded_files_count: 0,
        would_create_repo: false,
        would_create_branch: false,
        added_files: ["new.txt"],
        modified_files: ["config.json"],
        deleted_files: ["old.txt"],
        dry_run_summary: { added: 1, modified: 1, deleted: 1 }
      })
      assert.include(String(data.message), "+1 ~1 -1")
      assert.strictEqual(hub.record.bytes, sent)
    })
  )

  it.scopedLive("plans for a repo and for a branch that are not there", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const root = yield* workspace({ "a.txt": "a" })
      const noRepo = yield* pushTo(hub, root, { mode: "plan" })
      assert.deepInclude(noRepo.data, {
        would_create_repo: true,
        would_create_branch: true,
        dry_run_summary: { added: 1, modified: 0, deleted: 0 }
      })
      addRepo(hub.store, "me/model")
      const noBranch = yield* pushTo(hub, root, { mode: "plan", branch: "dev" })
      assert.deepInclude(noBranch.data, { would_create_repo: false, would_create_branch: true })
      assert.strictEqual(hub.store.repos.get("me/model")?.branches.size, 1)
    })
  )

  it.scopedLive("leaves out what .hfignore and the defaults name, at the root too", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      const root = yield* workspace({
        "keep.txt": "k",
        "notes/a.md": "n",
        "deep/notes/b.md": "n",
        "x.log": "l",
        "!odd": "o",
        ".hfignore": "# comment\n notes/ \n*.log\n\n!keep.txt\n",
        ".git/config": "g",
        "venv/lib.py": "v",
        "a.pyc": "p",
        "sub/__pycache__/m.txt": "c"
      })
      const { data } = yield* pushTo(hub, root)
      assert.deepStrictEqual(Object.keys(contentAt(hub, "main")).sort(), ["!odd", ".gitattributes", "keep.txt"])
      assert.deepInclude(data, { local_files_count: 10, uploaded_files_count: 2 })
    })
  )

  it.scopedLive("sends nothing without an .hfignore that is too large to be one", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      const root = yield* workspace({
        "keep.txt": "k",
        ".hfignore": `secret.txt\n#${"x".repeat(2 ** 20)}`,
        "secret.txt": "s"
      })
      const refused = yield* Effect.flip(pushTo(hub, root))
      assert.strictEqual(refused._tag, "IgnoreFileTooLarge")
      assert.include(refused.message, join(root, ".hfignore"))
      assert.deepStrictEqual(Object.keys(contentAt(hub, "main")), [".gitattributes"])
    })
  )

  it.scopedLive("takes an .hfignore that can't be read for none", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      const root = yield* workspace({ "keep.txt": "k" })
      symlinkSync(".hfignore", join(root, ".hfignore"))
      yield* pushTo(hub, root)
      holds(hub, { "keep.txt": "k" })
    })
  )

  it.scopedLive("works on a branch: made with --create, refused without", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const root = yield* workspace({ "a.txt": "a" })
      const noRepo = yield* Effect.flip(pushTo(hub, root))
      assert.strictEqual(noRepo._tag, "PushTargetMissing")
      assert.include(noRepo.message, "--create")
      addRepo(hub.store, "me/model")
      const refused = yield* Effect.flip(pushTo(hub, root, { branch: "dev/x" }))
      assert.strictEqual(refused._tag, "UploadFailed")
      assert.include(refused.message, "--create")
      yield* pushTo(hub, root, { branch: "dev/x", create: true })
      holds(hub, { "a.txt": "a" }, "dev/x")
      assert.notProperty(contentAt(hub, "main"), "a.txt")
    })
  )

  it.scopedLive("checks without a request", () =>
    Effect.gen(function* () {
      const root = yield* workspace({ "config.json": "{}", "model.safetensors": "" })
      const { data } = yield* pushTo({ endpoint: "http://127.0.0.1:1" }, root, { mode: "check" })
      assert.isFalse(data.workspace_health?.healthy)
      assert.deepStrictEqual(
        data.workspace_health?.anomalies.map(({ code }) => code),
        ["config_invalid_json", "empty_weight_file"]
      )
    })
  )
})

describe("a push in trouble", () => {
  it.scopedLive("repeats only the part that broke off", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ partBytes: 16 * PART })
      addRepo(hub.store, "me/model")
      const files = { "model.safetensors": weights(4 * 16 * PART) }
      hub.plan([{ when: /^PUT \/parts\/.*\/3$/, times: 2, trouble: { resetAfterBytes: 4 * PART } }])
      yield* pushTo(hub, yield* workspace(files))
      holds(hub, files)
      const parts = hub.seen.storage.map(({ line }) => line.slice(line.lastIndexOf("/") + 1)).sort()
      assert.deepStrictEqual(parts, ["1", "2", "3", "3", "3", "4"])
    })
  )

  it.scopedLive("sends in the next run only what the last one did not store", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub({ partBytes: 100 * PART })
      addRepo(hub.store, "me/model")
      const files = { "a.safetensors": weights(PART), "b.safetensors": weights(PART + 1) }
      const root = yield* workspace(files)
      hub.plan([{ when: /^POST .*\/commit\//, times: 1, trouble: { status: 400, body: '{"error":"not today"}' } }])
      const failed = yield* Effect.flip(pushTo(hub, root))
      assert.strictEqual(failed._tag, "UploadFailed")
      assert.include(failed.message, "not today")
      assert.notProperty(contentAt(hub, "main"), "a.safetensors")
      const stored = [...hub.record.stored]
      const { events } = yield* pushTo(hub, root)
      holds(hub, files)
      assert.deepStrictEqual(hub.record.stored, stored)
      assert.lengthOf(
        events.filter((event) => event._tag === "Stored" && event.alreadyThere),
        2
      )
    })
  )

  it.scopedLive("asks for new addresses when the old ones have expired", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      hub.plan([{ when: /^PUT \/objects\//, times: 1, trouble: { status: 403 } }])
      const files = { "a.safetensors": weights(PART) }
      yield* pushTo(hub, yield* workspace(files))
      holds(hub, files)
    })
  )

  it.scopedLive("says why the storage refuses, and does not ask for ever", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      hub.plan([{ when: /^PUT \/objects\//, times: 100, trouble: { status: 403 } }])
      const failed = yield* Effect.flip(pushTo(hub, yield* workspace({ "a.safetensors": weights(PART) })))
      assert.strictEqual(failed._tag, "UploadFailed")
      assert.include(failed.message, "a.safetensors")
      assert.include(failed.message, "403")
    })
  )

  it.scopedLive("waits as long as the Hub asks and tries again", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      const busy = { status: 503, headers: { "retry-after": "0" } }
      hub.plan([
        { when: /^GET \/api\/models\//, times: 2, trouble: busy },
        { when: /preupload/, times: 1, trouble: { ...busy, status: 429 } },
        { when: /objects\/batch/, times: 1, trouble: busy },
        { when: /^PUT /, times: 3, trouble: busy },
        { when: /\/commit\//, times: 1, trouble: busy }
      ])
      const files = { "a.safetensors": weights(PART), "b.txt": "b" }
      yield* pushTo(hub, yield* workspace(files))
      holds(hub, files)
    })
  )

  it.scopedLive("does not commit twice when the answer is lost", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      addRepo(hub.store, "me/model")
      hub.plan([{ when: /\/commit\//, times: 1, trouble: { status: 502 } }])
      const failed = yield* Effect.flip(pushTo(hub, yield* workspace({ "b.txt": "b" })))
      assert.strictEqual(failed._tag, "UploadFailed")
      assert.lengthOf(
        hub.seen.hub.filter(({ line }) => line.includes("/commit/")),
        1
      )
    })
  )

  it.scopedLive("never overwrites what somebody else has committed meanwhile", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const repo = addRepo(hub.store, "me/model")
      const record = hub.record.stored
      // The other one commits when the object has arrived, long after the comparison.
      record.push = (...stored) => {
        addCommit(hub.store, repo, "main", [{ path: "theirs.txt", content: Buffer.from("theirs") }])
        return Array.prototype.push.apply(record, stored)
      }
      const failed = yield* Effect.flip(pushTo(hub, yield* workspace({ "a.safetensors": weights(PART) })))
      assert.strictEqual(failed._tag, "UploadFailed")
      assert.include(failed.message, "push again")
      holds(hub, { "theirs.txt": "theirs" })
    })
  )

  const meanwhile: Readonly<Record<string, (file: string) => void>> = {
    changed: (file) => writeFileSync(file, weights(4 * PART)),
    "replaced by as many other bytes": (file) => writeFileSync(file, new Uint8Array(5 * PART + 17).fill(7)),
    removed: (file) => rmSync(file),
    "replaced by a link to itself": (file) => {
      rmSync(file)
      symlinkSync(file, file)
    }
  }
  for (const [what, change] of Object.entries(meanwhile)) {
    for (const [path, when] of [
      ["model.safetensors", /^PUT/],
      ["config.json", /^POST .*\/commit\//]
    ] as const) {
      it.scopedLive(`names ${path} when it is ${what} meanwhile`, () =>
        Effect.gen(function* () {
          const hub = yield* makeFakeHub({ partBytes: PART })
          const root = yield* workspace(FILES)
          const before = yield* pushTo(hub, yield* workspace({ "a.txt": "a" }), { create: true })
          let done = false
          const striking = (line: string) => {
            if (when.test(line) && !done) {
              done = true
              change(join(root, path))
            }
            return when.test(line)
          }
          // The commit is refused once, so that it is asked for again.
          const trouble = { status: 503, headers: { "retry-after": "0" } }
          hub.plan([{ when: Object.assign(new RegExp(when), { test: striking }), times: 1, trouble }])
          const error = yield* Effect.flip(pushTo(hub, root))
          assert.strictEqual(error._tag, "UploadFailed")
          assert.include(error.message, path)
          assert.include(error.message, "changed")
          const parts = hub.seen.storage.map(({ line }) => line).filter((line) => line.includes("/parts/"))
          assert.strictEqual(new Set(parts).size, parts.length)
          assert.strictEqual(hub.store.repos.get("me/model")?.branches.get("main"), before.data.commit_sha)
        })
      )
    }
  }

  it.scopedLive("tells a wrong token, a gated repo and a Hub that is gone apart", () =>
    Effect.gen(function* () {
      const hub = yield* makeFakeHub()
      const root = yield* workspace({ "a.txt": "a" })
      const ask = (status: number, code: string | null) => {
        hub.plan([
          { when: /./, times: 1, trouble: { status, ...(code === null ? {} : { headers: { "x-error-code": code } }) } }
        ])
        return Effect.flip(pushTo(hub, root))
      }
      assert.include((yield* ask(401, null)).message, "does not accept the token")
      assert.include((yield* ask(403, "GatedRepo")).message, "gated")
      assert.strictEqual((yield* ask(404, "RepoNotFound"))._tag, "PushTargetMissing")
      const gone = yield* Effect.flip(pushTo({ endpoint: "not an address" }, root))
      assert.include(gone.message, "HF_ENDPOINT")
    })
  )
})
