import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Stream } from "effect"
import type { Signal } from "../../src/cli/Stdio.js"
import { EngineCrashed } from "../../src/domain/Errors.js"
import { CHAT_STOPS, type GenerateEvent, type GenerateOptions, type Message } from "../../src/domain/Generation.js"
import { runCli } from "../support/Cli.js"
import { answer } from "../support/Server.js"

const BANNER = "Starting interactive chat. Type 'exit' or 'quit' to end.\n\n"

const messagesOf = ({ input }: GenerateOptions): ReadonlyArray<Message> => (input._tag === "Chat" ? input.messages : [])
const texts = (options: GenerateOptions | undefined) =>
  options === undefined ? [] : messagesOf(options).map(({ content, role }) => `${role}: ${content}`)

describe("a conversation", () => {
  it.effect("remembers what was said, and ends with an exit word", () =>
    Effect.gen(function* () {
      const requests: Array<GenerateOptions> = []
      const generate = (_: unknown, options: GenerateOptions) => {
        requests.push(options)
        return Stream.fromIterable(answer([` answer ${requests.length} `]))
      }
      const typed = ["first", "  ", "second", " QUIT "]
      const said = yield* runCli(["run", "org/tiny"], { runner: { generate }, typed, terminal: true })
      assert.deepStrictEqual(said, {
        code: 0,
        out: `${BANNER}You: \nAssistant:  answer 1 \n\nYou: You: \nAssistant:  answer 2 \n\nYou: Goodbye!\n`,
        err: "",
        log: []
      })
      assert.deepStrictEqual(texts(requests[1]), ["user: first", "assistant: answer 1", "user: second"])
      assert.deepStrictEqual(requests[0]?.stop, CHAT_STOPS)
    })
  )

  it.effect("remembers reasoning apart from what was answered", () =>
    Effect.gen(function* () {
      const requests: Array<GenerateOptions> = []
      const generate = (_: unknown, options: GenerateOptions) => {
        requests.push(options)
        const [started, ...rest] = answer(["Four."])
        const thought: GenerateEvent = { _tag: "Reasoning", text: "hm" }
        return Stream.fromIterable(started === undefined ? [] : [started, thought, ...rest])
      }
      const { out } = yield* runCli(["run", "org/tiny"], { runner: { generate }, typed: ["first", "second", "q"] })
      assert.include(out, "Assistant: **[Reasoning]**\n\nhm\n\n---\n\n**[Answer]**\n\nFour.\n")
      const [request] = requests.slice(1)
      assert.deepStrictEqual(request === undefined ? [] : messagesOf(request), [
        { role: "user", content: "first" },
        { role: "assistant", content: "Four.", reasoning: "hm" },
        { role: "user", content: "second" }
      ])
    })
  )

  it.effect("ends with the input", () =>
    Effect.gen(function* () {
      const { code, out } = yield* runCli(["run", "org/tiny"])
      assert.deepStrictEqual([code, out], [0, `${BANNER}You: \nGoodbye!\n`])
    })
  )

  it.effect("survives a failed answer and forgets its question", () =>
    Effect.gen(function* () {
      const requests: Array<GenerateOptions> = []
      const crashed = new EngineCrashed({ model: "org/tiny", exitCode: 1, signal: null, stderr: "" })
      const generate = (_: unknown, options: GenerateOptions) => {
        requests.push(options)
        return requests.length === 1 ? Stream.fail(crashed) : Stream.fromIterable(answer(["fine"]))
      }
      const { code, err } = yield* runCli(["run", "org/tiny"], { runner: { generate }, typed: ["bad", "good", "q"] })
      assert.strictEqual(code, 0)
      assert.match(err, /^\[ERROR\] .+\n$/)
      assert.deepStrictEqual(texts(requests[1]), ["user: good"])
    })
  )

  it.effect("Ctrl-C stops an answer, keeps what came with a marker, and goes on", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const requests: Array<GenerateOptions> = []
      const generate = (_: unknown, options: GenerateOptions) => {
        requests.push(options)
        if (requests.length > 1) return Stream.fromIterable(answer(["done"]))
        return Stream.fromIterable(answer(["half"]).slice(0, 2)).pipe(
          Stream.concat(Stream.execute(Deferred.succeed(begun, undefined))),
          Stream.concat(Stream.never)
        )
      }
      // The prompt asks first, then the answer that gets the signal, then nobody.
      let waiting = 0
      const signal = (claim: "program" | "work") => {
        if (claim === "program") return Effect.never
        waiting += 1
        return waiting === 2 ? Effect.as(Deferred.await(begun), "SIGINT" as Signal) : Effect.never
      }
      const setup = { runner: { generate }, typed: ["one", "two", "exit"], signal, terminal: true }
      const { code, out } = yield* runCli(["run", "org/tiny"], setup)
      assert.strictEqual(code, 0)
      assert.include(out, "\nAssistant: half\n[Generation interrupted by user]\n\nYou: \nAssistant: done\n")
      assert.deepStrictEqual(texts(requests[1]), [
        "user: one",
        "assistant: half\n[Generation interrupted by user]",
        "user: two"
      ])
    })
  )

  it.effect("Ctrl-C at the prompt says goodbye", () =>
    Effect.gen(function* () {
      const signal = (claim: "program" | "work") => (claim === "work" ? Effect.succeed<Signal>("SIGINT") : Effect.never)
      const lines: ReadonlyArray<string> = []
      const { code, out } = yield* runCli(["run", "org/tiny"], { signal, typed: lines, silentPrompt: true })
      assert.deepStrictEqual([code, out], [0, `${BANNER}You: \nChat interrupted. Goodbye!\n`])
    })
  )
})
