/** Engine processes that crash, hang or are interrupted, and requests that wait for them. Real processes, killed for real. */
import { assert, layer } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import type { RunnerError } from "../../src/domain/Errors.js"
import { type RunnableModel, Runner } from "../../src/services/Runner.js"
import { byteIds } from "../support/Checkpoint.js"
import {
  CONTEXT_LENGTH,
  closed,
  type Fake,
  fakeModel,
  fakeRunner,
  greedy,
  isAlive,
  pidOf,
  steps,
  until
} from "./support.js"

const ENDLESS: Fake = { answer: byteIds("abc"), endless: true }
const LONG = greedy("hi", { maxTokens: CONTEXT_LENGTH })

const answer = (model: RunnableModel, options = greedy("hi")) =>
  Effect.flatMap(Runner, ({ generate }) => Stream.runCollect(generate(model, options))).pipe(
    Effect.map((events) =>
      Chunk.toReadonlyArray(events)
        .map((event) => (event._tag === "Delta" ? event.text : ""))
        .join("")
    )
  )

const failure = (model: RunnableModel, options = greedy("hi")): Effect.Effect<RunnerError, string, Runner> =>
  Effect.flip(answer(model, options))

/** A long answer that has begun. */
const begun = (model: RunnableModel) =>
  Effect.gen(function* () {
    const { generate } = yield* Runner
    const started = yield* Deferred.make<void>()
    const stream = generate(model, LONG).pipe(
      Stream.tap((event) => (event._tag === "Delta" ? Deferred.succeed(started, undefined) : Effect.void))
    )
    const fiber = yield* Effect.fork(Stream.runDrain(stream))
    yield* Effect.raceFirst(Deferred.await(started), Fiber.join(fiber))
    return fiber
  })

layer(fakeRunner, { excludeTestServices: true })("an engine process", (it) => {
  it.scoped("that is killed fails what is in flight with its signal, and the next request gets another one", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel(ENDLESS)
      const running = yield* begun(model)
      const waiting = yield* Effect.fork(answer(model, greedy("hi", { maxTokens: 2 })))
      const pid = pidOf(model)
      process.kill(pid, "SIGKILL")
      const error = yield* Effect.flip(Fiber.join(running))
      assert.deepInclude(error, { _tag: "EngineCrashed", model: "org/fake", signal: "SIGKILL", exitCode: null })
      assert.strictEqual(yield* Fiber.join(waiting), "ab")
      assert.notStrictEqual(pidOf(model), pid)
    })
  )

  it.scoped("that is killed while idle is noticed by the next request", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") })
      yield* answer(model)
      const pid = pidOf(model)
      process.kill(pid, "SIGKILL")
      yield* until(() => !isAlive(pid))
      assert.strictEqual(yield* answer(model), "ok")
    })
  )

  it.scoped("that aborts or throws tells how, with the last of its stderr for the log", () =>
    Effect.gen(function* () {
      const aborting = yield* failure(yield* fakeModel({ answer: byteIds("ab"), fault: "abort" }))
      assert.deepInclude(aborting, { _tag: "EngineCrashed", signal: "SIGABRT", exitCode: null })
      assert.include(aborting._tag === "EngineCrashed" ? aborting.stderr : "", "terminate called")
      const throwing = yield* failure(yield* fakeModel({ answer: byteIds("ab"), fault: "throw" }))
      assert.deepInclude(throwing, { _tag: "EngineCrashed", signal: null, exitCode: 70 })
      assert.include(throwing._tag === "EngineCrashed" ? throwing.stderr : "", "kernel failed")
      assert.notInclude(throwing.message, "kernel failed")
    })
  )

  it.scoped("that crashes again and again isn't started for a while", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: [], crashOnLoad: true })
      for (let crash = 1; crash <= 3; crash++) {
        assert.deepInclude(yield* failure(model), { _tag: "EngineCrashed", signal: "SIGSEGV" })
      }
      const last = pidOf(model)
      assert.deepInclude(yield* failure(model), { _tag: "EngineCrashed", signal: "SIGSEGV" })
      assert.strictEqual(pidOf(model), last)
      assert.strictEqual(yield* answer(yield* fakeModel({ answer: byteIds("other") })), "other")
    })
  )

  it.scoped("stops computing within one token of an interruption, and stays loaded", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel(ENDLESS)
      const fiber = yield* begun(model)
      const pid = pidOf(model)
      yield* Fiber.interrupt(fiber)
      yield* until(() => closed(model) === 1)
      const computed = steps(model)
      assert.isBelow(computed, CONTEXT_LENGTH / 2)
      assert.strictEqual(yield* answer(model, greedy("hi", { maxTokens: 3 })), "abc")
      assert.strictEqual(steps(model), computed + 3)
      assert.strictEqual(pidOf(model), pid)
    })
  )

  it.scoped("stops when the reader has read enough", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel(ENDLESS)
      const { generate } = yield* Runner
      yield* generate(model, LONG).pipe(Stream.take(3), Stream.runDrain)
      yield* until(() => closed(model) === 1)
      assert.isBelow(steps(model), CONTEXT_LENGTH / 2)
    })
  )

  it.scoped("that can't leave its computation when interrupted is ended, and the next request is served", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ab"), fault: "block" })
      const fiber = yield* Effect.fork(answer(model))
      yield* until(() => steps(model) === 3)
      const pid = pidOf(model)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* answer(yield* fakeModel({ answer: byteIds("ok") })), "ok")
      assert.isFalse(isAlive(pid))
    })
  )
})

