import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Schema } from "effect"
import type { Signal } from "../../src/cli/Stdio.js"
import { ErrorEnvelope, StartupDocument } from "../../src/domain/Envelope.js"
import { type CliSetup, runCli } from "../support/Cli.js"

const failure = Schema.decodeUnknownSync(Schema.parseJson(ErrorEnvelope))
const document = Schema.decodeUnknownSync(Schema.parseJson(StartupDocument))
const serve = { host: null, port: null, preloadModel: null, maxTokens: null, reload: false }

/** Serves until its document is out, then gets a signal. */
const served = (argv: ReadonlyArray<string>, setup: CliSetup = {}) =>
  Effect.gen(function* () {
    const loaded = yield* Deferred.make<string>()
    const announced = yield* Deferred.make<void>()
    const said = yield* runCli([...argv, "--json", "--model", "org/tiny"], {
      ...setup,
      runner: { load: ({ name }) => Deferred.succeed(loaded, name) },
      onWrite: Deferred.succeed(announced, undefined),
      signal: () => Effect.as(Deferred.await(announced), "SIGTERM" as Signal)
    })
    return { ...said, loaded: yield* Deferred.await(loaded) }
  })

describe("serve", () => {
  it.live("announces the bound port in one document, preloads, and ends with 0 on a signal", () =>
    Effect.gen(function* () {
      for (const name of ["serve", "server"]) {
        const { code, loaded, log, out } = yield* served([name, "--port", "0", "--max-tokens", "9"])
        assert.deepStrictEqual([code, loaded], [0, "org/tiny"])
        const { command, data } = document(out)
        assert.deepStrictEqual([command, data.host, data.model, data.max_tokens], ["serve", "127.0.0.1", "org/tiny", 9])
        assert.isAbove(data.port, 0)
        assert.include(log.join("\n"), `http://127.0.0.1:${data.port}`)
      }
    })
  )

  it.live("takes the environment where no option is given, and its log form from both", () =>
    Effect.gen(function* () {
      const environment = { settings: { serve: { ...serve, port: "0", maxTokens: "7", host: "localhost" } } }
      const { log, out } = yield* served(["serve", "--log-json", "--host", "127.0.0.1"], environment)
      assert.deepInclude(document(out).data, { host: "127.0.0.1", max_tokens: 7 })
      for (const line of log) assert.isString(JSON.parse(line).msg)
      const quiet = yield* served(["serve", "--log-level", "error"], environment)
      assert.deepStrictEqual(quiet.log, [])
    })
  )

  it.live("logs at the level of its option, before that of the environment, before debug", () =>
    Effect.gen(function* () {
      const lines = (argv: ReadonlyArray<string>, settings: CliSetup["settings"]) =>
        Effect.map(served(["serve", "--port", "0", ...argv], { settings: { ...settings } }), ({ log }) => log.length)
      assert.strictEqual(yield* lines([], { debug: true, logLevel: "error" }), 0)
      assert.isAbove(yield* lines(["--log-level", "info"], { logLevel: "error" }), 0)
      assert.isAbove(yield* lines([], {}), 0)
    })
  )

  it.effect("refuses values of the environment before it binds, by the variable's name", () =>
    Effect.gen(function* () {
      const bad = { settings: { serve: { ...serve, port: "http" } } }
      const json = yield* runCli(["serve", "--json"], bad)
      assert.deepStrictEqual([json.code, failure(json.out).command], [2, null])
      assert.strictEqual(failure(json.out).error.message, "MLXK2_PORT: invalid int value: 'http'")
      const human = yield* runCli(["serve"], { settings: { serve: { ...serve, maxTokens: "0" } } })
      assert.match(
        human.err,
        /^usage: mlxk2 serve .*\nmlxk2 serve: error: MLXK2_MAX_TOKENS: must be at least 1, not 0\n$/
      )
      const alias = yield* runCli(["server"], bad)
      assert.match(alias.err, /^usage: mlxk2 server .*\nmlxk2 server: error: MLXK2_PORT: /)
    })
  )

  it.live("refuses an empty host and a level that nobody knows", () =>
    Effect.gen(function* () {
      for (const [option, given] of [
        ["--host", ""],
        ["--log-level", "constructor"]
      ] as const) {
        const { code, err } = yield* runCli(["serve", option, given])
        assert.strictEqual(code, 2)
        assert.include(err, `argument ${option}: `)
      }
    })
  )

  it.live("fails with 1 on a missing model and on a busy port, before anything is announced", () =>
    Effect.gen(function* () {
      const missing = yield* runCli(["serve", "--port", "0", "--model", "no/such", "--json"])
      assert.deepStrictEqual([missing.code, failure(missing.out).command], [1, "serve"])
      assert.strictEqual(failure(missing.out).error.type, "model_not_found")
      const busy = yield* runCli(["serve", "--host", "192.0.2.1", "--port", "0"])
      assert.deepStrictEqual([busy.code, busy.out], [1, ""])
      assert.match(busy.err, /^serve: Error: Cannot listen on 192\.0\.2\.1:0 /)
    })
  )
})
