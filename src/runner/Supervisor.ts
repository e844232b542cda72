/**
 * The live Runner: one engine process for the loaded model, one computation at a time, requests in order of arrival. A
 * process that dies fails what is in flight and nothing else; the next request starts another one.
 */
import {
  Clock,
  type Duration,
  Effect,
  ExecutionStrategy,
  Exit,
  Fiber,
  FiberSet,
  Layer,
  Mailbox,
  Ref,
  Scope,
  Stream
} from "effect"
import type { EngineCrashed, RunnerError } from "../domain/Errors.js"
import type { GenerateEvent, GenerateOptions } from "../domain/Generation.js"
import { Leases } from "../services/Leases.js"
import { type RunnableModel, Runner } from "../services/Runner.js"
import { type EngineProcess, type EngineProcessOptions, spawnEngine } from "./EngineProcess.js"
import { defaultEntry } from "./Entry.js"
import { type CrashHistory, restart, withCrash } from "./Restarts.js"
import { makeTurns } from "./Turns.js"

/** Requests that may wait for their turn (spec 02 R2.15). */
const MAX_WAITING = 32
/** A step may be slow; a process that is still inside one when a request has waited so long is given up for it. */
const STEP_LIMIT = "60 seconds"
/** Of a dead process's last words, the first and the last so many are logged: reasons come before a trace, or after it. */
const LOGGED_CHARS = 490

/** How processes are started, and how long a request waits for one to leave a step (a minute when absent). */
export interface RunnerOptions extends EngineProcessOptions {
  readonly stepLimit?: Duration.DurationInput
}

/** The loaded model. */
interface Slot {
  readonly model: RunnableModel
  readonly engine: EngineProcess
  readonly scope: Scope.CloseableScope
}

const excerpt = (text: string): string =>
  text.length <= 2 * LOGGED_CHARS ? text : `${text.slice(0, LOGGED_CHARS)} … ${text.slice(-LOGGED_CHARS)}`

/** Everything there is to know about a crash; users are told much less. */
const logCrash = ({ exitCode, model, signal, stderr }: EngineCrashed) =>
  Effect.logError("engine process ended").pipe(
    Effect.annotateLogs({
      model,
      ...(signal === null ? { exit_code: exitCode } : { signal }),
      stderr: excerpt(stderr)
    })
  )

const make = (options: RunnerOptions) =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const leases = yield* Leases
    // Made first, so closed last: processes end before the fibers that talk to them are waited for.
    const jobs = yield* FiberSet.make<unknown, unknown>()
    const turns = yield* makeTurns({ maxWaiting: MAX_WAITING })
    const current = yield* Ref.make<Slot | null>(null)
    const crashes = yield* Ref.make<ReadonlyMap<string, CrashHistory>>(new Map())

    const recordCrash =
      ({ directory }: RunnableModel) =>
      (crash: EngineCrashed) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Ref.update(crashes, (all) => new Map(all).set(directory, withCrash(all.get(directory) ?? null, crash, now)))
        ).pipe(Effect.zipRight(logCrash(crash)))

    /** Ends the loaded model's process, if there is one: not half, whoever is interrupted. */
    const unload = Effect.flatMap(Ref.getAndSet(current, null), (slot) =>
      slot === null ? Effect.void : Scope.close(slot.scope, Exit.void)
    ).pipe(Effect.uninterruptible)

    /** Whoever notices a crash records it and empties the slot. */
    const retire = (slot: Slot) =>
      slot.engine.gone.pipe(
        Effect.catchTag("EngineCrashed", recordCrash(slot.model)),
        Effect.ignore,
        Effect.zipRight(unload)
      )

    const admit = ({ directory }: RunnableModel) =>
      Effect.gen(function* () {
        const history = (yield* Ref.get(crashes)).get(directory) ?? null
        const verdict = restart(history, yield* Clock.currentTimeMillis)
        if (verdict._tag === "Refuse") return yield* verdict.error
        if (verdict.pauseMillis > 0) yield* Effect.sleep(verdict.pauseMillis)
      })

    /** A new process with the model. Another model is only given up for one whose configuration and tokenizer are sound. */
    const boot = (model: RunnableModel) =>
      Effect.gen(function* () {
        const engine = yield* spawnEngine(model.name, options)
        if ((yield* Ref.get(current)) !== null) {
          yield* engine.load(model, { weights: false })
          yield* unload
        }
        yield* engine.load(model, { weights: true })
        return engine
      }).pipe(Effect.tapErrorTag("EngineCrashed", recordCrash(model)))

    const start = (model: RunnableModel) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const own = yield* Scope.fork(scope, ExecutionStrategy.sequential)
          yield* Scope.extend(leases.hold(model), own)
          const engine = yield* restore(Scope.extend(boot(model), own)).pipe(
            Effect.onError(() => Scope.close(own, Exit.void))
          )
          const slot = { model, engine, scope: own }
          yield* Ref.set(current, slot)
          return slot
        })
      )

    /**
     * True when the process is alive and idle. One that still computes what nobody waits for any more gets its time: its
     * model may have taken minutes to load.
     */
    const isReady = (slot: Slot) =>
      slot.engine.stats.pipe(
        Effect.timeout(options.stepLimit ?? STEP_LIMIT),
        Effect.as(true),
        Effect.catchTag("TimeoutException", () => Effect.as(unload, false)),
        Effect.catchAll(() => Effect.as(retire(slot), false))
      )

    /** The slot of the model, with a living process. Only ever run by whose turn it is. */
    const ensure = (model: RunnableModel) =>
      Effect.gen(function* () {
        const slot = yield* Ref.get(current)
        if (slot !== null && (yield* slot.engine.isGone)) yield* retire(slot)
        else if (slot?.model.directory === model.directory && (yield* isReady(slot))) return slot
        yield* admit(model)
        return yield* start(model)
      })

    const compute = (
      model: RunnableModel,
      options: GenerateOptions,
      events: Mailbox.Mailbox<GenerateEvent, RunnerError>
    ) =>
      Effect.gen(function* () {
        const slot = yield* ensure(model)
        yield* slot.engine
          .generate(options, (batch) => events.offerAll(batch))
          .pipe(Effect.tapErrorTag("EngineCrashed", () => retire(slot)))
      })

    const isLoaded = ({ directory }: RunnableModel) =>
      Effect.flatMap(Ref.get(current), (slot) =>
        slot?.model.directory === directory ? Effect.negate(slot.engine.isGone) : Effect.succeed(false)
      )

    const load = (model: RunnableModel): Effect.Effect<void, RunnerError> =>
      Effect.unlessEffect(turns.take(ensure(model)), isLoaded(model)).pipe(Effect.asVoid)

    const generate = (model: RunnableModel, options: GenerateOptions): Stream.Stream<GenerateEvent, RunnerError> =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          // Unbounded: holds at most one answer, and a slow reader doesn't keep the next request waiting.
          const events = yield* Mailbox.make<GenerateEvent, RunnerError>()
          const job = turns.take(compute(model, options, events)).pipe(Mailbox.into(events))
          yield* Effect.acquireRelease(FiberSet.run(jobs, Effect.interruptible(job)), (fiber) =>
            Fiber.interruptFork(fiber)
          )
          return Mailbox.toStream(events)
        })
      )

    return { load, generate }
  })

/** A Runner whose engine processes are started with these options. Closing it ends them. */
export const layerWith = (options: RunnerOptions): Layer.Layer<Runner, never, Leases> =>
  Layer.scoped(Runner, make(options))

/** The Runner of the program itself. */
export const layer: Layer.Layer<Runner, never, Leases> = Layer.suspend(() => layerWith(defaultEntry()))
