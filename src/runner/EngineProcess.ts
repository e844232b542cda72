/** One engine process from fork to exit, seen from its parent. */
import { type ChildProcess, fork } from "node:child_process"
import * as RpcClient from "@effect/rpc/RpcClient"
import type { RpcClientError } from "@effect/rpc/RpcClientError"
import { Deferred, Effect, Exit, type Scope, Stream } from "effect"
import { EngineCrashed, EngineUnavailable } from "../domain/Errors.js"
import { systemCode } from "../domain/FileProblems.js"
import type { GenerateEvent, GenerateOptions } from "../domain/Generation.js"
import type { CheckpointSource } from "../inference/Engine.js"
import { clientProtocol } from "./Ipc.js"
import { EngineRpcs, type GenerateError, type LoadError, type Stats } from "./Protocol.js"

/** How to start an engine process: its entry, and Node's options for it (this process's own when absent). */
export interface EngineProcessOptions {
  readonly entry: URL
  readonly execArgv?: ReadonlyArray<string>
}

/** The process is gone: it crashed, or couldn't be started at all. */
export type Gone = EngineCrashed | EngineUnavailable

/** Every request fails when the process is gone; the protocol itself wouldn't notice. */
export interface EngineProcess {
  readonly load: (
    source: CheckpointSource,
    options: { readonly weights: boolean }
  ) => Effect.Effect<void, LoadError | Gone>
  /** One answer, given to `emit` as it comes. Interrupting it interrupts the computation. */
  readonly generate: (
    options: GenerateOptions,
    emit: (events: Iterable<GenerateEvent>) => Effect.Effect<unknown>
  ) => Effect.Effect<void, GenerateError | Gone>
  readonly stats: Effect.Effect<Stats, Gone>
  /** Fails when the process is gone, never succeeds. */
  readonly gone: Effect.Effect<never, Gone>
  readonly isGone: Effect.Effect<boolean>
}

/** Output is read to its end before a crash is reported, but not for longer than this. */
const OUTPUT_GRACE_MILLIS = 250
/** SIGKILL follows SIGTERM after this time. */
const KILL_AFTER_MILLIS = 1_000
const MAX_TAIL_CHARS = 4_096

/** The last part of what a process wrote. */
const makeTail = () => {
  let tail = ""
  return {
    add: (chunk: unknown) => {
      tail = (tail + String(chunk)).slice(-MAX_TAIL_CHARS)
    },
    text: () => tail.trim()
  }
}

/**
 * What a tokenizer or a template may take of JavaScript's heap, in MiB; weights lie outside of it. The largest published
 * tokenizers need a fifth. Beyond it the process ends, where it would otherwise take the machine's memory. A limit in `execArgv` wins.
 */
const HEAP_MEBIBYTES = 2_048

/** Starts the process. Its stdout isn't the parent's: a library that prints must not break a JSON document. */
const start = ({ entry, execArgv }: EngineProcessOptions) =>
  fork(entry, [], {
    execArgv: [`--max-old-space-size=${HEAP_MEBIBYTES}`, ...(execArgv ?? process.execArgv)],
    stdio: ["pipe", "pipe", "pipe", "ipc"],
    serialization: "advanced"
  })

const hasEnded = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

/** Ends the process; when this returns it is gone. */
const stop = (child: ChildProcess): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (hasEnded(child)) return resume(Effect.void)
    const kill = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MILLIS)
    child.once("exit", () => {
      clearTimeout(kill)
      resume(Effect.void)
    })
    child.kill("SIGTERM")
  })

const watch = (child: ChildProcess, model: string, gone: Deferred.Deferred<never, Gone>): void => {
  const tail = makeTail()
  child.stdout?.on("data", tail.add)
  child.stderr?.on("data", tail.add)
  const report = (error: Gone) => Deferred.unsafeDone(gone, Exit.fail(error))
  child.on("error", (error) => {
    if (!hasEnded(child)) return
    const problem = `no process could be started (${systemCode(error)})`
    report(new EngineUnavailable({ engine: "inference", problem }))
  })
  child.once("exit", (exitCode, signal) => {
    const crashed = () => report(new EngineCrashed({ model, exitCode, signal, stderr: tail.text() }))
    const grace = setTimeout(crashed, OUTPUT_GRACE_MILLIS)
    child.once("close", () => {
      clearTimeout(grace)
      crashed()
    })
  })
}

/** An engine process for `model` (a name, for messages). It ends with the scope. */
export const spawnEngine = (
  model: string,
  options: EngineProcessOptions
): Effect.Effect<EngineProcess, EngineUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const gone = yield* Deferred.make<never, Gone>()
    const child = yield* Effect.acquireRelease(
      Effect.try({
        try: () => start(options),
        catch: () => new EngineUnavailable({ engine: "inference", problem: "no process could be started" })
      }),
      stop
    )
    watch(child, model, gone)
    const client = yield* RpcClient.make(EngineRpcs, { disableTracing: true }).pipe(
      Effect.provideServiceEffect(RpcClient.Protocol, clientProtocol(child))
    )
    const orGone = <A, E>(effect: Effect.Effect<A, E>) => Effect.raceFirst(effect, Deferred.await(gone))
    // Our channel never fails by itself: a failure of the protocol is a bug.
    const bug = (error: RpcClientError) => Effect.die(error)
    return {
      load: (model, { weights }) =>
        client.Load({ model, weights }).pipe(Effect.catchTag("RpcClientError", bug), orGone),
      generate: (options, emit) =>
        Stream.runForEachChunk(client.Generate(options), emit).pipe(Effect.catchTag("RpcClientError", bug), orGone),
      stats: client.Stats().pipe(Effect.catchTag("RpcClientError", bug), orGone),
      gone: Deferred.await(gone),
      isGone: Effect.sync(() => hasEnded(child))
    }
  })
