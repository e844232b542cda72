/** Random deletions on random caches: nothing outside a plan changes, and whatever is left still verifies. */
import { createHash } from "node:crypto"
import { expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc } from "effect"
import { collect } from "../../src/operations/Collect.js"
import { diskUsage } from "../../src/operations/DiskUsage.js"
import { verifiedHealth } from "../../src/operations/Health.js"
import { remove } from "../../src/operations/Remove.js"
import { Maintenance } from "../../src/services/Maintenance.js"
import { contents, type FileSpec, laidDown, over, type RepoSpec, STORE_FILES } from "../support/Trees.js"

const COMMITS = ["a", "b", "c"].map((digit) => digit.repeat(40))
const NAMES = ["org/one", "org/two", "mlx-community/three", "other/one"]
const CONFIG: FileSpec = { json: { model_type: "llama", quantization: { bits: 4 } } }

const weights = fc
  .integer({ min: 0, max: 3 })
  .chain((content) =>
    fc.constantFrom<FileSpec>(
      { text: `weights ${content}` },
      { text: `weights ${content}`, copy: true },
      { text: `weights ${content}`, shared: `3${content}`.padEnd(64, "0") }
    )
  )
const snapshot = fc.record({
  files: fc.record({ weights, extra: fc.option(weights, { nil: undefined }) }).map(({ extra, weights: file }) => ({
    "config.json": CONFIG,
    "model.safetensors": file,
    ...(extra === undefined ? {} : { "sub/extra.safetensors": extra })
  }))
})
const snapshots = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...COMMITS), snapshot), { minLength: 1, selector: ([commit]) => commit })
  .map((pairs) => Object.fromEntries(pairs))
const junk: Readonly<Record<string, FileSpec>> = {
  "blobs/1234.incomplete": { text: "half" },
  [`blobs/${createHash("sha256").update("orphan").digest("hex")}`]: { text: "orphan" },
  [`.no_exist/${COMMITS[0]}/absent`]: { text: "" }
}
const repo = (name: string): fc.Arbitrary<RepoSpec> =>
  fc
    .record({ snapshots, ref: fc.constantFrom(...COMMITS), hasRef: fc.boolean(), hasJunk: fc.boolean() })
    .map((given) => ({
      repo: name,
      snapshots: given.snapshots,
      refs: given.hasRef && given.ref in given.snapshots ? { main: given.ref, "refs/pr/1": given.ref } : {},
      extra: given.hasJunk ? junk : {}
    }))
const cache = fc.subarray(NAMES, { minLength: 1 }).chain((names) => fc.tuple(...names.map(repo)))

type Deletion = { readonly name: string } | { readonly gc: true }
const deletions = fc.array(
  fc.oneof(
    fc.constant<Deletion>({ gc: true }),
    fc.record({
      name: fc.constantFrom(...NAMES.flatMap((name) => [name, ...COMMITS.map((commit) => `${name}@${commit}`)]))
    })
  ),
  { minLength: 1, maxLength: 5 }
)

const force = { force: true, dryRun: false, confirmed: false }

/** What it says it deletes; null when there is nothing of that name. */
const carryOut = (deletion: Deletion) =>
  "gc" in deletion
    ? collect({ execute: true }).pipe(Effect.map(({ plan, freed_bytes }) => ({ plan, freed_bytes })))
    : remove(deletion.name, force).pipe(
        Effect.map(({ plan, freed_bytes }) => ({ plan, freed_bytes })),
        Effect.catchTag("FailedWithData", ({ error }) => {
          expect(error._tag).toBe("NothingToRemove")
          return Effect.succeed({ plan: [], freed_bytes: 0 })
        })
      )

const check = (repos: ReadonlyArray<RepoSpec>, sequence: ReadonlyArray<Deletion>) =>
  Effect.gen(function* () {
    const hub = yield* laidDown({ repos, files: STORE_FILES })
    yield* Effect.gen(function* () {
      for (const deletion of sequence) {
        const before = contents(hub)
        const { plan } = yield* carryOut(deletion)
        const after = contents(hub)
        const planned = (path: string) => plan.some((item) => path === item.path || path.startsWith(`${item.path}/`))
        for (const [path, content] of before) {
          if (path.endsWith(".mlxk-verified")) continue
          expect([path, after.get(path)]).toEqual([path, planned(path) ? undefined : content])
        }
        const { unhealthy } = yield* verifiedHealth(null, () => Effect.void)
        expect(unhealthy).toEqual([])
      }
      // Together: what is left is used, so another collection finds nothing.
      yield* collect({ execute: true })
      const { garbage } = yield* Maintenance
      expect((yield* garbage).items).toEqual([])
      expect((yield* diskUsage(null)).total.unused_bytes).toBe(0)
    }).pipe(Effect.provide(over(hub)))
  }).pipe(Effect.scoped)

it.effect(
  "random deletions touch nothing else",
  () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(cache, deletions, (repos, sequence) => Effect.runPromise(check(repos, sequence))),
        { numRuns: 60 }
      )
    ),
  120_000
)
