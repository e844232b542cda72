/** What every way in shares: options are checked, chats end at turn markers, models that can't be run are refused. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { defaultSampling, type GenerateOptions } from "../../src/domain/Generation.js"
import { run } from "../../src/operations/Run.js"
import { layerHealthMemory, layerMemoryCache, layerScripted, memoryModel, RunnerRecord } from "../../src/testing.js"

const hello: GenerateOptions = {
  input: { _tag: "Prompt", text: "hello" },
  sampling: defaultSampling,
  maxTokens: null,
  contextShare: 1,
  stop: ["END"]
}

const services = Layer.mergeAll(
  layerMemoryCache([memoryModel("org/tiny")]),
  layerHealthMemory(),
  layerScripted([{ pieces: ["hi"] }])
)

/** What the Runner is asked for. */
const asked = (options: GenerateOptions) =>
  Effect.gen(function* () {
    yield* Stream.runDrain(run("org/tiny", options))
    return yield* (yield* RunnerRecord).requests
  }).pipe(Effect.provide(services))

describe("options out of range", () => {
  const sampling = (change: object) => ({ ...hello, sampling: { ...defaultSampling, ...change } })
  const cases: ReadonlyArray<readonly [param: string, options: GenerateOptions]> = [
    ["maxTokens", { ...hello, maxTokens: 0 }],
    ["maxTokens", { ...hello, maxTokens: -3 }],
    ["maxTokens", { ...hello, maxTokens: 1.5 }],
    ["sampling.temperature", sampling({ temperature: Number.NaN })],
    ["sampling.temperature", sampling({ temperature: -1 })],
    ["sampling.topP", sampling({ topP: 1.1 })],
    ["sampling.repetitionPenalty", sampling({ repetitionPenalty: 0 })],
    ["sampling.seed", sampling({ seed: 0.5 })],
    ["contextShare", { ...hello, contextShare: 2 }],
    ["input.messages", { ...hello, input: { _tag: "Chat", messages: [] } }]
  ]
  for (const [param, options] of cases) {
    it.effect(`name ${param}: ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Stream.runDrain(run("org/tiny", options)))
        assert.strictEqual(error._tag, "InvalidRequest")
        assert.include(error.message, `${param}: must `)
        assert.deepStrictEqual(yield* (yield* RunnerRecord).requests, [])
      }).pipe(Effect.provide(services))
    )
  }

  it.effect("are told before the model is looked for", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Stream.runDrain(run("nope", { ...hello, maxTokens: 0 })))
      assert.strictEqual(error._tag, "InvalidRequest")
    }).pipe(Effect.provide(services))
  )
})

describe("turn markers", () => {
  it.effect("end a chat and not a prompt, whoever asks", () =>
    Effect.gen(function* () {
      const [prompt] = yield* asked(hello)
      assert.deepStrictEqual(prompt?.options.stop, ["END"])
      const [chat] = yield* asked({ ...hello, input: { _tag: "Chat", messages: [{ role: "user", content: "hello" }] } })
      assert.includeMembers([...(chat?.options.stop ?? [])], ["END", "\nHuman:", "\nAssistant:", "\nYou:"])
    })
  )
})
