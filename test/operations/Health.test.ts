import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { health } from "../../src/operations/Health.js"
import { COMMIT_A, COMMIT_B, Hub, LLAMA, layerHub } from "../support/CacheFixture.js"

const ZERO = { healthy: [], unhealthy: [], summary: { total: 0, healthy_count: 0, unhealthy_count: 0 } }

describe("health", () => {
  it.effect("checks all models, in the order of their directories", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      for (const name of ["a/-b", "a//b", "acme.co/x", "acme/x"]) hub.snapshot(name, COMMIT_A, LLAMA)
      hub.directory("models--acme--empty")
      hub.snapshot("TEST-CACHE-SENTINEL/x", COMMIT_A, {})
      const data = yield* health(null)
      assert.deepStrictEqual(
        data.healthy.map(({ name }) => name),
        ["a//b", "a/-b", "acme/x", "acme.co/x"]
      )
      assert.deepStrictEqual(data.unhealthy, [
        { name: "TEST-CACHE-SENTINEL/x", status: "unhealthy", reason: "config.json missing" },
        { name: "acme/empty", status: "unhealthy", reason: "No snapshots directory found" }
      ])
      assert.deepStrictEqual(data.summary, { total: 6, healthy_count: 4, unhealthy_count: 2 })
      assert.deepStrictEqual(yield* health(""), data)
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("checks the one that is meant, at the pinned snapshot", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/x", COMMIT_A, {}, "2025-01-01T00:00:00Z")
      hub.snapshot("acme/x", COMMIT_B, LLAMA, "2025-03-01T00:00:00Z")
      hub.snapshot("acme/other", COMMIT_A, LLAMA)
      assert.deepStrictEqual((yield* health("x@bbbb")).healthy, [
        { name: "acme/x", status: "healthy", reason: "Model is healthy" }
      ])
      assert.deepStrictEqual((yield* health("acme/x@aaaa")).unhealthy, [
        { name: "acme/x", status: "unhealthy", reason: "config.json missing" }
      ])
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("says nothing of compatibility", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      hub.snapshot("acme/gguf", COMMIT_A, { "config.json": '{"model_type": "x"}', "a.gguf": "GGUF" })
      assert.strictEqual((yield* health("gguf")).healthy[0]?.reason, "Model is healthy")
    }).pipe(Effect.provide(layerHub))
  )

  it.effect("succeeds without entries when nothing matches, and fails when several do", () =>
    Effect.gen(function* () {
      const hub = yield* Hub
      assert.deepStrictEqual(yield* health(null), ZERO)
      hub.snapshot("acme/one", COMMIT_A, LLAMA)
      for (const text of ["nope", " ", "@", "acme/one@ffff"]) assert.deepStrictEqual(yield* health(text), ZERO)
      hub.snapshot("acme/two", COMMIT_A, LLAMA)
      const error = yield* Effect.flip(health("acme"))
      assert.deepInclude(error, { _tag: "AmbiguousModel", matches: ["acme/one", "acme/two"] })
    }).pipe(Effect.provide(layerHub))
  )
})
