import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { JSON_API_VERSION, programName, quickAnswer, VERSION, versionText } from "../../src/cli/Version.js"
import { ErrorEnvelope, successEnvelope, VersionData } from "../../src/domain/Envelope.js"
import { runCli } from "../support/Cli.js"

const failure = Schema.decodeUnknownSync(Schema.parseJson(ErrorEnvelope))

describe("the command line itself", () => {
  it.effect("usage errors exit with 2: usage and error on stderr, or one document that names no command", () =>
    Effect.gen(function* () {
      const human = yield* runCli(["show"])
      assert.deepStrictEqual([human.code, human.out], [2, ""])
      assert.strictEqual(
        human.err,
        "usage: mlxk2 show [-h] [--files] [--config] [--json] model\nmlxk2 show: error: the following arguments are required: model\n"
      )
      const unknown = yield* runCli(["frob\u001b"])
      assert.match(unknown.err, /\nmlxk2: error: argument command: invalid choice: 'frob\\x1b'/)
      const json = yield* runCli(["list", "--frob", "--json"])
      assert.deepStrictEqual([json.code, json.err], [2, ""])
      assert.deepInclude(failure(json.out), { command: null, data: null })
      assert.deepInclude(failure(json.out).error, { type: "CommandError", message: "unrecognized arguments: --frob" })
    })
  )

  it.effect("without a command: the help and 2, or a document and 1", () =>
    Effect.gen(function* () {
      const human = yield* runCli([])
      assert.deepStrictEqual([human.code, human.err], [2, ""])
      assert.include(human.out, "usage: mlxk2")
      const json = yield* runCli(["--json"])
      assert.strictEqual(json.code, 1)
      assert.deepInclude(failure(json.out).error, { type: "CommandError", message: "No command specified" })
    })
  )

  it.effect("help is text and 0, also with --json", () =>
    Effect.gen(function* () {
      const { code, out } = yield* runCli(["show", "--json", "--help"])
      assert.strictEqual(code, 0)
      assert.isTrue(out.startsWith("usage: mlxk2 show"))
    })
  )

  it.effect("--version names the invoked program and runs nothing", () =>
    Effect.gen(function* () {
      const bug = { cache: { list: Effect.die("not to be called") }, program: "mlxk-json" }
      const human = yield* runCli(["--version", "list"], bug)
      assert.deepStrictEqual([human.code, human.out], [0, `mlxk-json ${VERSION}\n`])
      const json = yield* runCli(["--version", "list", "--json"], bug)
      const { data } = yield* Schema.decodeUnknown(Schema.parseJson(successEnvelope(VersionData)))(json.out)
      assert.deepStrictEqual(data, { cli_version: VERSION, json_api_spec_version: JSON_API_VERSION })
      assert.strictEqual((yield* runCli(["--version", "frobnicate"])).code, 2)
    })
  )

  it("answers --version alone without the program", () => {
    assert.strictEqual(quickAnswer(["--version"], "mlxk"), versionText("mlxk", false))
    assert.strictEqual(quickAnswer(["--json", "--version"], "mlxk"), versionText("mlxk", true))
    for (const argv of [[], ["--json"], ["--version", "list"], ["--version", "-h"], ["list", "--version"]]) {
      assert.isNull(quickAnswer(argv, "mlxk"))
    }
    assert.deepStrictEqual(["/a/b/mlxk2", "C:\\x\\mlxk.js", "bin.ts", undefined].map(programName), [
      "mlxk2",
      "mlxk",
      "bin",
      "mlxk"
    ])
  })

  it.effect("a closed pipe ends a command quietly", () =>
    Effect.gen(function* () {
      for (const argv of [
        ["list"],
        ["list", "--json"],
        ["--help"],
        ["run", "org/tiny", "hi"],
        ["show"].concat("--json")
      ]) {
        const { err, out } = yield* runCli(argv, { writesUntilClosed: 0 })
        assert.deepStrictEqual({ err, out }, { err: "", out: "" })
      }
    })
  )

  it.effect("a signal ends a command with 128 and its number", () =>
    Effect.gen(function* () {
      const hanging = { cache: { list: Effect.never } }
      const int = yield* runCli(["list"], { ...hanging, signal: () => Effect.succeed("SIGINT") })
      assert.deepStrictEqual(int, { code: 130, out: "", err: "", log: [] })
      const term = yield* runCli(["list"], { ...hanging, signal: () => Effect.succeed("SIGTERM") })
      assert.strictEqual(term.code, 143)
    })
  )

  const word = Schema.Literal(
    "list",
    "show",
    "health",
    "run",
    "--all",
    "--files",
    "--json",
    "--",
    "-h",
    "--version",
    "-x",
    "--no-",
    "--max-tokens",
    "5",
    "-5",
    "org/tiny",
    "",
    "é\u001b",
    "--verb"
  )
  it.effect.prop(
    "with --json, stdout is one document or the help, whatever the arguments",
    [Schema.Array(word)],
    ([argv]) =>
      Effect.gen(function* () {
        const { code, out } = yield* runCli(["--json", ...argv])
        assert.include([0, 1, 2], code)
        if (out.startsWith("usage: ")) return
        assert.include(["success", "error"], JSON.parse(out).status)
      })
  )
})
