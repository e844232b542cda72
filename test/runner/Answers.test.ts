/** Answers through a real engine process: text, limits, stops, prompts (the engine itself only plays). */
import { assert, layer } from "@effect/vitest"
import { Chunk, Effect, Exit, Stream } from "effect"
import { CheckpointInvalid, ContextLengthExceeded, type RunnerError, TemplateRefused } from "../../src/domain/Errors.js"
import type { GenerateEvent, GenerateOptions } from "../../src/domain/Generation.js"
import { type RunnableModel, Runner } from "../../src/services/Runner.js"
import { byteIds } from "../support/Checkpoint.js"
import { CONFIG, CONTEXT_LENGTH, closed, fakeModel, fakeRunner, greedy, steps } from "./support.js"

const events = (model: RunnableModel, options: GenerateOptions) =>
  Effect.flatMap(Runner, ({ generate }) => Stream.runCollect(generate(model, options))).pipe(
    Effect.map(Chunk.toReadonlyArray)
  )

const textOf = (all: ReadonlyArray<GenerateEvent>) =>
  all.map((event) => (event._tag === "Delta" ? event.text : "")).join("")

const failureOf = (model: RunnableModel, options: GenerateOptions): Effect.Effect<RunnerError, never, Runner> =>
  Effect.flip(events(model, options)).pipe(Effect.orDieWith((all) => new Error(`answered: ${textOf(all)}`)))

