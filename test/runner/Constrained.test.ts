/** Constrained answers through a real engine process, whose engine would rather say something else. */
import { assert, layer } from "@effect/vitest"
import { Chunk, Effect, Layer, Stream } from "effect"
import type { Constraint } from "../../src/domain/Constraint.js"
import { ConstraintUnsupported } from "../../src/domain/Errors.js"
import type { GenerateOptions } from "../../src/domain/Generation.js"
import { Runner } from "../../src/services/Runner.js"
import { byteIds } from "../support/Checkpoint.js"
import { bundled, fakeModel, fakeRunner, greedy, steps } from "./support.js"

const grammarThread = new URL("../../src/runner/GrammarWorker.ts", import.meta.url)
const runner = Layer.unwrapEffect(
  Effect.sync(() => {
    bundled(grammarThread, "grammar") // beside the engine, as in the program
    return fakeRunner
  })
)

const schema = {
  type: "object",
  properties: { city: { enum: ["Zürich", "Oslo"] }, n: { const: 7 } },
  required: ["city", "n"],
  additionalProperties: false
}

const answers: ReadonlyArray<{
  readonly name: string
  readonly constraint: Constraint
  readonly wish: string
  readonly says: string
}> = [
  {
    name: "JSON of a schema",
    constraint: { _tag: "JsonSchema", schema, strict: true },
    wish: '{"city":"Zürich","n":7}',
    says: '{"city":"Zürich","n":7}'
  },
  {
    name: "a choice, though the model wants to say more",
    constraint: { _tag: "Choice", choices: ["yes", "no"] },
    wish: "no, because",
    says: "no"
  },
  {
    name: "a text that a pattern matches",
    constraint: { _tag: "Regex", pattern: "[a-c]{2}é?" },
    wish: "caé!",
    says: "caé"
  },
  {
    name: "any text, its characters split over tokens",
    constraint: { _tag: "JsonSchema", schema: { type: "string" }, strict: false },
    wish: '"Ãé中😀"',
    says: '"Ãé中😀"'
  },
  {
    name: "a text of counted characters",
    constraint: { _tag: "JsonSchema", schema: { type: "string", maxLength: 3 }, strict: false },
    wish: '"é中😀é',
    says: '"é中😀"'
  }
]

const run = (constraint: Constraint, wish: string, options: Partial<GenerateOptions> = {}) =>
  Effect.gen(function* () {
    const model = yield* fakeModel({ answer: byteIds(wish), endless: true })
    const { generate } = yield* Runner
    const all = yield* Stream.runCollect(generate(model, greedy("hi", { ...options, constraint })))
    const events = Chunk.toReadonlyArray(all)
    const last = events.at(-1)
    return {
      text: events.map((event) => (event._tag === "Delta" ? event.text : "")).join(""),
      finishReason: last?._tag === "Finished" ? last.finishReason : null
    }
  })

layer(runner, { excludeTestServices: true })("a constrained answer", (it) => {
  for (const { constraint, name, says, wish } of answers) {
    it.scoped(`is ${name}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* run(constraint, wish), { text: says, finishReason: "stop" })
      })
    )
  }

  it.scoped("that is cut off says so", () =>
    Effect.gen(function* () {
      const { finishReason, text } = yield* run({ _tag: "JsonObject" }, '{"a":"aaaaaaaaaaaa', { maxTokens: 9 })
      assert.deepStrictEqual([text, finishReason], ['{"a":"aaa', "length"])
    })
  )

  it.scoped("that can't be kept is refused before anything is computed", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("x") })
      const { generate } = yield* Runner
      const constraint = { _tag: "JsonSchema", schema: { properties: { a: { not: {} } } }, strict: false } as const
      const error = yield* Effect.flip(Stream.runDrain(generate(model, greedy("hi", { constraint }))))
      assert.deepStrictEqual(
        error,
        new ConstraintUnsupported({
          param: "response_format",
          keyword: "not",
          path: "#/properties/a",
          problem: "the keyword isn't supported"
        })
      )
      assert.strictEqual(steps(model), 0)
    })
  )
})
