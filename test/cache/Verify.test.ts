/** `health --verify` writes its receipt into the repo's own directory and nowhere else, and stays brief about much damage. */
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { verifiedHealth } from "../../src/operations/Health.js"
import { contents, laidDown, over } from "../support/Trees.js"

const A = "a".repeat(40)
const REPO = "models--org--one"
const CONFIG = { json: { model_type: "llama" } }
const RECEIPT = ".mlxk-verified"

const cache = laidDown({
  repos: [
    {
      repo: "org/one",
      snapshots: { [A]: { files: { "config.json": CONFIG, "model.safetensors": { text: "weights" } } } }
    }
  ]
})

const verified = (hub: string) =>
  Effect.provide(
    verifiedHealth(null, () => Effect.void),
    over(hub)
  )

it.scopedLive("keeps no receipt of a repo that is a link out of the cache", () =>
  Effect.gen(function* () {
    const hub = yield* cache
    const outside = join(hub, "..", "outside")
    renameSync(join(hub, REPO), outside)
    symlinkSync(outside, join(hub, REPO))
    const before = contents(outside)
    expect((yield* verified(hub)).summary.healthy_count).toBe(1)
    expect(contents(outside)).toEqual(before)
  })
)

it.scopedLive("tells what it can't check from what is sound and from what is missing", () =>
  Effect.gen(function* () {
    const hub = yield* cache
    const reason = Effect.map(verified(hub), ({ healthy, unhealthy }) => [...healthy, ...unhealthy][0]?.reason)
    expect(yield* reason).toBe("Model is healthy; content verified: 2 sound")
    const blobs = join(hub, REPO, "blobs")
    const elsewhere = join(hub, "..", "elsewhere")
    renameSync(blobs, elsewhere)
    symlinkSync(elsewhere, blobs)
    expect(yield* reason).toBe("Model is healthy; content not verified, 2 with nothing to hold against")
    rmSync(join(hub, REPO, "snapshots", A, "model.safetensors"))
    writeFileSync(join(hub, REPO, "snapshots", A, "model.safetensors"), "weights")
    symlinkSync("../../blobs/gone", join(hub, REPO, "snapshots", A, "notes.txt"))
    expect(yield* reason).toBe("Damaged files: notes.txt: the file is missing")
  })
)

it.scopedLive.each([RECEIPT, `${RECEIPT}.new`])("follows no link in place of %s", (name) =>
  Effect.gen(function* () {
    const hub = yield* cache
    const precious = join(hub, "..", "precious")
    writeFileSync(precious, "mine")
    symlinkSync(precious, join(hub, REPO, name))
    expect((yield* verified(hub)).summary.healthy_count).toBe(1)
    expect(readFileSync(precious, "utf8")).toBe("mine")
    expect(
      readFileSync(join(hub, REPO, RECEIPT), "utf8")
        .trim()
        .split("\n")
    ).toHaveLength(2)
  })
)

it.scopedLive.each([RECEIPT, `${RECEIPT}.new`])("neither waits for a pipe in place of %s", (name) =>
  Effect.gen(function* () {
    const hub = yield* cache
    execFileSync("mkfifo", [join(hub, REPO, name)])
    expect((yield* verified(hub)).summary.healthy_count).toBe(1)
  })
)

it.scopedLive.each([RECEIPT, `${RECEIPT}.new`])("nor fails for a directory in place of %s", (name) =>
  Effect.gen(function* () {
    const hub = yield* cache
    mkdirSync(join(hub, REPO, name, "deep"), { recursive: true })
    expect((yield* verified(hub)).summary.healthy_count).toBe(1)
  })
)

it.scopedLive("names some of much damage, and how much more there is", () =>
  Effect.gen(function* () {
    const hub = yield* cache
    const names = Array.from({ length: 500 }, (_, index) => String(index).padStart(40, "0"))
    for (const name of names) {
      writeFileSync(join(hub, REPO, "blobs", name), "wrong")
      symlinkSync(`../../blobs/${name}`, join(hub, REPO, "snapshots", A, `part-${name}`))
    }
    const { unhealthy } = yield* verified(hub)
    expect(unhealthy[0]?.reason).toMatch(/^Damaged files: .* and 480 more$/)
    expect(unhealthy[0]?.reason.length).toBeLessThan(5000)
  })
)
