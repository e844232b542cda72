/** Prompts that a real engine process can't encode in time, or encodes to tokens that its model hasn't got. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import { type RunnableModel, Runner } from "../../src/services/Runner.js"
import { byteIds, EOS, idTokenizerJson, tokenizerJson, VOCAB_SIZE } from "../support/Checkpoint.js"
import { CONFIG, CONTEXT_LENGTH, fakeModel, fakeRunner, greedy, isAlive, pidOf, steps, until } from "./support.js"

const answer = (model: RunnableModel, text: string) =>
  Effect.flatMap(Runner, ({ generate }) => Stream.runCollect(generate(model, greedy(text)))).pipe(
    Effect.map((events) =>
      Chunk.toReadonlyArray(events)
        .map((event) => (event._tag === "Delta" ? event.text : ""))
        .join("")
    )
  )

const PASSES = 200
/** Looks at every character of a text two hundred times: a short one takes no time, a long one minutes. */
const slowTokenizer = JSON.stringify({
  ...JSON.parse(tokenizerJson),
  normalizer: {
    type: "Sequence",
    normalizers: Array.from({ length: PASSES }, (_, i) => ({
      type: "Replace",
      pattern: { String: i % 2 === 0 ? "a" : "b" },
      content: i % 2 === 0 ? "b" : "a"
    }))
  }
})
const SLOW_TEXT = "a".repeat(CONTEXT_LENGTH / 2)

/** Time that a process has computed, in hundredths of a second. */
const computed = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? []
  return Number(fields[11])
}
const MUCH = 100

/** The ids of all tokens moved up, as by a vocabulary that belongs to another model. */
const shifted = (by: number) => {
  const { model, ...rest } = JSON.parse(idTokenizerJson)
  const vocab = Object.fromEntries(Object.keys(model.vocab).map((token, id) => [token, id + by]))
  return {
    "tokenizer.json": JSON.stringify({ ...rest, model: { ...model, vocab } }),
    "generation_config.json": JSON.stringify({ eos_token_id: EOS })
  }
}

layer(fakeRunner, { excludeTestServices: true })("an engine process", (it) => {
  it.scoped("says that the tokenizer doesn't belong to the model, and lives on", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: [] }, shifted(1))
      yield* answer(model, "t0")
      const error = yield* Effect.flip(answer(model, `t5 t${VOCAB_SIZE - 1}`))
      assert.deepInclude(error, { _tag: "CheckpointInvalid", file: "tokenizer.json" })
      assert.include(error.message, `token id ${VOCAB_SIZE}, but the model's vocabulary has ${VOCAB_SIZE} tokens`)
      assert.strictEqual(steps(model), 1)
      const pid = pidOf(model)
      yield* answer(model, "t0")
      assert.strictEqual(pidOf(model), pid)
    })
  )

  it.scoped("answers nothing for a sampled token without a text", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: [0, 3, 4] }, shifted(1))
      assert.strictEqual(yield* answer(model, "t0"), "t2 t3")
    })
  )

  it.scoped("has a heap of its own size, whatever the machine has", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") })
      yield* answer(model, "hi")
      const limit = Number(readFileSync(join(model.directory, "heap"), "utf8"))
      // V8 adds the room of its young generation.
      assert.isTrue(limit >= 2 ** 31 && limit < 1.25 * 2 ** 31, `${limit} bytes`)
    })
  )

  it.scoped("doesn't encode what can't fit", () =>
    Effect.gen(function* () {
      const config = CONFIG.replace(String(CONTEXT_LENGTH), "100")
      const model = yield* fakeModel(
        { answer: byteIds("ok") },
        { "tokenizer.json": tokenizerJson, "config.json": config }
      )
      const error = yield* Effect.flip(answer(model, "a".repeat(5_000_000)))
      // The longest token has 13 bytes; encoding would tell five million.
      assert.deepInclude(error, { _tag: "ContextLengthExceeded", contextLength: 100, promptTokens: 384_616 })
    })
  )

  it.scoped.skipIf(process.platform !== "linux")("ends with an encoding that nobody waits for any more", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") }, { "tokenizer.json": slowTokenizer })
      yield* answer(model, "hi")
      const pid = pidOf(model)
      const before = computed(pid)
      const fiber = yield* Effect.fork(answer(model, SLOW_TEXT))
      yield* until(() => computed(pid) - before > MUCH)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* answer(model, "hi"), "ok")
      assert.notStrictEqual(pidOf(model), pid)
      assert.isFalse(isAlive(pid))
    })
  )
})
