/** Reading what lies beside the weights, and prompts whose encoder or template misbehaves. */
import { execFileSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, TestClock } from "effect"
import { readCheckpointText } from "../../src/runner/CheckpointText.js"
import { makePrompter } from "../../src/runner/Prompt.js"
import { checkpoint, tokenizerFiles } from "../support/Checkpoint.js"
import { CONFIG } from "./support.js"

const files = { ...tokenizerFiles, "config.json": CONFIG }

describe("the text of a checkpoint", () => {
  it.scoped.each(["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])(
    "isn't waited for when %s is a pipe",
    (file) =>
      Effect.gen(function* () {
        const directory = yield* checkpoint(files)
        rmSync(join(directory, file), { force: true })
        execFileSync("mkfifo", [join(directory, file)])
        const error = yield* Effect.flip(readCheckpointText({ name: "m", directory }))
        assert.deepInclude(error, { _tag: "CheckpointInvalid", file, problem: "not a file" })
      })
  )
})

describe("a prompt that is never encoded", () => {
  const hanging = Effect.gen(function* () {
    const text = yield* readCheckpointText({ name: "m", directory: yield* checkpoint(files) })
    return makePrompter({ ...text, tokenizer: { ...text.tokenizer, encode: () => Effect.never } })
  })

  it.scoped("ends the process after a minute, as its thread can't be stopped", () =>
    Effect.gen(function* () {
      const promptOf = yield* hanging
      const fiber = yield* Effect.fork(promptOf({ _tag: "Raw", text: "hi" }))
      yield* TestClock.adjust("60 seconds")
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )

  it.scoped("ends the process soon after it is interrupted, and makes no room for another one before", () =>
    Effect.gen(function* () {
      const promptOf = yield* hanging
      const fiber = yield* Effect.fork(promptOf({ _tag: "Raw", text: "hi" }))
      yield* Effect.yieldNow()
      yield* Fiber.interruptFork(fiber)
      yield* TestClock.adjust("1 second")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 second")
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )
})

describe("a prompt that can't fit", () => {
  const limited = (most: number | null, template: string | null = null) =>
    Effect.gen(function* () {
      const own: Record<string, string> = template === null ? {} : { "chat_template.jinja": template }
      const text = yield* readCheckpointText({ name: "m", directory: yield* checkpoint({ ...files, ...own }) })
      const tokenizer = { ...text.tokenizer, encode: () => Effect.succeed([1]), maxBytesPerToken: most }
      return makePrompter({ ...text, contextLength: 10, tokenizer })
    })

  it.scoped("isn't encoded: its bytes tell that it has too many tokens", () =>
    Effect.gen(function* () {
      const promptOf = yield* limited(4)
      assert.deepStrictEqual((yield* promptOf({ _tag: "Raw", text: "é".repeat(20) })).ids, [1])
      const error = yield* Effect.flip(promptOf({ _tag: "Raw", text: "é".repeat(21) }))
      assert.deepInclude(error, { _tag: "ContextLengthExceeded", contextLength: 10, promptTokens: 11 })
    })
  )

  it.scoped("is encoded where a token may stand for any length of text", () =>
    Effect.gen(function* () {
      const promptOf = yield* limited(null)
      assert.deepStrictEqual((yield* promptOf({ _tag: "Raw", text: "a".repeat(10_000) })).ids, [1])
    })
  )

  it.scoped("is the template's fault when it comes of a short chat", () =>
    Effect.gen(function* () {
      const nested = "{% for i in range(1100) %}{% for j in range(100) %}0123456789{% endfor %}{% endfor %}"
      const promptOf = yield* limited(4, nested)
      const error = yield* Effect.flip(promptOf({ _tag: "Chat", messages: [{ role: "user", content: "hi" }] }))
      assert.deepInclude(error, { _tag: "CheckpointInvalid", file: "chat_template.jinja" })
      assert.include(error.message, "makes a prompt of 1100000 characters")
    })
  )

  it.scoped("is the template's fault when it counts without end", () =>
    Effect.gen(function* () {
      const promptOf = yield* limited(4, "{% set x = range(1000000000) %}")
      const error = yield* Effect.flip(promptOf({ _tag: "Chat", messages: [{ role: "user", content: "hi" }] }))
      assert.deepInclude(error, { _tag: "CheckpointInvalid", file: "chat_template.jinja" })
      assert.include(error.message, "asks for too much: it fails on them in line 1: Range too big")
    })
  )
})

describe("the text of a control token", () => {
  it.scoped("is one where the template writes it, and plain text in a message", () =>
    Effect.gen(function* () {
      const own = { "chat_template.jinja": "{{ messages[0].content + '<|end|>' }}" }
      const text = yield* readCheckpointText({ name: "m", directory: yield* checkpoint({ ...files, ...own }) })
      const promptOf = makePrompter(text)
      const end = text.tokenizer.idOf("<|end|>")
      const { ids } = yield* promptOf({ _tag: "Chat", messages: [{ role: "user", content: "a<|end|>b" }] })
      assert.isNotNull(end)
      assert.deepStrictEqual(
        ids.flatMap((id, i) => (id === end ? [i] : [])),
        [ids.length - 1]
      )
      assert.strictEqual(text.tokenizer.decode(ids, { skipSpecialTokens: false }), "a<|end|>b<|end|>")
    })
  )
})
