/** Both ways with Python's huggingface_hub: we read what it wrote, it reads what we left. */
import { spawnSync } from "node:child_process"
import { cpSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { stepsOf, take } from "../../src/cache/Execute.js"
import { collect } from "../../src/operations/Collect.js"
import { diskUsage } from "../../src/operations/DiskUsage.js"
import { verifiedHealth } from "../../src/operations/Health.js"
import { list } from "../../src/operations/List.js"
import { remove } from "../../src/operations/Remove.js"
import { laidDown, over } from "../support/Trees.js"

const PYTHON = process.env["MLXK_TEST_PYTHON"] ?? "python3"
const SCRIPT = join(import.meta.dirname, "../support/huggingface.py")
const AVAILABLE = spawnSync(PYTHON, ["-c", "import huggingface_hub.utils._cache_manager"]).status === 0
if (!AVAILABLE) console.warn(`skipped: ${PYTHON} has no huggingface_hub; name one that has in MLXK_TEST_PYTHON`)

const python = (...args: ReadonlyArray<string>): string => {
  const { status, stderr, stdout } = spawnSync(PYTHON, [SCRIPT, ...args], { encoding: "utf8" })
  expect(status, stderr).toBe(0)
  return stdout
}

interface Scan {
  readonly total: number
  readonly warnings: ReadonlyArray<string>
  readonly repos: Readonly<Record<string, { readonly size: number; readonly revisions: number }>>
}
const scan = (...hubs: ReadonlyArray<string>): ReadonlyArray<Scan> => JSON.parse(python("scan", ...hubs))

const written = Effect.tap(laidDown({ repos: [] }), (hub) => Effect.sync(() => python("write", hub)))
const force = { force: true, dryRun: false, confirmed: false }

/** As if it had been written long ago. */
const age = (hub: string) => {
  const then = new Date("2025-01-01T00:00:00Z")
  for (const path of readdirSync(hub, { recursive: true, encoding: "utf8" })) {
    if (statSync(join(hub, path), { throwIfNoEntry: false }) !== undefined) utimesSync(join(hub, path), then, then)
  }
}

it.scopedLive.skipIf(!AVAILABLE)("reads what Python wrote, with the same totals", () =>
  Effect.gen(function* () {
    const hub = yield* written
    const [info] = scan(hub)
    yield* Effect.gen(function* () {
      const { repos, total } = yield* diskUsage(null)
      expect(total.on_disk_bytes).toBe(info?.total)
      expect(total.unused_bytes).toBe(0)
      const ours = repos.map(({ name, on_disk_bytes: size, revisions }) => [name, { size, revisions }])
      expect(Object.fromEntries(ours)).toEqual(info?.repos)
      expect((yield* list(null)).models.map(({ name, health }) => [name, health])).toEqual([
        ["org/gone", "healthy"],
        ["org/left", "healthy"]
      ])
      expect((yield* verifiedHealth(null, () => Effect.void)).summary.healthy_count).toBe(2)
      expect((yield* collect({ execute: false })).plan).toEqual([])
    }).pipe(Effect.provide(over(hub)))
  })
)

it.scopedLive.skipIf(!AVAILABLE)("leaves what Python scans without warnings and loads offline", () =>
  Effect.gen(function* () {
    const hub = yield* written
    yield* Effect.gen(function* () {
      const { models } = yield* list("left")
      const [, other] = readdirSync(join(hub, "models--org--left", "snapshots")).sort()
      yield* remove("org/gone", force)
      yield* remove(`org/left@${other}`, force)
      writeFileSync(join(hub, "models--org--left", "blobs", `${"0".repeat(64)}.incomplete`), "half")
      age(hub)
      expect((yield* collect({ execute: true })).plan).toHaveLength(1)
      expect(models).toHaveLength(1)
    }).pipe(Effect.provide(over(hub)))
    const [info] = scan(hub)
    expect(info).toMatchObject({ warnings: [], repos: { "org/left": { revisions: 1 }, "org/data": {} } })
    const left = [
      ["org/left", "second", "config.json"],
      ["org/left", "second", "model.safetensors"]
    ]
    expect(JSON.parse(python("load", hub, JSON.stringify(left)))[1]).toBe("new weights")
  })
)

/** All but the last moment, when the empty directory of the repo goes. */
it.scopedLive.skipIf(!AVAILABLE)("is never complained about, wherever a deletion is cut off", () =>
  Effect.gen(function* () {
    const source = yield* written
    const hubs: Array<string> = []
    for (const name of ["org/gone", "org/left@e0996a37"]) {
      const { plan } = yield* remove(name, { ...force, dryRun: true }).pipe(Effect.provide(over(source)))
      for (let cut = 0, whole = false; !whole; cut++) {
        const hub = join(source, "..", `${name.replaceAll("/", "-")}-${cut}`)
        cpSync(source, hub, { recursive: true, verbatimSymlinks: true })
        const steps = plan.map((item) => stepsOf(hub, item)).values()
        let taken = 0
        whole = true
        for (const sequence of steps) {
          for (const step of sequence) {
            if (taken++ === cut) {
              whole = false
              break
            }
            take(step)
          }
          if (!whole) break
        }
        hubs.push(hub)
      }
    }
    const empty = /Snapshots dir doesn't exist/
    for (const { repos, warnings } of scan(...hubs)) {
      expect(Object.keys(repos)).toContain("org/data")
      expect(warnings.filter((warning) => !empty.test(warning))).toEqual([])
    }
  })
)
