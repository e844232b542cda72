import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Schema, Stream } from "effect"
import type { Signal } from "../../src/cli/Stdio.js"
import { ErrorEnvelope, RunData, successEnvelope } from "../../src/domain/Envelope.js"
import { ContextLengthExceeded, EngineCrashed } from "../../src/domain/Errors.js"
import type { GenerateEvent, GenerateOptions } from "../../src/domain/Generation.js"
import { HealthReport } from "../../src/domain/HealthReport.js"
import { type CliSetup, runCli } from "../support/Cli.js"
import { answer } from "../support/Server.js"

const success = Schema.decodeUnknownSync(Schema.parseJson(successEnvelope(RunData)))
const failure = Schema.decodeUnknownSync(Schema.parseJson(ErrorEnvelope))
const saying = (events: ReadonlyArray<GenerateEvent>): CliSetup => ({
  runner: { generate: () => Stream.fromIterable(events) }
})

/** What the runner was asked for. */
const asked = (argv: ReadonlyArray<string>, setup: CliSetup = {}) =>
  Effect.gen(function* () {
    const requests: Array<GenerateOptions> = []
    const generate = (_: unknown, options: GenerateOptions) => {
      requests.push(options)
      return Stream.fromIterable(answer(["ok"]))
    }
    yield* runCli(["run", "org/tiny", ...argv], { ...setup, runner: { generate } })
    return requests
  })

describe("one answer", () => {
  it.effect("is the same text streamed, whole and in a pipe, with one newline", () =>
    Effect.gen(function* () {
      for (const argv of [[], ["--no-stream"]]) {
        for (const terminal of [true, false]) {
          const said = yield* runCli(["run", "org/tiny", "hi", ...argv], {
            ...saying(answer(["Hel", "lo\n"])),
            terminal
          })
          assert.deepStrictEqual(said, { code: 0, out: "Hello\n\n", err: "", log: [] })
        }
      }
    })
  )

  it.effect("is exact in a pipe and harmless on a terminal", () =>
    Effect.gen(function* () {
      const events = saying(answer(["a\u001b[31m", "b\tc\n日本\r"]))
      assert.strictEqual((yield* runCli(["run", "org/tiny", "hi"], events)).out, "a\u001b[31mb\tc\n日本\r\n")
      const terminal = yield* runCli(["run", "org/tiny", "hi"], { ...events, terminal: true })
      assert.strictEqual(terminal.out, "a[31mb\tc\n日本\n")
    })
  )

  it.effect("shows its reasoning under headings, or not at all, in every mode", () =>
    Effect.gen(function* () {
      const [started, ...rest] = answer(["4", "2"])
      const thought = ["h", "m"].map((text): GenerateEvent => ({ _tag: "Reasoning", text }))
      const events = saying(started === undefined ? [] : [started, ...thought, ...rest])
      const shown = "**[Reasoning]**\n\nhm\n\n---\n\n**[Answer]**\n\n42"
      for (const argv of [[], ["--no-stream"]]) {
        const said = yield* runCli(["run", "org/tiny", "hi", ...argv], events)
        assert.strictEqual(said.out, `${shown}\n`)
        const hidden = yield* runCli(["run", "org/tiny", "hi", "--no-reasoning", ...argv], events)
        assert.strictEqual(hidden.out, "42\n")
      }
      const { out } = yield* runCli(["run", "org/tiny", "hi", "--json"], events)
      assert.strictEqual(success(out).data.response, shown)
      const { out: hidden } = yield* runCli(["run", "org/tiny", "hi", "--json", "--no-reasoning"], events)
      assert.strictEqual(success(hidden).data.response, "42")
    })
  )

  it.effect("as a document", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* runCli(
        ["run", "org/tiny", "a", "b", "--json"],
        saying(answer(["Error: no"], "length"))
      )
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      assert.deepStrictEqual(success(out).data, {
        model: "org/tiny",
        prompt: "a b",
        response: "Error: no",
        finish_reason: "length",
        usage: { prompt_tokens: 7, completion_tokens: 2 }
      })
    })
  )

  it.effect("that was cut off is said to people, and --verbose says more, on stderr", () =>
    Effect.gen(function* () {
      const cut = yield* runCli(["run", "org/tiny", "hi"], saying(answer(["x"], "length")))
      assert.deepStrictEqual([cut.out, cut.err], ["x\n", "Note: the answer is cut off after 2 tokens\n"])
      const verbose = yield* runCli(["run", "org/tiny", "hi", "--verbose"], saying(answer(["x"])))
      assert.strictEqual(verbose.out, "x\n")
      for (const part of ["Context length 4096", "prompt 7 tokens", "2 tokens"]) assert.include(verbose.err, part)
    })
  )

  it.effect("cut off by Ctrl-C keeps what came, with a marker", () =>
    Effect.gen(function* () {
      const interrupted = (argv: ReadonlyArray<string>, terminal: boolean) =>
        Effect.gen(function* () {
          const begun = yield* Deferred.make<void>()
          const generate = () =>
            Stream.fromIterable(answer(["par", "tial"]).slice(0, 3)).pipe(
              Stream.concat(Stream.execute(Deferred.succeed(begun, undefined))),
              Stream.concat(Stream.never)
            )
          const signal = () => Effect.as(Deferred.await(begun), "SIGINT" as Signal)
          return yield* runCli(["run", "org/tiny", "hi", ...argv], { runner: { generate }, signal, terminal })
        })
      const marked = "partial\n[Generation interrupted by user]\n"
      for (const terminal of [true, false]) {
        assert.deepStrictEqual(yield* interrupted([], terminal), { code: 130, out: marked, err: "", log: [] })
      }
      const { code, out } = yield* interrupted(["--json"], false)
      assert.strictEqual(code, 130)
      assert.deepInclude(success(out).data, { response: marked.trimEnd(), finish_reason: "interrupted", usage: null })
    })
  )
})

