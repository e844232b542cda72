import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { ErrorEnvelope, successEnvelope } from "../../src/domain/Envelope.js"
import { AmbiguousModel, CacheIo } from "../../src/domain/Errors.js"
import { HealthReport } from "../../src/domain/HealthReport.js"
import { HealthData, ListData, ShowData } from "../../src/domain/ModelObject.js"
import { runCli } from "../support/Cli.js"
import { cachedModel } from "../support/Server.js"

const failure = Schema.decodeUnknownSync(Schema.parseJson(ErrorEnvelope))
const hash = "0123456789abcdef0123456789abcdef01234567"

const models = [
  cachedModel("acme/broken"),
  cachedModel("acme/gguf", { framework: "GGUF", modelType: "base" }),
  cachedModel("mlx-community/Tiny-4bit", { commit: hash, sizeBytes: 1400, lastModified: 0 }),
  cachedModel("mlx-community/odd")
]
const reports = {
  "acme/broken": new HealthReport({
    healthy: false,
    integrityReason: "config.json missing",
    runtimeCompatible: false,
    runtimeReason: null
  }),
  "mlx-community/odd": new HealthReport({
    healthy: true,
    integrityReason: "Model is healthy",
    runtimeCompatible: false,
    runtimeReason: "Model type odd not supported."
  })
}

describe("list, show and health", () => {
  it.effect("answer with their documents", () =>
    Effect.gen(function* () {
      const documents: ReadonlyArray<readonly [argv: ReadonlyArray<string>, schema: Schema.Schema.AnyNoContext]> = [
        [["list", "--json"], ListData],
        [["--json", "list", "acme"], ListData],
        [["show", "acme/gguf", "--json"], ShowData],
        [["show", "acme/gguf", "--files", "--json"], ShowData],
        [["show", "acme/gguf", "--config", "--json"], ShowData],
        [["health", "--json"], HealthData]
      ]
      for (const [argv, schema] of documents) {
        const { code, err, out } = yield* runCli(argv, { models, reports })
        assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
        yield* Schema.decodeUnknown(Schema.parseJson(successEnvelope(schema)))(out)
        assert.isTrue(out.startsWith('{\n  "status": "success"') && out.endsWith("\n}\n"))
      }
    })
  )

  it.effect("list shows people chat models, and everything on request", () =>
    Effect.gen(function* () {
      const plain = yield* runCli(["list"], { models, reports })
      assert.strictEqual(
        plain.out,
        `Name        | Hash    | Size  | Modified | Type
------------+---------+-------+----------+-----
acme/broken | -       | 1B    | just now | chat
Tiny-4bit   | 0123456 | 1.4KB | just now | chat
odd         | -       | 1B    | just now | chat
`
      )
      const health = yield* runCli(["list", "--all", "--health"], { models, reports })
      assert.deepStrictEqual(
        health.out
          .split("\n")
          .slice(2, -1)
          .map((line) => line.split(" | ").map((cell) => cell.trim()))
          .map((cells) => [cells[0], cells[4], cells.at(-1)]),
        [
          ["acme/broken", "MLX", "unhealthy"],
          ["acme/gguf", "GGUF", "healthy"],
          ["Tiny-4bit", "MLX", "healthy"],
          ["odd", "MLX", "healthy*"]
        ]
      )
      const verbose = yield* runCli(["list", "--verbose", "--health", "odd"], { models, reports })
      assert.include(verbose.out, "| healthy   | no      | Model type odd not")
      assert.match(verbose.out, /\n +\| +\|.*\| supported\. +\n$/)
      assert.include(verbose.out, "mlx-community/odd")
    })
  )

  it.effect("show and health have forms for people", () =>
    Effect.gen(function* () {
      const shown = yield* runCli(["show", "mlx-community/Tiny-4bit"], {
        models: [cachedModel("mlx-community/Tiny-4bit", { commit: hash, metadata: { model_type: "llama", vocab: 4 } })]
      })
      assert.deepStrictEqual(shown.out.split("\n").toSpliced(4, 1), [
        "Model: mlx-community/Tiny-4bit@0123456",
        "Framework: MLX",
        "Type: chat",
        "Size: 1B",
        "Health: healthy",
        "",
        "Metadata:",
        "  model_type: llama",
        "  vocab: 4",
        ""
      ])
      const config = { nested: { a: [1, "two"] }, flag: true, text: "ünï" }
      const withConfig = yield* runCli(["show", "m", "--config"], {
        models: [cachedModel("m", { config: { _tag: "Parsed", value: config } })]
      })
      assert.include(withConfig.out, '\nConfig:\n  nested: {"a":[1,"two"]}\n  flag: true\n  text: ünï\n')
      const odd = yield* runCli(["show", "mlx-community/odd"], { models, reports })
      assert.include(
        odd.out,
        "Health: healthy (files OK, runtime incompatible)\nReason: Model type odd not supported.\n"
      )
      const health = yield* runCli(["health"], { models: models.slice(0, 2), reports })
      assert.strictEqual(
        health.out,
        "Summary: total 2, healthy 1, unhealthy 1\nhealthy   acme/gguf — Model is healthy\nunhealthy acme/broken — config.json missing\n"
      )
    })
  )

  it.effect("names from the cache can't steer the terminal", () =>
    Effect.gen(function* () {
      const hostile = "evil\u001b]0;x\u0007\n/\u202emodel"
      for (const argv of [["list"], ["show", hostile], ["health"]]) {
        const { out } = yield* runCli(argv, { models: [cachedModel(hostile)] })
        for (const control of ["\u001b", "\u0007", "\u202e"]) assert.notInclude(out, control)
        assert.include(out, "evil\\x1b]0;x\\x07\\x0a/\\u202emodel")
      }
      const { out } = yield* runCli(["list", "--json"], { models: [cachedModel(hostile)] })
      assert.include(JSON.stringify(JSON.parse(out)), JSON.stringify(hostile).slice(1, -1))
    })
  )
})

