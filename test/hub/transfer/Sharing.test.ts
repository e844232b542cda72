import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mine, written } from "../../../src/cache/Holder.js"
import { directoryName } from "../../../src/domain/ModelRef.js"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { FILES, REPO } from "../../support/PullFaults.js"
import { faultsIn, type Place, publish, pullOf } from "../../support/PullHub.js"

const makePlace = (options: Parameters<typeof makeFakeHub>[0] = {}) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub(options)
    const cache = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_sharing_"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    publish(hub, REPO, FILES)
    return { hub, cache } satisfies Place
  })

const lockOf = ({ cache }: Place) => join(cache, ".locks", directoryName(REPO), "mlxk-pull.lock")

const holdLock = (place: Place, record: string) => {
  mkdirSync(dirname(lockOf(place)), { recursive: true })
  writeFileSync(lockOf(place), record)
}

/** A process id that belonged to a process and no longer does. */
const deadPid = () => spawnSync(process.execPath, ["-e", ""]).pid

describe("two pulls of one model", () => {
  it.scopedLive("wait for each other and fetch every byte once", () =>
    Effect.gen(function* () {
      const place = yield* makePlace({ maxRate: 4 * 2 ** 20 })
      const both = yield* Effect.all([pullOf(place, REPO), pullOf(place, REPO)], { concurrency: "unbounded" })
      const waiting = both.flatMap(({ events }) => events.filter(({ _tag }) => _tag === "Waiting"))
      assert.deepEqual(waiting, [{ _tag: "Waiting", model: REPO, pid: process.pid, host: hostname() }])
      assert.deepEqual(
        both.map(({ error }) => error),
        [null, null]
      )
      const size = Object.values(FILES).reduce((sum, content) => sum + content.length, 0)
      // The look at config.json before the bytes comes twice.
      assert.isBelow(place.hub.downloads.sentBytes, size + 1000)
      assert.deepEqual(faultsIn(place.cache, REPO, FILES), [])
      assert.isFalse(existsSync(lockOf(place)))
    })
  )

  it.scopedLive("one that died holds up nobody", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      holdLock(place, written({ ...mine(), pid: deadPid() }))
      const dead = yield* pullOf(place, REPO)
      assert.isNull(dead.error)
      assert.isFalse(dead.events.some(({ _tag }) => _tag === "Waiting"))
    })
  )

  it.scopedLive("one of another host counts until it is silent for minutes", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      holdLock(place, written({ ...mine(), host: "elsewhere" }))
      const long = new Date(Date.now() - 10 * 60_000)
      utimesSync(lockOf(place), long, long)
      assert.isNull((yield* pullOf(place, REPO)).error)
    })
  )

  it.scopedLive("a record that can't be read is taken over after a while", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      holdLock(place, "{")
      const long = new Date(Date.now() - 10 * 60_000)
      utimesSync(lockOf(place), long, long)
      assert.isNull((yield* pullOf(place, REPO)).error)
    })
  )
})