describe("the request", () => {
  it.effect("has the defaults, the chat template and the whole context", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asked(["hi", "there"]), [
        {
          input: { _tag: "Prompt", text: "hi there" },
          sampling: { temperature: 0.7, topP: 0.9, repetitionPenalty: 1.1, seed: null },
          maxTokens: null,
          contextShare: 1,
          stop: []
        }
      ])
    })
  )

  it.effect("follows the options", () =>
    Effect.gen(function* () {
      const argv = [
        "--max-tokens=5",
        "--temperature",
        "0",
        "--top-p",
        ".5",
        "--repetition-penalty",
        "1e0",
        "--seed",
        "42"
      ]
      const [request] = yield* asked(["x", ...argv, "--no-chat-template"])
      assert.deepStrictEqual(request, {
        input: { _tag: "Raw", text: "x" },
        sampling: { temperature: 0, topP: 0.5, repetitionPenalty: 1, seed: 42 },
        maxTokens: 5,
        contextShare: 1,
        stop: []
      })
    })
  )

  it.effect("takes its prompt from the words, --prompt or stdin", () =>
    Effect.gen(function* () {
      const prompts: ReadonlyArray<readonly [argv: ReadonlyArray<string>, stdin: string, prompt: string]> = [
        [[""], "", ""],
        [["--prompt", "p", "words"], "", "p"],
        [["--", "-x"], "", "-x"],
        [["-"], "piped\n", "piped\n"],
        [["-", "and", "this"], "piped", "piped\n\nand this"],
        [["-", "--prompt", "this"], "piped", "piped\n\nthis"],
        [["-", "this"], "", "\n\nthis"]
      ]
      for (const [argv, stdin, prompt] of prompts) {
        const [request] = yield* asked(["--no-chat-template", ...argv], { stdin, settings: { pipes: true } })
        assert.deepStrictEqual(request?.input, { _tag: "Raw", text: prompt }, argv.join(" "))
      }
    })
  )
})

describe("what fails", () => {
  it.effect("before loading: no prompt for a document, a closed gate, a model that can't run", () =>
    Effect.gen(function* () {
      const untouched: CliSetup = {
        runner: { load: () => Effect.die("loaded"), generate: () => Stream.die("generated") },
        reports: {
          "org/tiny": new HealthReport({
            healthy: true,
            integrityReason: "ok",
            runtimeCompatible: false,
            runtimeReason: "Incompatible: GGUF"
          })
        }
      }
      const cases: ReadonlyArray<readonly [argv: ReadonlyArray<string>, type: string, text: string]> = [
        [[], "execution_error", "Interactive mode not compatible with JSON"],
        [["-"], "CommandError", "MLXK2_ENABLE_PIPES"],
        [["hi"], "execution_error", "Model 'org/tiny' is not compatible: Incompatible: GGUF"]
      ]
      for (const [argv, type, text] of cases) {
        const { code, out } = yield* runCli(["run", "org/tiny", ...argv, "--json"], untouched)
        assert.deepStrictEqual([code, failure(out).command, failure(out).error.type], [1, "run", type])
        assert.include(failure(out).error.message, text)
      }
    })
  )

  it.effect("while generating: exit 1, the error named, retryable where it is", () =>
    Effect.gen(function* () {
      const full = new ContextLengthExceeded({ contextLength: 10, promptTokens: 11 })
      const json = yield* runCli(["run", "org/tiny", "hi", "--json"], { runner: { generate: () => Stream.fail(full) } })
      assert.strictEqual(json.code, 1)
      assert.deepInclude(failure(json.out).error, {
        type: "execution_error",
        code: "context_length_exceeded",
        retryable: false
      })
      const crashed = new EngineCrashed({ model: "org/tiny", exitCode: null, signal: "SIGKILL", stderr: "" })
      const human = yield* runCli(["run", "org/tiny", "hi"], { runner: { generate: () => Stream.fail(crashed) } })
      assert.deepStrictEqual([human.code, human.out], [1, ""])
      assert.isTrue(human.err.startsWith("Error: "))
    })
  )

  it.effect("options of old scripts are taken and said to do nothing", () =>
    Effect.gen(function* () {
      const said = yield* runCli(["run", "org/tiny", "hi", "--system", "x", "--hide-reasoning"])
      assert.deepStrictEqual(said, { code: 0, out: "Hello\n", err: "Warning: --system has no effect\n", log: [] })
    })
  )
})