describe("failures", () => {
  const candidates = new AmbiguousModel({ query: "acme", matches: ["acme/a", "acme/b"] })
  const ambiguous = { cache: { resolve: () => Effect.fail(candidates) } }

  it.effect("for people: one line on stderr, candidates on lines of their own", () =>
    Effect.gen(function* () {
      const missing = yield* runCli(["show", "no\u001bpe"])
      assert.deepStrictEqual([missing.code, missing.out], [1, ""])
      assert.match(missing.err, /^show: Error: No model found matching 'no\\x1bpe'.*\n$/)
      const several = yield* runCli(["health", "acme"], ambiguous)
      assert.deepStrictEqual([several.code, several.out], [1, ""])
      assert.strictEqual(several.err, "health: Error: Ambiguous: Multiple models match 'acme':\n  acme/a\n  acme/b\n")
      const run = yield* runCli(["run", "acme", "hi"], ambiguous)
      assert.isTrue(run.err.startsWith("Error: Ambiguous"))
    })
  )

  it.effect("for scripts: the type, the candidates, the command's own data", () =>
    Effect.gen(function* () {
      const show = yield* runCli(["show", "acme", "--json"], ambiguous)
      assert.deepInclude(failure(show.out), { command: "show", data: null })
      assert.deepInclude(failure(show.out).error, { type: "ambiguous_match", matches: ["acme/a", "acme/b"] })
      const health = yield* runCli(["health", "acme", "--json"], ambiguous)
      assert.deepStrictEqual(failure(health.out).data, {
        healthy: [],
        unhealthy: [],
        summary: { total: 0, healthy_count: 0, unhealthy_count: 0 }
      })
      const run = yield* runCli(["run", "acme", "hi", "--json"], ambiguous)
      assert.deepInclude(failure(run.out).error, { type: "execution_error", code: "ambiguous_model" })
    })
  )

  it.effect("of the disk have each command's own type", () =>
    Effect.gen(function* () {
      const io = new CacheIo({ path: "/hub", problem: "EACCES" })
      const closed = { cache: { list: Effect.fail(io), resolve: () => Effect.fail(io) } }
      const types: ReadonlyArray<readonly [argv: ReadonlyArray<string>, type: string]> = [
        [["list"], "InternalError"],
        [["show", "m"], "show_operation_failed"],
        [["health"], "health_check_failed"],
        [["run", "m", "hi"], "execution_error"]
      ]
      for (const [argv, type] of types) {
        const { code, out } = yield* runCli([...argv, "--json"], closed)
        assert.deepStrictEqual([code, failure(out).error.type], [1, type])
      }
    })
  )

  it.effect("that are bugs say so, without their text; MLXK2_DEBUG has the cause", () =>
    Effect.gen(function* () {
      const bug = { cache: { list: Effect.die(new Error("secret detail")) } }
      const json = yield* runCli(["list", "--json"], bug)
      assert.strictEqual(json.code, 1)
      assert.deepInclude(failure(json.out), { command: "list", data: null })
      assert.strictEqual(failure(json.out).error.type, "InternalError")
      const human = yield* runCli(["list"], bug)
      assert.deepStrictEqual([human.code, human.out, human.log], [1, "", []])
      assert.match(human.err, /^list: Error: [^\n]+\n$/)
      assert.notInclude(json.out + human.err, "secret")
      assert.include(human.err, "MLXK2_DEBUG=1")
      for (const settings of [{ debug: true }, { logLevel: "error" }]) {
        const { log } = yield* runCli(["list"], { ...bug, settings })
        assert.match(log.join("\n"), /^\[ERROR\] command failed .*secret detail/)
      }
    })
  )
})

describe("the log level of the environment", () => {
  const closed = { cache: { list: Effect.fail(new CacheIo({ path: "/hub", problem: "EACCES" })) } }

  it.effect("beats MLXK2_DEBUG", () =>
    Effect.gen(function* () {
      const levels = [
        { debug: true },
        { debug: true, logLevel: "debug" },
        { debug: true, logLevel: "info" },
        { logLevel: "DEBUG" },
        {}
      ]
      const counts = yield* Effect.forEach(levels, (settings) =>
        Effect.map(runCli(["list"], { ...closed, settings }), ({ log }) => log.length)
      )
      assert.deepStrictEqual(counts, [1, 1, 0, 1, 0])
    })
  )

  it.effect("must be a level", () =>
    Effect.gen(function* () {
      const bad = { settings: { logLevel: "loud" } }
      for (const command of ["list", "serve"]) {
        const json = yield* runCli([command, "--json"], bad)
        assert.deepStrictEqual([json.code, json.log, failure(json.out).command], [2, [], null])
        const complaint = "MLXK2_LOG_LEVEL: invalid choice: 'loud' (choose from debug, info, warning, error)"
        assert.strictEqual(failure(json.out).error.message, complaint)
        const { err } = yield* runCli([command], bad)
        assert.isTrue(
          err.startsWith(`usage: mlxk2 ${command} `) && err.endsWith(`mlxk2 ${command}: error: ${complaint}\n`)
        )
      }
    })
  )
})
