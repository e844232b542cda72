/** `rm`, `gc`, `du`, `health --verify` and the names for programs, on real files. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { mine, written } from "../../src/cache/Holder.js"
import { runCli } from "../support/Cli.js"
import { contents, laidDown, STORE_FILES, type TreeSpec } from "../support/Trees.js"

const A = "a".repeat(40)
const B = "b".repeat(40)
const SHARED = "36".padEnd(64, "0")
const CONFIG = { json: { model_type: "llama", quantization: { bits: 4 } } }

const TREE: TreeSpec = {
  repos: [
    {
      repo: "org/two",
      refs: { main: B },
      snapshots: {
        [A]: {
          files: { "config.json": CONFIG, "model.safetensors": { text: "old weights" } },
          mtime: "2025-01-01T00:00:00Z"
        },
        [B]: { files: { "config.json": CONFIG, "model.safetensors": { text: "new", shared: SHARED } } }
      },
      extra: { "blobs/x.incomplete": { text: "half" } }
    },
    {
      repo: "org/one",
      snapshots: { [A]: { files: { "config.json": CONFIG, "model.safetensors": { text: "new", shared: SHARED } } } }
    },
    { repo: "data/set", type: "datasets", snapshots: { [A]: { files: { "a.csv": { text: "1,2" } } } } }
  ],
  files: { ...STORE_FILES, "hub/CACHEDIR.TAG": { text: "Signature" }, "hub/stray.txt": { text: "?" } }
}

const json = (text: string) => JSON.parse(text)
const exists = (hub: string, name: string) => existsSync(join(hub, `models--${name.replace("/", "--")}`))

it.scopedLive("rm --dry-run shows the plan and changes nothing", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const before = contents(hub)
    const { code, out } = yield* runCli(["rm", `org/two@${A}`, "--dry-run", "--json"], { hub })
    expect(code).toBe(0)
    const { data } = json(out)
    expect(data).toMatchObject({
      action: "delete_hash",
      commit_hash: A,
      dry_run: true,
      freed_bytes: "old weights".length
    })
    expect(data.plan.map(({ kind }: { kind: string }) => kind)).toEqual(["snapshot", "blob"])
    const human = yield* runCli(["rm", "org/two", "--dry-run"], { hub })
    expect(human.out).toMatch(
      /^rm: org\/two — delete_model: Would delete org\/two\n {2}ref .*\n[\s\S]*Would free \d+B\n$/
    )
    expect(contents(hub)).toEqual(before)
  })
)

it.scopedLive("rm of one revision keeps the other, the refs to it and the blobs it uses", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const asked = yield* runCli(["rm", `org/two@${A}`, "--json"], { hub })
    expect(json(asked.out).data).toMatchObject({ action: "requires_confirmation", requires_confirmation: true })
    const { out } = yield* runCli(["rm", "org/two@aaaa", "--force", "--json"], { hub })
    expect(json(out).data).toMatchObject({ action: "deleted", commit_hash: A, model: "org/two" })
    const repo = join(hub, "models--org--two")
    expect(readdirSync(join(repo, "snapshots"))).toEqual([B])
    expect(readFileSync(join(repo, "snapshots", B, "config.json"), "utf8")).toContain("llama")
    expect(readFileSync(join(repo, "snapshots", B, "model.safetensors"), "utf8")).toBe("new")
    expect(readdirSync(join(repo, "blobs"))).toHaveLength(3)
    // The other revision took its ref along; the last one takes the model.
    yield* runCli(["rm", `org/two@${B}`], { hub })
    expect(existsSync(repo)).toBe(false)
  })
)

it.scopedLive("rm never takes a payload of the shared store, gc does when nobody uses it", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const payload = join(hub, "blobs", "36", SHARED)
    yield* runCli(["rm", "org/two"], { hub })
    yield* runCli(["gc", "--delete"], { hub })
    expect(existsSync(payload)).toBe(true)
    yield* runCli(["rm", "org/one"], { hub })
    expect(existsSync(payload)).toBe(true)
    const dry = yield* runCli(["gc"], { hub })
    expect(dry.out).toContain(`blobs/36/${SHARED}`)
    expect(existsSync(payload)).toBe(true)
    yield* runCli(["gc", "--delete", "--json"], { hub })
    expect(existsSync(payload)).toBe(false)
    expect(existsSync(join(hub, "datasets--data--set", "snapshots", A, "a.csv"))).toBe(true)
  })
)

it.scopedLive("a payload whose list of users is missing is never collected", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    rmSync(join(hub, "blobs", "36", `${SHARED}.refs`))
    yield* runCli(["rm", "org/two"], { hub })
    yield* runCli(["rm", "org/one"], { hub })
    yield* runCli(["gc", "--delete"], { hub })
    expect(existsSync(join(hub, "blobs", "36", SHARED))).toBe(true)
  })
)

it.scopedLive("gc leaves alone what changed within the hour, and repos that a process uses", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const repo = join(hub, "models--org--two")
    writeFileSync(join(repo, "blobs", "y.incomplete"), "fresh")
    const { out } = yield* runCli(["gc", "--null"], { hub })
    expect(out.split("\0").filter((path) => path.includes("incomplete"))).toEqual([
      "models--org--two/blobs/x.incomplete"
    ])
    expect(out).toContain(`models--org--two/snapshots/${A}\0`)
    mkdirSync(join(hub, ".locks", "models--org--two"), { recursive: true })
    writeFileSync(join(hub, ".locks", "models--org--two", "pull"), written(mine()))
    expect((yield* runCli(["gc", "--quiet"], { hub })).out).toBe("")
  })
)

it.scopedLive("gc knows partial downloads of Python's library and our own", () =>
  Effect.gen(function* () {
    const names = [`${"1".repeat(64)}.12345678.incomplete`, "x.mlxk-chunks", "x.mlxk-part"]
    const extra = Object.fromEntries(names.map((name) => [`blobs/${name}`, { text: "half" }]))
    const hub = yield* laidDown({ repos: [{ repo: "org/half", extra }] })
    const { out } = yield* runCli(["gc", "--json"], { hub })
    const { freed_bytes, plan } = json(out).data
    expect(plan.map(({ kind, path }: { kind: string; path: string }) => [kind, path.split("/").at(-1)])).toEqual(
      names.map((name) => ["partial", name])
    )
    expect(freed_bytes).toBe(12)
  })
)

it.scopedLive("gc takes the links of a pull that was given up, and leaves those of one that may go on", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown({ repos: [{ repo: "org/half" }] })
    const staged = join(hub, "models--org--half", ".mlxk-snapshot")
    mkdirSync(join(staged, "deep"), { recursive: true })
    for (const path of ["a.json", "deep/b.json"]) symlinkSync("../../blobs/missing", join(staged, path))
    expect((yield* runCli(["gc", "--null"], { hub })).out).toBe("")
    utimesSync(staged, 1, 1)
    expect((yield* runCli(["gc", "--null"], { hub })).out).toBe("models--org--half/.mlxk-snapshot\0")
    expect((yield* runCli(["gc", "--delete"], { hub })).code).toBe(0)
    expect(existsSync(staged)).toBe(false)
  })
)

it.scopedLive("a model that somebody runs is refused, without the need of --force when that process is gone", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const locks = join(hub, ".locks", "models--org--one")
    mkdirSync(locks, { recursive: true })
    writeFileSync(join(locks, "mlxk-1.lease"), written(mine()))
    const refused = yield* runCli(["rm", "org/one", "--json"], { hub })
    expect(refused.code).toBe(1)
    expect(json(refused.out)).toMatchObject({
      error: { type: "model_in_use", retryable: true },
      data: { model: "org/one", action: "unknown", matches: [] }
    })
    expect((yield* runCli(["rm", "org/one"], { hub })).err).toContain(`process ${process.pid}`)
    expect(exists(hub, "org/one")).toBe(true)
    writeFileSync(join(locks, "mlxk-1.lease"), written({ ...mine(), started: "long ago" }))
    expect((yield* runCli(["rm", "org/one"], { hub })).code).toBe(0)
    expect(exists(hub, "org/one")).toBe(false)
    expect(existsSync(locks)).toBe(false)
  })
)

it.scopedLive("asks at a terminal, and only there", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const no = yield* runCli(["rm", "one"], { hub, terminal: true, typed: ["n"] })
    expect(no.out).toMatch(/Would delete 'org\/one'.*\nDelete it\? \[y\/N\] /)
    expect(exists(hub, "org/one")).toBe(true)
    const silent = yield* runCli(["rm", "one"], { hub })
    expect(silent.out).not.toContain("[y/N]")
    expect(exists(hub, "org/one")).toBe(true)
    const yes = yield* runCli(["rm", "one"], { hub, terminal: true, typed: ["Yes"] })
    expect(yes.out).toContain("rm: org/one — deleted: Deleted org/one")
    expect(exists(hub, "org/one")).toBe(false)
  })
)

it.scopedLive.each([" ", "/", ".", "..", "@", "@aaaa", "--", "-", "/-.", "../..", "./org"])(
  "refuses to delete by %j",
  (name) =>
    Effect.gen(function* () {
      const hub = yield* laidDown({ repos: TREE.repos.slice(1, 2) })
      const { code, out } = yield* runCli(["rm", "--force", "--json", "--", name], { hub })
      expect(code).toBe(1)
      expect(json(out).error.type).toBe("model_not_found")
      expect(exists(hub, "org/one")).toBe(true)
    })
)

it.scopedLive("links out of the cache are removed, never followed", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const outside = join(hub, "..", "outside")
    mkdirSync(join(outside, "deep"), { recursive: true })
    writeFileSync(join(outside, "deep", "precious"), "mine")
    const repo = join(hub, "models--org--two")
    for (const place of ["", "blobs", "refs", "snapshots", `snapshots/${A}`, ".no_exist"]) {
      mkdirSync(join(repo, place), { recursive: true })
      symlinkSync(outside, join(repo, place, "way-out"))
    }
    symlinkSync(outside, join(repo, ".mlxk-trash"))
    symlinkSync(repo, join(repo, "loop"))
    writeFileSync(join(outside, "foreign.lock"), "")
    mkdirSync(join(hub, ".locks"))
    symlinkSync(outside, join(hub, ".locks", "models--org--two"))
    yield* runCli(["gc", "--delete"], { hub })
    expect((yield* runCli(["rm", `org/two@${A}`, "--force"], { hub })).err).toBe("")
    const { out } = yield* runCli(["rm", "org/two", "--json"], { hub })
    expect(json(out).data).toMatchObject({ action: "deleted", lock_files_cleaned: 0 })
    expect(existsSync(repo)).toBe(false)
    expect(existsSync(join(outside, "foreign.lock"))).toBe(true)
    expect(readFileSync(join(outside, "deep", "precious"), "utf8")).toBe("mine")
  })
)

it.scopedLive("a repo whose blobs lie elsewhere loses the link only, and a linked repo is refused", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const repo = join(hub, "models--org--two")
    const elsewhere = join(hub, "..", "elsewhere")
    renameSync(join(repo, "blobs"), elsewhere)
    symlinkSync(elsewhere, join(repo, "blobs"))
    const before = contents(elsewhere)
    yield* runCli(["rm", "org/two", "--force"], { hub })
    expect(existsSync(repo)).toBe(false)
    expect(contents(elsewhere)).toEqual(before)
    renameSync(join(hub, "models--org--one"), join(hub, "..", "moved"))
    symlinkSync(join(hub, "..", "moved"), join(hub, "models--org--one"))
    const { out } = yield* runCli(["rm", "org/one", "--force", "--json"], { hub })
    expect(json(out)).toMatchObject({ error: { type: "deletion_failed" }, data: { action: "delete_model" } })
    expect(existsSync(join(hub, "..", "moved", "snapshots", A, "config.json"))).toBe(true)
  })
)

it.scopedLive("du counts shared payloads once and says what deleting frees", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const config = JSON.stringify(CONFIG.json, null, 2).length + 1
    const { out } = yield* runCli(["du", "--json"], { hub })
    const { repos, total } = json(out).data
    const [first] = repos
    expect(first).toMatchObject({
      name: "org/two",
      type: "model",
      revisions: 2,
      logical_bytes: 2 * config + 11 + 3,
      on_disk_bytes: config + 11 + 3,
      unused_bytes: 4
    })
    // The payload belongs to both; the ref counts too.
    expect(first.exclusive_bytes).toBe(config + 11 + 4 + 40)
    expect(repos.map(({ name }: { name: string }) => name)).toContain("data/set")
    expect(total).toEqual({
      logical_bytes: 3 * config + 11 + 3 + 3 + 3,
      on_disk_bytes: 2 * config + 11 + 3 + 3,
      unused_bytes: 4
    })
    const human = yield* runCli(["du", "set"], { hub })
    expect(human.out).toMatch(/datasets\/data\/set +\| 1 /)
    const names = yield* runCli(["du", "--null"], { hub })
    expect(names.out).toBe("org/two\0org/one\0datasets/data/set\0")
  })
)

it.scopedLive("health --verify finds damage, once and again, and reads nothing twice that hasn't changed", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const verify = Effect.map(runCli(["health", "--verify", "--json"], { hub }), ({ out }) => json(out).data)
    expect((yield* verify).summary).toEqual({ total: 2, healthy_count: 2, unhealthy_count: 0 })
    const receipts = join(hub, "models--org--two", ".mlxk-verified")
    expect(readFileSync(receipts, "utf8").trim().split("\n")).toHaveLength(3)
    // Not read again: a change that neither size nor time nor inode tells stays unseen.
    const config = join(hub, "models--org--one", "snapshots", A, "config.json")
    const { atime, mtime, size } = statSync(config)
    writeFileSync(config, JSON.stringify(CONFIG.json).padEnd(size))
    utimesSync(config, atime, mtime)
    expect((yield* verify).summary.unhealthy_count).toBe(0)
    rmSync(join(hub, "models--org--one", ".mlxk-verified"))
    expect((yield* verify).unhealthy).toMatchObject([{ name: "org/one" }])
    rmSync(join(hub, "models--org--one"), { recursive: true })
    // A receipt for another content doesn't count.
    const blob = join(hub, "models--org--two", "snapshots", A, "model.safetensors")
    writeFileSync(blob, "old weightz")
    for (const _ of [1, 2]) {
      const { unhealthy } = yield* verify
      expect(unhealthy).toHaveLength(1)
      expect(unhealthy[0].reason).toMatch(/^Damaged files: model\.safetensors: /)
    }
    // What is broken in the receipts costs a second reading, no more.
    writeFileSync(receipts, "{\n\u0000\nnull\n")
    expect((yield* verify).summary.unhealthy_count).toBe(1)
  })
)

it.scopedLive("list sorts, filters and prints names for programs", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown(TREE)
    const names = (...flags: ReadonlyArray<string>) =>
      Effect.map(runCli(["list", "--all", ...flags], { hub }), ({ out }) => out)
    expect(yield* names("--null")).toBe("org/one\0org/two\0")
    expect(yield* names("--quiet", "--sort", "size", "--filter", "framework=mlx,health=healthy,size<1k")).toBe(
      "org/one\norg/two\n"
    )
    expect(yield* names("--quiet", "--filter", "size>5g")).toBe("")
    expect(yield* names("--quiet", "--filter", "name=org/one")).toBe("org/one\n")
    expect(yield* names("--quiet", "--filter", "size < 1k, name = org/one")).toBe("org/one\n")
    const { out } = yield* runCli(["list", "--json", "--filter", "modified<7d"], { hub })
    expect(json(out).data).toEqual({ models: [], count: 0 })
    const wrong = yield* runCli(["list", "--filter", "size>big"], { hub })
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("invalid condition: 'size>big'")])
    expect((yield* runCli(["list", "--sort", "age"], { hub })).code).toBe(2)
  })
)
