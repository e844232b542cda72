import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, LogLevel } from "effect"
import { type LoggingOptions, layer } from "../src/Logging.js"

const HOME = "/home/someone"
const TOKEN = `hf_${"aB3".repeat(12)}`

/** Runs logging code and answers the lines it wrote. `clock` is milliseconds and may be moved by the code. */
const lines = (options: Partial<LoggingOptions>, code: (clock: { now: number }) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const written: Array<string> = []
    const clock = { now: 1_000_000 }
    const logging = layer({
      json: false,
      level: LogLevel.Info,
      home: HOME,
      write: (line) => written.push(line),
      now: () => clock.now,
      ...options
    })
    yield* Effect.provide(code(clock), logging)
    return written
  })

describe("plain lines", () => {
  it.effect("carry the level, the message and the annotations", () =>
    Effect.gen(function* () {
      const written = yield* lines({}, () =>
        Effect.logWarning("load failed").pipe(Effect.annotateLogs({ model: "org/x", duration_ms: 12 }))
      )
      assert.deepStrictEqual(written, ["[WARN] load failed model=org/x duration_ms=12"])
    })
  )

  it.effect("respect the level", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lines({}, () => Effect.logDebug("quiet")), [])
      assert.deepStrictEqual(yield* lines({ level: LogLevel.Debug }, () => Effect.logDebug("loud")), ["[DEBUG] loud"])
    })
  )
})

describe("JSON lines", () => {
  it.effect("are one object with time, level, logger, message and request id", () =>
    Effect.gen(function* () {
      const [line = ""] = yield* lines({ json: true }, () =>
        Effect.logInfo("request").pipe(Effect.annotateLogs({ request_id: "r-1", status: 200, logger: "server" }))
      )
      assert.deepStrictEqual(JSON.parse(line), {
        ts: 1000,
        level: "INFO",
        logger: "server",
        msg: "request",
        request_id: "r-1",
        status: 200
      })
    })
  )
})

describe("redaction", () => {
  const secrets: ReadonlyArray<readonly [text: string, shown: string]> = [
    [`token ${TOKEN} and ${TOKEN}`, "token [REDACTED_TOKEN] and [REDACTED_TOKEN]"],
    [`${HOME}/models/x`, "~/models/x"],
    [`open '${HOME}' or ${HOME}: no`, "open '~' or ~: no"],
    [`see ${HOME}.`, "see ~."],
    [`${HOME}body/x ${HOME}-2 ${HOME}.old ${HOME}_é`, `${HOME}body/x ${HOME}-2 ${HOME}.old ${HOME}_é`],
    ["Authorization: Bearer abc.def-123", "Authorization: Bearer [REDACTED_TOKEN]"],
    ["https://user:pass@host/x?token=abc&y=1", "https://host/x?token=[REDACTED_TOKEN]&y=1"],
    [`key sk-${"a1".repeat(10)}`, "key [REDACTED_TOKEN]"]
  ]
  for (const [text, shown] of secrets) {
    it.effect(`shows ${shown}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* lines({}, () => Effect.logInfo(text)), [`[INFO] ${shown}`])
        const [line = ""] = yield* lines({ json: true }, () =>
          Effect.logInfo("x").pipe(Effect.annotateLogs({ detail: { deep: [text] } }))
        )
        assert.deepStrictEqual(JSON.parse(line).detail, { deep: [shown] })
      })
    )
  }
})

describe("repeated errors", () => {
  it.effect("are written once in five seconds, and the next line says how many were dropped", () =>
    Effect.gen(function* () {
      const written = yield* lines({}, (clock) =>
        Effect.gen(function* () {
          yield* Effect.logError("same")
          yield* Effect.logError("same")
          yield* Effect.logError("other")
          yield* Effect.logError("same")
          clock.now += 5_000
          yield* Effect.logError("same")
        })
      )
      assert.deepStrictEqual(written, ["[ERROR] same", "[ERROR] other", "[ERROR] same suppressed_count=2"])
    })
  )
})

describe("errors with a cause", () => {
  const boom = () => Cause.die(new Error(`boom in ${HOME}/x with ${TOKEN}`))

  it.effect("say it in the same line at every level, redacted", () =>
    Effect.gen(function* () {
      for (const json of [false, true]) {
        const written = yield* lines({ json, level: LogLevel.Error }, () => Effect.logError("failed", boom()))
        assert.lengthOf(written, 1)
        assert.include(written[0], "boom in ~/x with [REDACTED_TOKEN]")
        assert.notMatch(written[0] ?? "", /\n|\\n/)
      }
    })
  )

  it.effect("keep it to themselves below an error, unless debug is asked for", () =>
    Effect.gen(function* () {
      const code = () => Effect.logWarning("retried", boom())
      assert.deepStrictEqual(yield* lines({}, code), ["[WARN] retried"])
      assert.include((yield* lines({ level: LogLevel.Debug }, code))[0], "boom")
    })
  )
})

describe("hostile text", () => {
  const hostile = "x\n[INFO] forged\r\u001b[31m\u009b\u202e\u2028y"
  const code = () => Effect.logInfo(hostile).pipe(Effect.annotateLogs({ name: hostile, [`k${hostile}`]: [hostile] }))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/

  it.effect("stays in its plain line, as escapes", () =>
    Effect.gen(function* () {
      const written = yield* lines({}, code)
      assert.lengthOf(written, 1)
      assert.notMatch(written[0] ?? "", CONTROLS)
      const shown = "x\\x0a[INFO] forged\\x0d\\x1b[31m\\x9b\\u202e\\u2028y"
      assert.isTrue(written[0]?.startsWith(`[INFO] ${shown} `))
      assert.include(written[0], ` name=${shown}`)
      assert.include(written[0], ` k${shown}=`)
    })
  )

  it.effect("stays in its JSON line, and reads back as it was", () =>
    Effect.gen(function* () {
      const written = yield* lines({ json: true }, code)
      assert.lengthOf(written, 1)
      assert.notMatch(written[0] ?? "", CONTROLS)
      assert.deepInclude(JSON.parse(written[0] ?? ""), { msg: hostile, name: hostile, [`k${hostile}`]: [hostile] })
    })
  )
})
