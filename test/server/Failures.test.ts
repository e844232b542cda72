import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Layer, LogLevel, Ref } from "effect"
import { CacheIo } from "../../src/domain/Errors.js"
import { layer as logging } from "../../src/Logging.js"
import { CurrentRequest } from "../../src/server/CurrentRequest.js"
import { failureOf } from "../../src/server/Failures.js"
import { Serving } from "../../src/server/Serving.js"
import { makeShutdown } from "../../src/server/Shutdown.js"

const HOME = "/home/someone"

/** What is logged, all in the same moment, of requests that failed so. */
const logged = (causes: ReadonlyArray<Cause.Cause<unknown>>, level = LogLevel.Info) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const context = Layer.mergeAll(
      logging({ json: false, level, home: HOME, write: (line) => lines.push(line), now: () => 0 }),
      Layer.succeed(CurrentRequest, { id: "r", startedAt: 0, facts: yield* Ref.make({}) }),
      Layer.succeed(Serving, {
        host: "127.0.0.1",
        maxTokens: null,
        preloaded: null,
        home: HOME,
        shutdown: yield* makeShutdown,
        unpacking: yield* Effect.makeSemaphore(1)
      })
    )
    yield* Effect.forEach(causes, failureOf).pipe(Effect.provide(context))
    return lines
  })

describe("failed requests in the log", () => {
  it.effect("are limited each by itself: one failure never hides another", () =>
    Effect.gen(function* () {
      const io = (path: string) => Cause.fail(new CacheIo({ path, problem: "EACCES" }))
      const bug = (text: string) => Cause.die(new Error(text))
      const lines = yield* logged([io("/a"), io("/b"), io("/a"), bug("one"), bug("two"), bug("one")])
      assert.deepStrictEqual(
        lines.map((line) => /\/[ab] \(EACCES\)|one|two/.exec(line)?.[0]),
        ["/a (EACCES)", "/b (EACCES)", "one", "two"]
      )
    })
  )

  it.effect("name their cause at every level", () =>
    Effect.gen(function* () {
      const [line = ""] = yield* logged([Cause.die(new Error(`odd ${HOME}/x`))], LogLevel.Error)
      assert.match(line, /^\[ERROR\] request failed .*cause=.*odd ~\/x/)
      assert.notInclude(line, "error_key")
    })
  )
})
