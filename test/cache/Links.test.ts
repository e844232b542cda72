/** Links that don't look like the Hub's own: whatever they lead to is in use, and is not deleted. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { collect } from "../../src/operations/Collect.js"
import { remove } from "../../src/operations/Remove.js"
import { laidDown, over, STORE_FILES } from "../support/Trees.js"

const A = "a".repeat(40)
const B = "b".repeat(40)
const BLOB = "c".repeat(64)
const REPO = "models--org--one"
const OTHER = "models--org--two"
const CONFIG = { json: { model_type: "llama" } }
const PAYLOAD = "36".padEnd(64, "0")

/** Two repos of a revision each, the first with a blob that no link of the usual form leads to. All of it is old. */
const cache = (link: (hub: string) => readonly [path: string, target: string]) =>
  Effect.gen(function* () {
    const repo = (name: string) => ({
      repo: name,
      refs: { main: A },
      snapshots: { [A]: { files: { "config.json": CONFIG } } }
    })
    const hub = yield* laidDown({ repos: [repo("org/one"), repo("org/two")], files: STORE_FILES })
    writeFileSync(join(hub, REPO, "blobs", BLOB), "precious")
    utimesSync(join(hub, REPO, "blobs", BLOB), 0, 0)
    const [path, target] = link(hub)
    mkdirSync(join(hub, path, ".."), { recursive: true })
    symlinkSync(target, join(hub, path))
    return hub
  })

const weights = (repo: string) => `${repo}/snapshots/${A}/model.safetensors`

const links: ReadonlyArray<readonly [string, (hub: string) => readonly [path: string, target: string]]> = [
  [
    "an absolute one over another name of the cache",
    (hub) => {
      symlinkSync(hub, `${hub}-alias`)
      return [weights(REPO), `${hub}-alias/${REPO}/blobs/${BLOB}`]
    }
  ],
  ["one that leaves the repo and comes back", () => [weights(REPO), `../../../${REPO}/blobs/${BLOB}`]],
  ["one to the directory of the blobs", () => [`${REPO}/snapshots/${A}/all`, "../../blobs"]],
  [
    "one to another link",
    (hub) => {
      mkdirSync(join(hub, REPO, "snapshots", B))
      symlinkSync(`../../blobs/${BLOB}`, join(hub, REPO, "snapshots", B, "w"))
      utimesSync(join(hub, REPO, "snapshots", B), 0, 0)
      return [weights(REPO), `../${B}/w`]
    }
  ],
  ["one in another repo's snapshot", () => [weights(OTHER), `../../../${REPO}/blobs/${BLOB}`]],
  ["one in another repo's blobs", () => [`${OTHER}/blobs/${BLOB}`, `../../${REPO}/blobs/${BLOB}`]]
]

describe("a link keeps its file from gc", () => {
  it.live.each(links)("%s", ([, link]) =>
    Effect.gen(function* () {
      const hub = yield* cache(link)
      yield* Effect.provide(collect({ execute: true }), over(hub))
      expect(readFileSync(join(hub, REPO, "blobs", BLOB), "utf8")).toBe("precious")
    }).pipe(Effect.scoped)
  )

  it.scopedLive("a file of the shared store, straight from a snapshot", () =>
    Effect.gen(function* () {
      const hub = yield* cache(() => [weights(OTHER), `../../../blobs/36/${PAYLOAD}`])
      const payload = join(hub, "blobs", "36", PAYLOAD)
      mkdirSync(join(payload, ".."), { recursive: true })
      for (const path of [payload, `${payload}.refs`]) {
        writeFileSync(path, "precious")
        utimesSync(path, 0, 0)
      }
      yield* Effect.provide(collect({ execute: true }), over(hub))
      expect(existsSync(payload)).toBe(true)
    })
  )
})

it.scopedLive("rm keeps a blob that another repo's link leads to, and takes the rest", () =>
  Effect.gen(function* () {
    const hub = yield* cache(() => [weights(OTHER), `../../../${REPO}/blobs/${BLOB}`])
    const force = { force: true, dryRun: false, confirmed: false }
    yield* Effect.provide(remove("org/one", force), over(hub))
    expect(readFileSync(join(hub, weights(OTHER)), "utf8")).toBe("precious")
    expect(existsSync(join(hub, REPO, "snapshots", A))).toBe(false)
    yield* Effect.provide(remove("org/two", force), over(hub))
    yield* Effect.provide(remove("org/one", force), over(hub))
    expect(existsSync(join(hub, REPO))).toBe(false)
  })
)

it.scopedLive("rm takes files whose names are no UTF-8", () =>
  Effect.gen(function* () {
    const hub = yield* cache(() => [weights(REPO), `../../blobs/${BLOB}`])
    const odd = (directory: string) =>
      Buffer.concat([Buffer.from(`${join(hub, REPO, directory)}/f`), Buffer.from([0xff])])
    writeFileSync(odd(`snapshots/${A}`), "x")
    mkdirSync(odd("."))
    yield* Effect.provide(remove("org/one", { force: true, dryRun: false, confirmed: false }), over(hub))
    expect(existsSync(join(hub, REPO))).toBe(false)
  })
)
