/** A deletion that is killed at any step leaves a cache that lists and verifies, and a second one finishes the job. */
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { verifiedHealth } from "../../src/operations/Health.js"
import { list } from "../../src/operations/List.js"
import { remove } from "../../src/operations/Remove.js"
import { bundled } from "../runner/support.js"
import { run } from "../support/Program.js"
import { laidDown, over, STORE_FILES, type TreeSpec } from "../support/Trees.js"

const A = "a".repeat(40)
const B = "b".repeat(40)
const CONFIG = { json: { model_type: "llama", quantization: { bits: 4 } } }
const SHARED = "36".padEnd(64, "0")

const TREE: TreeSpec = {
  repos: [
    {
      repo: "org/two",
      refs: { main: B, "refs/pr/1": A },
      snapshots: {
        [A]: {
          files: { "config.json": CONFIG, "model.safetensors": { text: "old" }, "sub/notes.txt": { text: "n" } },
          mtime: "2025-01-01T00:00:00Z"
        },
        [B]: { files: { "config.json": CONFIG, "model.safetensors": { text: "new", shared: SHARED } } }
      },
      extra: { ".no_exist/x/absent.json": { text: "" }, [`trees/${A}.json`]: { json: {} } }
    },
    {
      repo: "org/other",
      refs: { main: A },
      snapshots: { [A]: { files: { "config.json": CONFIG, "model.safetensors": { text: "new", shared: SHARED } } } }
    }
  ],
  files: STORE_FILES
}

const force = { force: true, dryRun: false, confirmed: false }
const planOf = (name: string) => Effect.map(remove(name, { ...force, dryRun: true }), ({ plan }) => plan)

/** A model is whole, gone, or without any snapshot: nobody may see a half. */
const WHOLE_OR_NOTHING = /^(Model is healthy|No snapshots found|No snapshots directory found)/

const entry = fileURLToPath(bundled(new URL("../support/interruptedDeletion.ts", import.meta.url)))

it.scoped.each(["org/two", `org/two@${A}`, `org/two@${B}`])(
  "%s, killed at every step",
  (name) =>
    Effect.gen(function* () {
      const source = yield* laidDown(TREE)
      const plan = JSON.stringify(yield* planOf(name).pipe(Effect.provide(over(source))))
      let killed = true
      for (let step = 0; killed; step++) {
        const copy = mkdtempSync(join(tmpdir(), "mlxk2_test_"))
        cpSync(source, join(copy, "hub"), { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
        const hub = join(copy, "hub")
        const ended = yield* Effect.promise(() => run(process.execPath, [entry, hub, plan, String(step)]))
        killed = ended.signal === "SIGKILL"
        expect(killed || ended.code === 0, ended.stderr).toBe(true)
        yield* Effect.gen(function* () {
          const { models } = yield* list(null)
          expect(models.map((model) => model.name)).toContain("org/other")
          const { healthy, unhealthy } = yield* verifiedHealth(null, () => Effect.void)
          expect(healthy.map((model) => model.name)).toContain("org/other")
          for (const { reason } of [...healthy, ...unhealthy]) expect(reason, `step ${step}`).toMatch(WHOLE_OR_NOTHING)
          if (killed && name === "org/two") {
            if (existsSync(join(hub, "models--org--two"))) yield* remove("org/two", force)
            expect(existsSync(join(hub, "models--org--two"))).toBe(false)
          }
        }).pipe(Effect.provide(over(hub)))
        rmSync(copy, { recursive: true })
      }
    }),
  120_000
)
