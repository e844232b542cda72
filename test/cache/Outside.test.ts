/** Repos that are links out of the cache: what lies outside isn't walked, measured as theirs, or changed; and caches elsewhere. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { readRepo } from "../../src/cache/Inventory.js"
import { collect } from "../../src/operations/Collect.js"
import { diskUsage } from "../../src/operations/DiskUsage.js"
import { remove } from "../../src/operations/Remove.js"
import { laidDown, over } from "../support/Trees.js"

const A = "a".repeat(40)

it.scopedLive("a repo that is a link to anything is read as far as it is a repo", () =>
  Effect.gen(function* () {
    const hub = yield* laidDown({ repos: [] })
    const outside = join(hub, "..", "outside")
    for (const [path, text] of [
      [`snapshots/${A}/config.json`, "{}"],
      ["refs/main", A],
      ["home/somebody/film", "long"]
    ] as const) {
      mkdirSync(join(outside, path, ".."), { recursive: true })
      writeFileSync(join(outside, path), text)
    }
    symlinkSync(outside, join(hub, "models--org--one"))
    symlinkSync("/", join(hub, "models--org--all"))
    expect(readRepo(hub, "models--org--one").repo.entries.map(({ path }) => path)).toEqual([
      "refs",
      "snapshots",
      `snapshots/${A}`,
      `snapshots/${A}/config.json`,
      "refs/main"
    ])
    const { repos } = yield* Effect.provide(diskUsage(null), over(hub))
    expect(repos.map(({ exclusive_bytes, logical_bytes, name }) => [name, logical_bytes, exclusive_bytes])).toEqual([
      ["org/one", 2, 0],
      ["org/all", 0, 0]
    ])
  })
)

it.scopedLive("a cache below a file is empty", () =>
  Effect.gen(function* () {
    const hub = join(yield* laidDown({ repos: [] }), "..", "file", "hub")
    writeFileSync(join(hub, ".."), "")
    expect((yield* Effect.provide(diskUsage(null), over(hub))).repos).toEqual([])
    expect((yield* Effect.provide(collect({ execute: false }), over(hub))).plan).toEqual([])
  })
)

it.scopedLive("a cache that is a loop of links is not called missing", () =>
  Effect.gen(function* () {
    const hub = join(yield* laidDown({ repos: [] }), "..", "loop")
    symlinkSync("loop", hub)
    const failed = yield* Effect.flip(
      Effect.provide(remove("org/one", { force: true, dryRun: false, confirmed: false }), over(hub))
    )
    expect(failed.error._tag).toBe("CacheIo")
  })
)
