/** What sequences remember, give back and hold: the same on every engine. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { loadBinding } from "../../src/engines/mlx/Binding.js"
import { engineOn, mlxEngine } from "../../src/engines/mlx/MlxEngine.js"
import { referenceEngine } from "../../src/engines/reference/ReferenceEngine.js"
import type { Engine, LoadedModel, Sequence } from "../../src/inference/Engine.js"
import { noEngine } from "../support/Native.js"

const models = fileURLToPath(new URL("../golden/models", import.meta.url))
const load = (engine: Engine, name: string) => engine.load({ name, directory: join(models, name) })
const engines = noEngine ? [referenceEngine] : [referenceEngine, mlxEngine]

/** Keys kept for ever, in windows, and windows in some layers. */
const checkpoints = ["qwen3-q4-g64", "llama-sliding-q4-g32", "extra-window-last"]
const cases = engines.flatMap((engine) =>
  checkpoints.map((name) => ({ engine, name, title: `${engine.name} ${name}` }))
)

const idsOf = ({ vocabSize }: LoadedModel, count: number, seed = 7) =>
  Array.from({ length: count }, (_, i) => (i * seed + 3) % vocabSize)

const close = (actual: Float32Array, expected: Float32Array, tolerance = 1e-3) =>
  expected.forEach((value, i) => {
    assert.approximately(actual[i] ?? Number.NaN, value, tolerance, `[${i}]`)
  })

const feed = (sequence: Sequence, ids: ReadonlyArray<number>, step: number) =>
  Effect.gen(function* () {
    let logits: Float32Array = new Float32Array()
    for (let from = 0; from < ids.length; from += step) {
      logits = yield* sequence.forward(ids.slice(from, from + step), "last")
    }
    return logits
  })

describe("rewinding", () => {
  it.scoped.each(cases)("$title goes on as if the taken back tokens had never been", ({ engine, name }) =>
    Effect.gen(function* () {
      const model = yield* load(engine, name)
      assert.isTrue(model.rewinds)
      const [ids, others] = [idsOf(model, 90), idsOf(model, 9, 11)]
      const plain = model.start()
      const expected = yield* feed(plain, ids, 90)
      const sequence = model.start()
      yield* feed(sequence, ids.slice(0, 80), 11)
      // Every step also tries tokens that turn out wrong, as many as it likes.
      for (let at = 80; at < 90; at++) {
        yield* sequence.forward([ids[at] ?? 0, ...others.slice(0, at - 80)], "last")
        assert.isTrue(sequence.rewind(at + 1))
        assert.strictEqual(sequence.length, at + 1)
      }
      assert.isTrue(sequence.rewind(89))
      close(yield* sequence.forward(ids.slice(89), "last"), expected)
      assert.isFalse(sequence.rewind(91))
      assert.isFalse(sequence.rewind(-1))
      assert.strictEqual(sequence.length, 90)
      assert.isTrue(sequence.rewind(0))
      close(yield* feed(sequence, ids, 45), expected)
      plain.close()
      sequence.close()
    })
  )

  it.scoped.skipIf(noEngine)("stops where a window has let go", () =>
    Effect.gen(function* () {
      const model = yield* load(mlxEngine, "llama-sliding-q4-g32")
      const sequence = model.start()
      yield* feed(sequence, idsOf(model, 300), 1)
      assert.isFalse(sequence.rewind(40))
      assert.strictEqual(sequence.length, 300)
      assert.isTrue(sequence.rewind(299))
      sequence.close()
    })
  )
})

describe("bytes", () => {
  it.scoped.each(cases)("of $title are never more than was said before", ({ engine, name }) =>
    Effect.gen(function* () {
      const model = yield* load(engine, name)
      const sequence = model.start()
      assert.strictEqual(sequence.bytes, 0)
      let most = 0
      for (const step of [1, 70, 1, 1, 64, 32, 1, 200, 1]) {
        const chunk = Math.min(step, model.prefillChunk)
        yield* sequence.forward(idsOf(model, chunk), "last")
        assert.isAtMost(sequence.bytes, model.cacheBytes(sequence.length), `${sequence.length} tokens`)
        most = Math.max(most, sequence.bytes)
      }
      assert.isAbove(most, model.cacheBytes(sequence.length) / 4)
      sequence.close()
      assert.strictEqual(sequence.bytes, 0)
    })
  )

  it.scoped.each(engines.map((engine) => ({ engine, title: engine.name })))(
    "of $title without windows are exact",
    ({ engine }) =>
      Effect.gen(function* () {
        const model = yield* load(engine, "qwen3-q4-g64")
        const sequence = model.start()
        for (const length of [1, 30, 256, 257, 300]) {
          yield* feed(sequence, idsOf(model, length - sequence.length), 32)
          assert.strictEqual(sequence.bytes, model.cacheBytes(length))
        }
        sequence.close()
      })
  )
})

describe.skipIf(noEngine)("packed keys and values", () => {
  const distance = (a: Float32Array, b: Float32Array) =>
    Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0))
  const nothing = new Float32Array()
  it.scoped.each([
    { kvBits: 8, off: 0.02, share: 0.35 },
    { kvBits: 4, off: 0.3, share: 0.23 }
  ] as const)("in $kvBits bits are close to plain ones, and small", ({ kvBits, off, share }) =>
    Effect.gen(function* () {
      const [plain, packed] = [mlxEngine, engineOn(loadBinding, { kvBits })]
      const [model, small] = [yield* load(plain, "qwen3-q4-g64"), yield* load(packed, "qwen3-q4-g64")]
      const [one, two] = [model.start(), small.start()]
      const ids = idsOf(model, 60)
      const [expected, actual] = [yield* feed(one, ids, 7), yield* feed(two, ids, 7)]
      assert.isBelow(distance(actual, expected) / distance(expected, nothing), off)
      assert.isAbove(distance(actual, expected), 0)
      assert.isBelow(two.bytes / one.bytes, share)
      assert.strictEqual(two.bytes, small.cacheBytes(60))
      one.close()
      two.close()
    })
  )
})

describe("a table of positions", () => {
  it.scoped.each(engines.map((engine) => ({ engine, title: engine.name })))("$title: ends the sequence", ({ engine }) =>
    Effect.gen(function* () {
      const model = yield* load(engine, "gpt2-q4-g32")
      assert.strictEqual(model.maxPositions, 96)
      const sequence = model.start()
      yield* feed(sequence, idsOf(model, 95), 50)
      const refused = yield* Effect.flip(Effect.sandbox(sequence.forward([1, 2], "last")))
      assert.instanceOf(Cause.squash(refused), RangeError)
      assert.strictEqual(sequence.length, 95)
      yield* sequence.forward([1], "last")
      sequence.close()
    })
  )
})
