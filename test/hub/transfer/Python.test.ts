import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { directoryName } from "../../../src/domain/ModelRef.js"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { FILES, REPO } from "../../support/PullFaults.js"
import { faultsIn, noise, type Place, publish, pullOf, refOf } from "../../support/PullHub.js"
import { hasHubLibrary, runPython } from "../../support/Python.js"

const makePlace = (options: Parameters<typeof makeFakeHub>[0] = {}) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub(options)
    const cache = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_python_"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    return { hub, cache } satisfies Place
  })

const download = (more = "") => `
from huggingface_hub import snapshot_download
print(snapshot_download("${REPO}"${more}))
`

/** Prints as soon as a part of this many bytes lies in the blobs. */
const watched = (blobs: string, bytes: number) => `
import glob, os, threading, time
def watch():
    while True:
        for path in glob.glob(${JSON.stringify(blobs)} + "/*.incomplete"):
            try:
                if os.path.getsize(path) >= ${bytes}: print("HALF")
            except OSError: pass
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
${download(", max_workers=1")}
`

const python = (
  place: Place,
  program: string,
  env: Readonly<Record<string, string>> = {},
  until?: (out: string) => boolean
) =>
  Effect.promise(() =>
    runPython(program, { HF_HUB_CACHE: place.cache, HF_ENDPOINT: place.hub.endpoint, ...env }, until)
  )

describe.runIf(hasHubLibrary)("beside huggingface_hub", () => {
  it.scopedLive("what we pulled loads there without a request", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const commit = publish(place.hub, REPO, FILES)
      assert.isNull((yield* pullOf(place, REPO)).error)
      const asked = place.hub.seen.hub.length
      const found = yield* python(place, download(), { HF_HUB_OFFLINE: "1" })
      assert.strictEqual(found.out.trim(), join(place.cache, directoryName(REPO), "snapshots", commit), found.err)
      assert.lengthOf(place.hub.seen.hub, asked)
    })
  )

  it.scopedLive("what it left half-finished we complete", () =>
    Effect.gen(function* () {
      const place = yield* makePlace({ maxRate: 8 * 2 ** 20 })
      const files = { ...FILES, "model.safetensors": noise(24 * 2 ** 20) }
      publish(place.hub, REPO, files)
      const blobs = join(place.cache, directoryName(REPO), "blobs")
      yield* python(place, watched(blobs, 2 ** 20), {}, (out) => out.includes("HALF"))
      assert.isAbove(readdirSync(blobs).filter((name) => name.endsWith(".incomplete")).length, 0)
      const { error, events } = yield* pullOf(place, REPO)
      assert.isNull(error)
      const planned = events.find((event) => event._tag === "Planned")
      assert.isAbove(planned?._tag === "Planned" ? planned.resumedBytes : 0, 0)
      assert.deepEqual(faultsIn(place.cache, REPO, files), [])
    })
  )

  it.scopedLive("what we left half-finished it completes, and we after it", () =>
    Effect.gen(function* () {
      const place = yield* makePlace()
      const commit = publish(place.hub, REPO, FILES)
      place.hub.plan([{ when: /^GET \/files\//, times: 1000, trouble: { afterBytes: 40_000, ending: "drop" } }])
      assert.isNotNull((yield* pullOf(place, REPO)).error)
      place.hub.plan([])
      const done = yield* python(place, download())
      assert.strictEqual(done.code, 0, done.err)
      assert.strictEqual(refOf(place.cache, REPO), commit)
      assert.deepEqual(faultsIn(place.cache, REPO, FILES), [])
      const after = yield* pullOf(place, REPO)
      assert.strictEqual(after.data?.download_status, "already_exists")
    })
  )

  it.scopedLive("both at once get the same cache", () =>
    Effect.gen(function* () {
      const place = yield* makePlace({ maxRate: 4 * 2 ** 20 })
      publish(place.hub, REPO, FILES)
      const [ours, theirs] = yield* Effect.all([pullOf(place, REPO), python(place, download())], {
        concurrency: "unbounded"
      })
      assert.isNull(ours.error)
      assert.strictEqual(theirs.code, 0, theirs.err)
      assert.deepEqual(faultsIn(place.cache, REPO, FILES), [])
    })
  )
})
