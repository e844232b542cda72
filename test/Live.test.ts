import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { layerRunner } from "../src/Live.js"
import { Runner } from "../src/services/Runner.js"

describe("the runner that is loaded when it is needed", () => {
  it.scopedLive("outlives the interruption of the first who asked for it", () =>
    Effect.gen(function* () {
      const runner = yield* Runner
      const nothing = runner.load({ name: "org/none", directory: "/nonexistent" })
      const first = yield* Effect.fork(nothing)
      yield* Effect.yieldNow() // it has begun to load what is behind the tag
      yield* Fiber.interrupt(first)
      const second = yield* Effect.exit(nothing)
      assert.isFalse(Exit.isInterrupted(second), "the second call is served")
    }).pipe(Effect.provide(layerRunner))
  )
})
