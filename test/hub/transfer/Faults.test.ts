import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, Option } from "effect"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import type { Fault } from "../../../src/testing/hub/Faults.js"
import { FAULTS, survives } from "../../support/PullFaults.js"

/** A sample; scripts/check/pull.ts runs many more. */
const RUNS = 8

const survivesAnew = (faults: ReadonlyArray<Fault>) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub()
    const cache = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_faults_"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
    )
    return yield* survives({ hub, cache }, faults)
  }).pipe(Effect.scoped)

const times = FastCheck.integer({ min: 1, max: 40 })
const fault = FastCheck.tuple(FastCheck.constantFrom(...Object.values(FAULTS)), times).map(
  ([known, count]): Fault => ({ ...known, times: count })
)

describe("a pull through faults", () => {
  for (const [name, known] of Object.entries(FAULTS)) {
    it.live(`${name}, a few times`, () =>
      Effect.gen(function* () {
        assert.deepEqual(yield* survivesAnew([{ ...known, times: 2 }]), [])
      })
    )
  }

  it.live("a server that never recovers", () =>
    Effect.gen(function* () {
      for (const name of ["flip a bit", "stall", "drop at once", "403 of the storage", "500"]) {
        const known = Option.fromNullable(FAULTS[name])
        assert.deepEqual(yield* survivesAnew([{ ...(yield* known), times: 1000 }]), [], name)
      }
    })
  )

  it("any of them together", async () => {
    await FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(fault, { minLength: 2, maxLength: 6 }), async (faults) => {
        assert.deepEqual(await Effect.runPromise(survivesAnew(faults)), [])
      }),
      { numRuns: RUNS }
    )
  })
})
