/** The pure decisions of the runner: token budget, restarts, time limit, turns. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { EngineCrashed } from "../../src/domain/Errors.js"
import {
  BREAKER_MILLIS,
  CRASH_WINDOW_MILLIS,
  type CrashHistory,
  restart,
  withCrash
} from "../../src/runner/Restarts.js"
import { TimeLimitExceeded, withTimeLimit } from "../../src/runner/TimeLimit.js"
import { tokenBudget } from "../../src/runner/TokenBudget.js"
import { makeTurns } from "../../src/runner/Turns.js"

describe("token budget (spec 02 §4.2)", () => {
  const base = { contextLength: 4097, promptTokens: 10, maxTokens: null, contextShare: 1 }
  it("is the share of the context, rounded down, or the requested number", () => {
    assert.strictEqual(tokenBudget({ ...base, contextShare: 0.5 }), 2048)
    assert.strictEqual(tokenBudget(base), 4087)
    assert.strictEqual(tokenBudget({ ...base, maxTokens: 7 }), 7)
    assert.strictEqual(tokenBudget({ ...base, maxTokens: 0 }), 0)
  })
  it("never passes what the prompt leaves, and is at least one where there is room", () => {
    assert.strictEqual(tokenBudget({ ...base, maxTokens: 10_000 }), 4087)
    assert.strictEqual(tokenBudget({ ...base, promptTokens: 4096, contextShare: 0.0001 }), 1)
    assert.isNull(tokenBudget({ ...base, promptTokens: 4097 }))
    assert.isNull(tokenBudget({ ...base, promptTokens: 5000, maxTokens: 1 }))
  })
})

describe("restarts", () => {
  const crash = new EngineCrashed({ model: "org/m", exitCode: null, signal: "SIGABRT", stderr: "" })
  const crashesAt = (...times: ReadonlyArray<number>) =>
    times.reduce<CrashHistory | null>((history, time) => withCrash(history, crash, time), null)

  it("come at once, then with a pause, then not for a while", () => {
    assert.deepStrictEqual(restart(null, 0), { _tag: "Start", pauseMillis: 0 })
    assert.deepStrictEqual(restart(crashesAt(0), 1), { _tag: "Start", pauseMillis: 0 })
    assert.deepStrictEqual(restart(crashesAt(0, 1), 2), { _tag: "Start", pauseMillis: 250 })
    assert.deepStrictEqual(restart(crashesAt(0, 1, 2), 3), { _tag: "Refuse", error: crash })
  })

  it("are tried once after the breaker's time, and a crash begins it anew", () => {
    const open = crashesAt(0, 1, 2)
    assert.strictEqual(restart(open, 2 + BREAKER_MILLIS)._tag, "Start")
    assert.strictEqual(restart(withCrash(open, crash, 20_000), 20_001)._tag, "Refuse")
  })

  it("forget crashes that are long ago", () => {
    assert.deepStrictEqual(restart(crashesAt(0, 1, 2), 2 + CRASH_WINDOW_MILLIS), { _tag: "Start", pauseMillis: 0 })
  })
})

describe("time limit", () => {
  it("gives back what is computed or thrown", () => {
    assert.strictEqual(
      withTimeLimit(10_000, () => "text"),
      "text"
    )
    const refuse = () => {
      throw new Error("refused")
    }
    assert.throws(() => withTimeLimit(10_000, refuse), "refused")
  })
  it("ends a loop that never ends and catches everything", () => {
    assert.throws(
      () =>
        withTimeLimit(50, () => {
          for (;;) {
            try {
              for (;;);
            } catch {}
          }
        }),
      TimeLimitExceeded
    )
  })
})

describe("turns", () => {
  it.effect("come in order of arrival, and one given up is passed on", () =>
    Effect.gen(function* () {
      const { take } = yield* makeTurns({ maxWaiting: 3 })
      const gate = yield* Deferred.make<void>()
      const order: Array<number> = []
      const job = (name: number) => take(Effect.sync(() => order.push(name)))
      const first = yield* Effect.fork(take(Deferred.await(gate)))
      yield* Effect.yieldNow()
      const waiting = yield* Effect.forEach([1, 2, 3], (name) => Effect.fork(job(name)))
      yield* Effect.yieldNow()
      assert.deepInclude(yield* Effect.flip(job(4)), { _tag: "ServerOverloaded", queued: 3 })
      const [one, ...others] = waiting
      if (one !== undefined) yield* Fiber.interrupt(one)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(first)
      yield* Fiber.joinAll(others)
      assert.deepStrictEqual(order, [2, 3])
      yield* take(Effect.fail("broken")).pipe(Effect.flip)
      assert.strictEqual(yield* take(Effect.succeed("free again")), "free again")
    })
  )
})
