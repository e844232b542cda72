/** The scripted Runner: what tests of others rely on. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { TemplateRefused } from "../../src/domain/Errors.js"
import { layerScripted, RunnerRecord } from "../../src/runner/Scripted.js"
import { Runner } from "../../src/services/Runner.js"
import { greedy } from "./support.js"

const model = { name: "org/model", directory: "/nowhere" }
const refused = new TemplateRefused({ model: "org/model", problem: "no" })
const collect = (text: string) =>
  Effect.flatMap(Runner, ({ generate }) => Stream.runCollect(generate(model, greedy(text)))).pipe(
    Effect.map(Chunk.toReadonlyArray)
  )

describe("the scripted runner", () => {
  it.effect("plays its answers in order, the last one for ever, and records the requests", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* collect("a"), [
        { _tag: "Started", promptTokens: 1, contextLength: 4096 },
        { _tag: "Delta", text: "Hel" },
        { _tag: "Delta", text: "lo" },
        { _tag: "Finished", finishReason: "stop", usage: { promptTokens: 1, completionTokens: 2, reasoningTokens: 0 } }
      ])
      assert.deepStrictEqual(yield* Effect.flip(collect("b")), refused)
      assert.deepStrictEqual(yield* Effect.flip(collect("c")), refused)
      const record = yield* RunnerRecord
      const texts = (yield* record.requests).map(({ options: { input } }) => (input._tag === "Raw" ? input.text : null))
      assert.deepStrictEqual(texts, ["a", "b", "c"])
      assert.strictEqual(yield* record.abandoned, 0)
    }).pipe(Effect.provide(layerScripted([{ pieces: ["Hel", "lo"] }, { ending: refused }])))
  )

  it.effect("answers by a function, hangs, and knows what was given up", () =>
    Effect.gen(function* () {
      const { generate } = yield* Runner
      yield* generate(model, greedy("x")).pipe(Stream.take(2), Stream.runDrain)
      const hanging = yield* Effect.fork(collect("y"))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(hanging)
      assert.strictEqual(yield* Effect.flatMap(RunnerRecord, ({ abandoned }) => abandoned), 2)
    }).pipe(Effect.provide(layerScripted(() => ({ pieces: ["a"], ending: "hang" }))))
  )

  it.effect("can have no model that loads", () =>
    Effect.gen(function* () {
      const { load } = yield* Runner
      assert.deepStrictEqual(yield* Effect.flip(load(model)), refused)
      assert.deepStrictEqual(yield* Effect.flip(collect("a")), refused)
      assert.deepStrictEqual(yield* Effect.flatMap(RunnerRecord, ({ loads }) => loads), ["org/model"])
    }).pipe(Effect.provide(layerScripted([], { loadError: refused })))
  )
})
