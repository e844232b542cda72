/** A cache that other programs write to while we read it: no failure, no hang, and what stays is told truly. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { collect } from "../../src/operations/Collect.js"
import { diskUsage } from "../../src/operations/DiskUsage.js"
import { verifiedHealth } from "../../src/operations/Health.js"
import { list } from "../../src/operations/List.js"
import { remove } from "../../src/operations/Remove.js"
import { laidDown, over, type RepoSpec } from "../support/Trees.js"

const A = "a".repeat(40)
const CONFIG = { json: { model_type: "llama", quantization: { bits: 4 } } }
const model = (repo: string): RepoSpec => ({
  repo,
  refs: { main: A },
  snapshots: { [A]: { files: { "config.json": CONFIG, "model.safetensors": { text: "weights" } } } }
})

/** Makes and removes models until its stdin ends. */
const RESTLESS = `
const fs = require("fs"), path = require("path"), hub = process.argv[1]
let on = true
process.stdin.on("end", () => { on = false }).resume()
const turn = (n) => {
  const repo = path.join(hub, "models--busy--m" + n % 5), snapshot = path.join(repo, "snapshots", "b".repeat(40))
  // Our receipt may come into the directory just then.
  if (fs.existsSync(repo)) try { fs.rmSync(repo, { recursive: true, force: true }) } catch {}
  else {
    fs.mkdirSync(snapshot, { recursive: true })
    fs.mkdirSync(path.join(repo, "blobs"))
    fs.writeFileSync(path.join(repo, "blobs", "x.incomplete"), "half")
    fs.writeFileSync(path.join(snapshot, "config.json"), "{")
  }
  if (n === 0) process.stdout.write("ready")
  if (on) setImmediate(turn, n + 1)
}
turn(0)
`

it.scopedLive("is read without a failure while it changes", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown({ repos: [model("still/one"), model("still/two")] })
    const other = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, ["-e", RESTLESS, hub], { stdio: ["pipe", "pipe", "inherit"] })),
      (child) =>
        Effect.promise(async () => {
          const ended = once(child, "close")
          child.stdin.end()
          if (child.exitCode === null) await ended
        })
    )
    yield* Effect.promise(() => once(other.stdout, "data"))
    yield* Effect.gen(function* () {
      for (let round = 0; round < 40; round++) {
        const { models } = yield* list("still/")
        expect(models.map(({ health, name }) => [name, health])).toEqual([
          ["still/one", "healthy"],
          ["still/two", "healthy"]
        ])
        yield* list(null)
        expect((yield* verifiedHealth("still/one", () => Effect.void)).summary.healthy_count).toBe(1)
        yield* verifiedHealth(null, () => Effect.void)
        const { repos } = yield* diskUsage("still/one")
        expect(repos).toMatchObject([{ revisions: 1, unused_bytes: 0 }])
        // What came up just now is nobody's garbage.
        expect((yield* collect({ execute: true })).plan).toEqual([])
      }
    }).pipe(Effect.provide(over(hub)))
    expect(other.exitCode).toBe(null)
  })
)

it.scopedLive("hostile refs, loops and names are measured, collected and deleted without harm", () =>
  Effect.gen(function* () {
    const name = "evil\u001b[2J\nname"
    const hub = yield* laidDown({ repos: [model("good/one"), model(`org/${name}`)] })
    const repo = join(hub, `models--org--${name}`)
    truncateSync(join(repo, "refs", "main"), 2 ** 30)
    symlinkSync("loop", join(repo, "refs", "loop"))
    symlinkSync("..", join(repo, "snapshots", A, "up"))
    symlinkSync("/dev/zero", join(repo, "blobs", "0".repeat(64)))
    mkdirSync(join(repo, "refs", "dir"))
    mkdirSync(join(repo, "blobs", "1".repeat(64)))
    writeFileSync(join(hub, "models--file--only"), "")
    yield* Effect.gen(function* () {
      // Its refs can't be read, so nothing in it is certainly unused.
      expect((yield* collect({ execute: false })).plan).toEqual([])
      expect((yield* diskUsage("evil")).repos).toMatchObject([{ name: `org/${name}`, revisions: 1 }])
      const { unhealthy } = yield* verifiedHealth("evil", () => Effect.void)
      expect(unhealthy[0]?.reason).toMatch(/^Damaged files/)
      yield* remove(`org/${name}`, { force: false, dryRun: false, confirmed: false })
      expect((yield* list(null)).models.map((one) => one.name)).toEqual(["good/one"])
    }).pipe(Effect.provide(over(hub)))
  })
)
