import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { outdated } from "../../src/operations/Outdated.js"
import { updates } from "../../src/operations/Update.js"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import { CONFIG, faultsIn, layerFor, noise, publish, pullOf, refOf } from "../support/PullHub.js"

const NAME = "acme/tiny"
/** The card is large, as some are: only its beginning is looked at before the bytes. */
const FILES = {
  "config.json": CONFIG,
  "README.md": Buffer.concat([Buffer.from("---\nlibrary_name: mlx\n---\n"), Buffer.alloc(20e6, "x")]),
  "model.safetensors": noise(200_000)
}

const place = Effect.gen(function* () {
  const hub = yield* makeFakeHub()
  const cache = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_update_"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  return { hub, cache }
})

describe("outdated and update", () => {
  it.scopedLive("compare without downloading, and fetch what changed", () =>
    Effect.gen(function* () {
      const here = yield* place
      const old = publish(here.hub, NAME, FILES)
      yield* pullOf(here, NAME)
      const look = Effect.provide(outdated(null), layerFor(here))
      const before = here.hub.downloads.sentBytes
      assert.deepInclude(yield* look, { count: 1, outdated_count: 0 })
      const now = publish(here.hub, NAME, { "config.json": `${CONFIG}\n` })
      const behind = yield* look
      assert.deepEqual(behind.models, [
        { name: NAME, ref: "main", cached_commit: old, hub_commit: now, status: "outdated", reason: null }
      ])
      assert.strictEqual(here.hub.downloads.sentBytes, before)
      const { updates: list } = yield* Effect.provide(updates("TINY", null), layerFor(here))
      assert.deepEqual(
        list.map(({ name }) => name),
        [NAME]
      )
      for (const { events } of list) yield* Effect.provide(Stream.runDrain(events), layerFor(here))
      assert.strictEqual(refOf(here.cache, NAME), now)
      assert.deepEqual(faultsIn(here.cache, NAME, { ...FILES, "config.json": `${CONFIG}\n` }), [])
      // The new config twice, once for the look, and the card's beginning for the look.
      assert.isBelow(here.hub.downloads.sentBytes - before, 2_000_000)
      assert.deepInclude(yield* look, { count: 1, outdated_count: 0 })
    })
  )

  it.scopedLive("say of a model that the Hub no longer has why it is unknown", () =>
    Effect.gen(function* () {
      const here = yield* place
      publish(here.hub, NAME, FILES)
      yield* pullOf(here, NAME)
      here.hub.store.repos.clear()
      const { models, outdated_count: count } = yield* Effect.provide(outdated(null), layerFor(here))
      assert.strictEqual(count, 0)
      assert.strictEqual(models[0]?.status, "unknown")
      assert.include(models[0]?.reason, "not found")
      const none = yield* Effect.flip(Effect.provide(updates("other", null), layerFor(here)))
      assert.strictEqual(none._tag, "ModelNotFound")
    })
  )
})
