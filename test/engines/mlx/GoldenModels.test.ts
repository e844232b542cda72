import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { mlxEngine } from "../../../src/engines/mlx/MlxEngine.js"
import { checkCase, goldenCases } from "../../support/GoldenModels.js"
import { noEngine } from "../../support/Native.js"

const directory = fileURLToPath(new URL("../../golden/models", import.meta.url))

describe.skipIf(noEngine)("against mlx-lm", () => {
  it.effect.each([...goldenCases(directory)])("%s", (name) =>
    Effect.map(checkCase(mlxEngine, join(directory, name)), (verdict) => {
      assert.strictEqual(verdict._tag, "Passed", JSON.stringify(verdict))
    })
  )

  it.scoped("refuses ids outside the vocabulary", () =>
    Effect.gen(function* () {
      const model = yield* mlxEngine.load({ name: "m", directory: join(directory, "llama-plain-q4-g64") })
      const sequence = model.start()
      for (const id of [-1, model.vocabSize, 0.5, Number.NaN]) {
        assert.instanceOf(Cause.squash(yield* Effect.flip(Effect.sandbox(sequence.forward([id], "last")))), RangeError)
      }
      assert.strictEqual(sequence.length, 0)
      yield* sequence.forward([1, 2, 3], "last")
      assert.strictEqual(sequence.length, 3)
      sequence.close()
    })
  )

  it.scoped("keeps sequences apart, and grows their caches", () =>
    Effect.gen(function* () {
      const model = yield* mlxEngine.load({ name: "m", directory: join(directory, "llama-sliding-q4-g32") })
      const ids = Array.from({ length: 600 }, (_, i) => (i * 7) % model.vocabSize)
      const whole = model.start()
      const expected = yield* whole.forward(ids, "last")
      const [one, two] = [model.start(), model.start()]
      for (let from = 0; from < ids.length; from += 150) {
        yield* two.forward([5, 6, 7], "last")
        const logits = yield* one.forward(ids.slice(from, from + 150), "last")
        for (const [i, value] of logits.entries()) {
          if (from === 450) assert.approximately(value, expected[i] ?? Number.NaN, 1e-3)
        }
      }
      for (const sequence of [whole, one, two]) sequence.close()
    })
  )
})