layer(fakeRunner, { excludeTestServices: true })("a queue", (it) => {
  it.scoped("holds 32 requests, refuses the next, and forgets one that is interrupted", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel(ENDLESS)
      const { generate } = yield* Runner
      const running = yield* begun(model)
      const short = answer(model, greedy("hi", { maxTokens: 1 }))
      const waiting = yield* Effect.replicateEffect(Effect.fork(short), 32)
      yield* Effect.yieldNow()
      const refused = yield* Effect.exit(Stream.runDrain(generate(model, LONG)))
      assert.deepStrictEqual(
        Exit.match(refused, {
          onSuccess: () => null,
          onFailure: (cause) => (cause._tag === "Fail" ? cause.error._tag : cause._tag)
        }),
        "ServerOverloaded"
      )
      const [first, ...others] = waiting
      if (first !== undefined) yield* Fiber.interrupt(first)
      const late = yield* Effect.fork(short)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all([...others, late])), Array(32).fill("a"))
      assert.strictEqual(closed(model), 33)
    })
  )

  it.scoped("lets a running answer end before another model is loaded, and serves both in order", () =>
    Effect.gen(function* () {
      const first = yield* fakeModel(ENDLESS)
      const second = yield* fakeModel({ answer: byteIds("second") })
      const running = yield* Effect.fork(answer(first, greedy("hi", { maxTokens: 300 })))
      yield* until(() => steps(first) > 0)
      const pid = pidOf(first)
      const [other, again] = yield* Effect.all([answer(second), answer(first, greedy("hi", { maxTokens: 1 }))], {
        concurrency: "unbounded"
      })
      assert.strictEqual((yield* Fiber.join(running)).length, 300)
      assert.deepStrictEqual([other, again], ["second", "a"])
      assert.isFalse(isAlive(pid))
    })
  )

  it.scoped("keeps the loaded model when another one is unsound", () =>
    Effect.gen(function* () {
      const good = yield* fakeModel(ENDLESS)
      yield* answer(good, greedy("hi", { maxTokens: 1 }))
      const pid = pidOf(good)
      const error = yield* failure(yield* fakeModel({ answer: [] }, { "tokenizer.json": null }))
      assert.deepInclude(error, { _tag: "CheckpointInvalid", file: "tokenizer.json", problem: "missing" })
      assert.isTrue(isAlive(pid))
      assert.strictEqual(yield* answer(good, greedy("hi", { maxTokens: 1 })), "a")
      assert.strictEqual(pidOf(good), pid)
    })
  )

  it.scoped("goes on after a model whose weights can't be loaded", () =>
    Effect.gen(function* () {
      const error = yield* failure(yield* fakeModel({ answer: [], broken: true }))
      assert.deepInclude(error, { _tag: "CheckpointInvalid", file: "model.safetensors" })
      assert.strictEqual(yield* answer(yield* fakeModel({ answer: byteIds("ok") })), "ok")
    })
  )
})

layer(Layer.empty, { excludeTestServices: true })("the runner", (it) => {
  it.scoped("ends its processes when it is closed, also in the middle of an answer", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel(ENDLESS)
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(fakeRunner, scope)
      const running = yield* Effect.provide(begun(model), context)
      const pid = pidOf(model)
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(isAlive(pid))
      assert.isTrue(Exit.isFailure(yield* Fiber.await(running)))
    })
  )

  it.scoped("loads a model once", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ answer: byteIds("ok") })
      const { load } = yield* Runner
      yield* load(model)
      const pid = pidOf(model)
      yield* load(model)
      assert.strictEqual(yield* answer(model), "ok")
      assert.strictEqual(pidOf(model), pid)
    }).pipe(Effect.provide(fakeRunner))
  )
})
