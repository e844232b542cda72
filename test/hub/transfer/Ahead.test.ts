import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { fetchAll, pull } from "../../../src/operations/Pull.js"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { CONFIG, faultsIn, layerFor, noise, type Place, publish, pullOf, TUNING } from "../../support/PullHub.js"

const NAME = "acme/shards"
const COUNT = 80
/** Nobody falls silent here: a busy machine is no fault. */
const PATIENT = { ...TUNING, silenceMs: 20_000 }
const FILES = {
  "config.json": CONFIG,
  ...Object.fromEntries(Array.from({ length: COUNT }, (_, index) => [`${index}.safetensors`, noise(3000, index)]))
}

const makePlace = Effect.gen(function* () {
  const hub = yield* makeFakeHub({ latencyMs: 2 })
  const cache = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_ahead_"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  publish(hub, NAME, FILES)
  return { hub, cache } satisfies Place
})

const requests = (seen: ReadonlyArray<{ readonly line: string }>) => {
  const counts = new Map<string, number>()
  for (const { line } of seen) counts.set(line, (counts.get(line) ?? 0) + 1)
  return counts
}

/** The storage's address of a small file is asked for before the file's turn. */
describe("addresses asked for ahead", () => {
  it.scopedLive("are used: no file's bytes are asked for twice", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      const { error } = yield* pullOf(place, NAME, {}, PATIENT)
      assert.isNull(error)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
      const bytes = requests(place.hub.seen.storage)
      assert.strictEqual(bytes.size, COUNT)
      assert.isTrue([...bytes.values()].every((count) => count === 1))
      const asked = [...requests(place.hub.seen.hub)].filter(([line]) => line.endsWith(".safetensors"))
      assert.lengthOf(asked, COUNT)
      // A file that was asked for ahead asks for itself only when its turn comes before the answer.
      assert.isBelow(
        asked.reduce((sum, [, count]) => sum + count, 0),
        1.5 * COUNT
      )
    })
  )

  it.scopedLive("are asked for again when they expired meanwhile", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      let finished = 0
      yield* Stream.runForEach(pull(NAME, { ...fetchAll, resume: false }), (event) =>
        Effect.sync(() => {
          if (event._tag === "FileFinished" && ++finished % 20 === 0) place.hub.downloads.expireAll()
        })
      ).pipe(Effect.provide(layerFor(place, PATIENT)))
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
    })
  )

  it.scopedLive("don't matter when the Hub refuses to tell them", () =>
    Effect.gen(function* () {
      const place = yield* makePlace
      place.hub.plan([
        { when: /^GET \/acme\/shards\/resolve\//, times: TUNING.maxFailures - 1, trouble: { status: 429 } }
      ])
      const { error } = yield* pullOf(place, NAME, {}, PATIENT)
      assert.isNull(error)
      assert.deepEqual(faultsIn(place.cache, NAME, FILES), [])
    })
  )
})