layer(fakeRunner, { excludeTestServices: true })("an answer", (it) => {
  it.scoped("is what the tokens say, from Started to Finished", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds(" Grüße, 世界 🎉") })
      const all = yield* events(model, greedy("hi"))
      assert.deepStrictEqual(all[0], { _tag: "Started", promptTokens: 3, contextLength: CONTEXT_LENGTH })
      assert.strictEqual(textOf(all), " Grüße, 世界 🎉")
      const completionTokens = byteIds(" Grüße, 世界 🎉").length + 1
      assert.deepStrictEqual(all.at(-1), {
        _tag: "Finished",
        finishReason: "stop",
        usage: { promptTokens: 3, completionTokens, reasoningTokens: 0 }
      })
      assert.notInclude(textOf(all), "\ufffd")
      assert.isTrue(all.every((event) => event._tag !== "Delta" || event.text !== ""))
      assert.strictEqual(closed(model), 1)
    })
  )

  it.scoped("ends at the token limit", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("abc"), endless: true })
      const all = yield* events(model, greedy("hi", { maxTokens: 5 }))
      assert.strictEqual(textOf(all), "abcab")
      assert.deepStrictEqual(all.at(-1), {
        _tag: "Finished",
        finishReason: "length",
        usage: { promptTokens: 3, completionTokens: 5, reasoningTokens: 0 }
      })
      assert.strictEqual(steps(model), 5)
    })
  )

  it.scoped("uses the caller's share of the context without a limit, and never more than the prompt leaves", () =>
    Effect.gen(function* () {
      const config = JSON.stringify({ model_type: "llama", max_position_embeddings: 21 })
      const model = yield* fakeModel({ answer: byteIds("x"), endless: true }, { "config.json": config })
      const length = (options: Partial<GenerateOptions>) =>
        Effect.map(events(model, greedy("123456789", options)), (all) => textOf(all).length)
      assert.strictEqual(yield* length({ contextShare: 0.5 }), 10)
      assert.strictEqual(yield* length({ contextShare: 1 }), 11)
      assert.strictEqual(yield* length({ maxTokens: 1000 }), 11)
    })
  )

  it.scoped("is refused when the prompt fills the context", () =>
    Effect.gen(function* () {
      const config = JSON.stringify({ model_type: "llama", max_position_embeddings: 8 })
      const model = yield* fakeModel({ answer: byteIds("x") }, { "config.json": config })
      const error = yield* failureOf(model, greedy("1234567"))
      assert.deepStrictEqual(error, new ContextLengthExceeded({ contextLength: 8, promptTokens: 8 }))
      assert.strictEqual(steps(model), 0)
    })
  )

  it.scoped("stops before a stop string, even one cut over tokens, and keeps what only began like one", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("Response\nHumble\nHuman: more") })
      const all = yield* events(model, greedy("hi", { stop: ["\nHuman:"] }))
      assert.strictEqual(textOf(all), "Response\nHumble")
      const last = all.at(-1)
      assert.strictEqual(last?._tag === "Finished" ? last.finishReason : null, "stop")
      const whole = yield* events(model, greedy("hi", { stop: ["more!"] }))
      assert.strictEqual(textOf(whole), "Response\nHumble\nHuman: more")
    })
  )

  it.scoped("counts the tokens that the chat template gives, its control tokens as one each", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") })
      const all = yield* events(
        model,
        greedy("", { input: { _tag: "Chat", messages: [{ role: "user", content: "hello" }] } })
      )
      // <s> <|user|> h e l l o <|assistant|>, and no second <s>
      assert.deepStrictEqual(all[0], { _tag: "Started", promptTokens: 8, contextLength: CONTEXT_LENGTH })
    })
  )

  it.scoped("names the reason when the template refuses the messages", () =>
    Effect.gen(function* () {
      const template = "{{ raise_exception('users only') if messages[0].role != 'user' }}"
      const model = yield* fakeModel({ answer: byteIds("ok") }, { "chat_template.jinja": template })
      const messages = [{ role: "system", content: "b" }] as const
      const error = yield* failureOf(model, greedy("", { input: { _tag: "Chat", messages } }))
      assert.deepStrictEqual(error, new TemplateRefused({ model: "org/fake", problem: "users only" }))
    })
  )

  it.scoped("comes for messages in another order, where the template wants the system's first", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") })
      const messages = [
        { role: "user", content: "a" },
        { role: "system", content: "b" }
      ] as const
      assert.strictEqual(textOf(yield* events(model, greedy("", { input: { _tag: "Chat", messages } }))), "ok")
    })
  )

  it.scoped("names the file and the line of a template that isn't one", () =>
    Effect.gen(function* () {
      const config = JSON.stringify({ chat_template: "\n{% for %}" })
      const model = yield* fakeModel({ answer: byteIds("ok") }, { "tokenizer_config.json": config })
      const messages = [{ role: "user", content: "a" }] as const
      const error = yield* failureOf(model, greedy("", { input: { _tag: "Chat", messages } }))
      assert.deepInclude(error, {
        _tag: "CheckpointInvalid",
        file: "tokenizer_config.json",
        problem: "not a valid chat template: Expected an expression in line 2"
      })
    })
  )

  it.scoped("is not kept waiting by a template without end, and the model stays loaded", () =>
    Effect.gen(function* () {
      const template = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"
      const model = yield* fakeModel({ answer: byteIds("ok") }, { "chat_template.jinja": template })
      const messages = [{ role: "user", content: "a" }] as const
      const error = yield* failureOf(model, greedy("", { input: { _tag: "Chat", messages } }))
      assert.deepStrictEqual(
        error,
        new CheckpointInvalid({
          model: "org/fake",
          file: "chat_template.jinja",
          problem: "the chat template asks for too much: more work than any real template needs in line 1"
        })
      )
      assert.strictEqual(textOf(yield* events(model, greedy("raw"))), "ok")
    })
  )

  it.scoped("comes without a template in the plain format", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") }, { "tokenizer_config.json": null })
      const all = yield* events(
        model,
        greedy("", { input: { _tag: "Chat", messages: [{ role: "user", content: "test input" }] } })
      )
      const prompt = "Human: test input\n\nAssistant: "
      assert.deepStrictEqual(all[0], {
        _tag: "Started",
        promptTokens: prompt.length + 1,
        contextLength: CONTEXT_LENGTH
      })
    })
  )

  it.scoped("comes to a single prompt in the template, and to the bare text without one", () =>
    Effect.gen(function* () {
      const prompt = greedy("", { input: { _tag: "Prompt", text: "hello" } })
      const started = (promptTokens: number) => ({
        _tag: "Started" as const,
        promptTokens,
        contextLength: CONTEXT_LENGTH
      })
      const chat = yield* fakeModel({ answer: byteIds("ok") })
      assert.deepStrictEqual((yield* events(chat, prompt))[0], started(8))
      const base = yield* fakeModel({ answer: byteIds("ok") }, { "tokenizer_config.json": null })
      // <s> h e l l o
      assert.deepStrictEqual((yield* events(base, prompt))[0], started(6))
    })
  )

  it.scoped("comes to an empty prompt too", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") })
      assert.strictEqual(textOf(yield* events(model, greedy(""))), "ok")
    })
  )

  it.scoped("is computed one at a time, in order of arrival, whatever the readers do", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("abc"), endless: true })
      const { generate } = yield* Runner
      const slow = yield* Stream.toPull(generate(model, greedy("slow", { maxTokens: 400 })))
      yield* slow // has begun, and is read no further
      const texts = yield* Effect.forEach([1, 2, 3], (maxTokens) => events(model, greedy("hi", { maxTokens })), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(texts.map(textOf), ["a", "ab", "abc"])
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(slow)))
    })
  )

  it.scoped("long prompts are computed in parts", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") }, { "config.json": CONFIG })
      yield* events(model, greedy("x".repeat(1200), { maxTokens: 1 }))
      assert.strictEqual(steps(model), 3)
    })
  )
})
