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
      const promptIds = yield* hanging
      const fiber = yield* Effect.fork(promptIds({ _tag: "Raw", text: "hi" }))
      yield* TestClock.adjust("60 seconds")
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )

  it.scoped("doesn't make room for another one when it is interrupted", () =>
    Effect.gen(function* () {
      const promptIds = yield* hanging
      const fiber = yield* Effect.fork(promptIds({ _tag: "Raw", text: "hi" }))
      yield* Effect.yieldNow()
      yield* Fiber.interruptFork(fiber)
      yield* TestClock.adjust("59 seconds")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 second")
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )
})
