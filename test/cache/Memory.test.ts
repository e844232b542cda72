import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as LiveHealth from "../../src/cache/Health.js"
import { layerHealthMemory, layerMemory, memoryModel } from "../../src/cache/Memory.js"
import { HealthReport } from "../../src/domain/HealthReport.js"
import { health } from "../../src/operations/Health.js"
import { list } from "../../src/operations/List.js"
import { show } from "../../src/operations/Show.js"

const broken = new HealthReport({
  healthy: false,
  integrityReason: "on purpose",
  runtimeCompatible: false,
  runtimeReason: null
})
const models = layerMemory([memoryModel("b/two"), memoryModel("a/one"), memoryModel("mlx-community/two")])
const layer = Layer.merge(models, layerHealthMemory({ "a/one": broken }))

describe("the memory layers", () => {
  it.effect("list in order, with the given verdicts", () =>
    Effect.gen(function* () {
      const { models } = yield* list(null)
      assert.deepStrictEqual(
        models.map(({ name, health, reason }) => [name, health, reason]),
        [
          ["a/one", "unhealthy", "on purpose"],
          ["b/two", "healthy", null],
          ["mlx-community/two", "healthy", null]
        ]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("resolve by the live rules", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* show("two", "metadata")).model.name, "mlx-community/two")
      assert.strictEqual((yield* show("b/two@0123", "metadata")).model.name, "b/two")
      assert.strictEqual((yield* Effect.flip(show("o", "metadata")))._tag, "AmbiguousModel")
      assert.strictEqual((yield* Effect.flip(show("nope", "metadata")))._tag, "ModelNotFound")
    }).pipe(Effect.provide(layer))
  )

  it.effect("go with the live rules of health", () =>
    Effect.gen(function* () {
      const { summary } = yield* health(null)
      assert.deepStrictEqual(summary, { total: 3, healthy_count: 3, unhealthy_count: 0 })
    }).pipe(Effect.provide(Layer.merge(models, LiveHealth.layer)))
  )
})
