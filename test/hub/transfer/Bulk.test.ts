import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { CONFIG, faultsIn, noise, type Place, publish, pullOf, TUNING } from "../../support/PullHub.js"

const NAME = "acme/bulky"
const MIB = 2 ** 20
const FILES = { "config.json": CONFIG, "model.safetensors": noise(6 * MIB + 17, 8), "more.safetensors": noise(MIB, 9) }
const SIZE = Object.values(FILES).reduce((sum, content) => sum + content.length, 0)
const LONG_CHUNKS = { ...TUNING, chunkBytes: 2 * MIB, silenceMs: 5000 }

const makePlace = Effect.gen(function* () {
  const hub = yield* makeFakeHub()
  const cache = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_bulk_"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  publish(hub, NAME, FILES)
  return { hub, cache } satisfies Place
})

/** Chunks long enough that a connection reads with its whole buffer. */
describe("bytes in bulk", () => {
  it.scopedLive("come whole, each once", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      const { error, events } = yield* pullOf(place, NAME, {}, LONG_CHUNKS)
      assert.isNull(error)
      assert.isFalse(events.some(({ _tag }) => _tag === "Retrying"))
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
      assert.isBelow(place.hub.downloads.sentBytes, SIZE + 2 * CONFIG.length)
    })
  )

  it.scopedLive("come whole through pauses, no faster than they may", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      const begun = performance.now()
      const { error, events } = yield* pullOf(place, NAME, { maxRate: 8 * MIB }, LONG_CHUNKS)
      const seconds = (performance.now() - begun) / 1000
      assert.isNull(error)
      assert.isFalse(events.some(({ _tag }) => _tag === "Retrying"))
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
      // What every connection's last piece may be early by.
      assert.isAbove(seconds, (SIZE - 3 * MIB) / (8 * MIB))
    })
  )

  it.scopedLive("come no faster than they may in small files", () =>
    Effect.gen(function* () {
      const { cache, hub } = yield* makePlace
      const name = "acme/small"
      const shards = Array.from(
        { length: 100 },
        (_, index) => [`${index}.safetensors`, noise(32 * 1024, index)] as const
      )
      const files = { "config.json": CONFIG, ...Object.fromEntries(shards) }
      publish(hub, name, files)
      const begun = performance.now()
      const { error } = yield* pullOf({ cache, hub }, name, { maxRate: 2 * MIB }, LONG_CHUNKS)
      const seconds = (performance.now() - begun) / 1000
      assert.isNull(error)
      // What every lane's first piece may be early by.
      assert.isAbove(seconds, (100 * 32 * 1024 - MIB) / (2 * MIB))
    })
  )

  it.scopedLive("come whole after breaks on the way", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      const when = /^GET \/files\//
      place.hub.plan([
        { when, times: 2, trouble: { afterBytes: 700_000, ending: "reset" } },
        { when, times: 1, trouble: { afterBytes: 900_000, ending: "end" } },
        { when, times: 1, trouble: { lengthOff: 1000 } }
      ])
      const { error } = yield* pullOf(place, NAME, {}, LONG_CHUNKS)
      assert.isNull(error)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
    })
  )
})
