/** Engine processes that crash, hang or are interrupted, and requests that wait for them. Real processes, killed for real. */
import { assert, layer } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, Layer, Logger, Scope, Stream } from "effect"
import type { RunnerError } from "../../src/domain/Errors.js"
import type { GenerateOptions } from "../../src/domain/Generation.js"
import { type RunnableModel, Runner } from "../../src/services/Runner.js"
import { byteIds } from "../support/Checkpoint.js"
import {
  CONTEXT_LENGTH,
  closed,
  type Fake,
  fakeModel,
  fakeRunner,
  gateOf,
  greedy,
  impatientRunner,
  isAlive,
  pidOf,
  steps,
  terminated,
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

  it.scoped("that dies is logged with all that is known about it", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ annotations, logLevel, message }) => {
        lines.push([logLevel.label, message, Object.fromEntries(annotations)])
      })
      const model = yield* fakeModel({ answer: byteIds("ab"), fault: "abort" })
      yield* failure(model).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      assert.strictEqual(lines.length, 1)
      const [level, message, fields] = [lines[0]].flat()
      assert.deepStrictEqual([level, message], ["ERROR", ["engine process ended"]])
      assert.deepInclude(fields, { model: "org/fake", signal: "SIGABRT" })
      assert.include(JSON.stringify(fields), "terminate called by the fake engine")
      assert.isBelow(JSON.stringify(fields).length, 1_200)
    })
  )

  it.scoped("is ended to the end, though the request that gives it up is interrupted", () =>
    Effect.gen(function* () {
      // Refused without a process, as soon as it is its turn: shows when the interrupted request's turn has ended.
      const refused = yield* fakeModel({ answer: [], crashOnLoad: true })
      yield* Effect.replicateEffect(failure(refused), 3)
      const stubborn = yield* fakeModel({ answer: byteIds("a"), stubborn: true })
      yield* answer(stubborn)
      const pid = pidOf(stubborn)
      const other = yield* fakeModel({ answer: byteIds("b") })
      const fiber = yield* Effect.fork(answer(other))
      yield* until(() => terminated(stubborn) === 1)
      yield* Fiber.interrupt(fiber)
      yield* failure(refused)
      assert.isFalse(isAlive(pid))
      assert.strictEqual(yield* answer(other), "b")
    })
  )
})

layer(fakeRunner, { excludeTestServices: true })("an interrupted answer", (it) => {
  /** After an interruption inside step `at` that step ends, one more may begin before it arrives, and no third. */
  const stops = (model: RunnableModel, gate: { readonly open: (count: number) => void }, at: number) =>
    Effect.gen(function* () {
      gate.open(1)
      yield* until(() => closed(model) === 1 || steps(model) > at)
      if (steps(model) > at) gate.open(1)
      yield* until(() => closed(model) === 1)
      assert.isAtMost(steps(model), at + 1)
    })

  const interrupted = (options: GenerateOptions, at: number) =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ ...ENDLESS, gated: true })
      const gate = yield* gateOf(model)
      const fiber = yield* Effect.fork(answer(model, options))
      gate.open(at - 1)
      yield* until(() => steps(model) === at)
      const pid = pidOf(model)
      yield* Fiber.interrupt(fiber)
      yield* stops(model, gate, at)
      const computed = steps(model)
      gate.open(4) // one more than needed: the byte of a second step may be left over
      assert.strictEqual(yield* answer(model, greedy("hi", { maxTokens: 3 })), "abc")
      assert.strictEqual(steps(model), computed + 3)
      assert.strictEqual(pidOf(model), pid)
    })

  it.scoped("stops within one token, and the model stays loaded", () => interrupted(LONG, 3))

  it.scoped("stops within one part of its prompt, and the model stays loaded", () =>
    interrupted({ ...LONG, input: { _tag: "Raw", text: "x".repeat(10_000) } }, 2)
  )

  it.scoped("stops when the reader has read enough", () =>
    Effect.gen(function* () {
      const model = yield* fakeModel({ ...ENDLESS, gated: true })
      const gate = yield* gateOf(model)
      const { generate } = yield* Runner
      const reader = yield* Effect.fork(generate(model, LONG).pipe(Stream.take(3), Stream.runDrain))
      let passed = 0
      while (reader.unsafePoll() === null) {
        gate.open(1)
        passed++
        yield* until(() => steps(model) > passed || reader.unsafePoll() !== null)
      }
      yield* stops(model, gate, passed + 1)
    })
  )
})

layer(impatientRunner, { excludeTestServices: true })("a process that never leaves a step", (it) => {
  for (const name of ["the same model", "another model"]) {
    it.scoped(`is ended for a request that waits for ${name}`, () =>
      Effect.gen(function* () {
        const blocked = yield* fakeModel({ answer: byteIds("ab"), fault: "block" })
        const fiber = yield* Effect.fork(answer(blocked))
        yield* until(() => steps(blocked) === 3)
        const pid = pidOf(blocked)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(isAlive(pid))
        const next = name === "the same model" ? blocked : yield* fakeModel({ answer: byteIds("ab") })
        assert.strictEqual(yield* answer(next, greedy("hi", { maxTokens: 2 })), "ab")
        assert.isFalse(isAlive(pid))
      })
    )
  }
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
      assert.deepInclude(error, { _tag: "CheckpointInvalid", file: "tokenizer.json" })
      assert.include(error.message, "missing")
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
