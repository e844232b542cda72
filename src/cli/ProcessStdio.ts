/** Stdio over the real process. */
import { isUtf8 } from "node:buffer"
import { createInterface } from "node:readline"
import { Effect, Layer } from "effect"
import { InvalidRequest, OutputFailed } from "../domain/Errors.js"
import { systemCode } from "../domain/FileProblems.js"
import { type Lines, NOT_TEXT, PipeClosed, type Signal, Stdio, signalExit } from "./Stdio.js"

/** The text has left the process when the callback runs; awaiting it keeps memory flat and nothing is cut off at exit. */
const writeOut = (text: string): Effect.Effect<void, PipeClosed | OutputFailed> =>
  Effect.async((resume) => {
    process.stdout.write(text, (error) => resume(error ? writeFailure(error) : Effect.void))
  })

/** The codes of a reader that went away; the stream is destroyed after the first write that found it gone. */
const READER_GONE = ["EPIPE", "ECONNRESET", "ERR_STREAM_DESTROYED"]

const writeFailure = (error: Error): Effect.Effect<never, PipeClosed | OutputFailed> => {
  const code = systemCode(error)
  return Effect.fail(READER_GONE.includes(code) ? new PipeClosed() : new OutputFailed({ problem: code }))
}

const writeErr = (text: string): Effect.Effect<void> =>
  Effect.async((resume) => {
    process.stderr.write(text, () => resume(Effect.void))
  })

/** An unreadable stdin counts as an empty one, which is allowed (spec 01 §12.3). */
const readAll: Effect.Effect<string, InvalidRequest> = Effect.tryPromise(async () => {
  const chunks: Array<Buffer> = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}).pipe(
  Effect.orElseSucceed(() => Buffer.alloc(0)),
  Effect.flatMap((bytes) =>
    isUtf8(bytes)
      ? Effect.succeed(bytes.toString("utf8"))
      : Effect.fail(new InvalidRequest({ param: null, problem: NOT_TEXT }))
  )
)

interface Waiter {
  readonly claim: "program" | "work"
  readonly take: (signal: Signal) => void
}

/** Who waits for a signal; the latest `work` first. */
const makeSignals = () => {
  const waiters: Array<Waiter> = []
  const forget = (waiter: Waiter) => {
    const index = waiters.indexOf(waiter)
    if (index >= 0) waiters.splice(index, 1)
  }
  const deliver = (signal: Signal): void => {
    const waiter = waiters.findLast(({ claim }) => claim === "work") ?? waiters.at(-1)
    if (waiter === undefined) process.exit(signalExit[signal])
    forget(waiter)
    waiter.take(signal)
  }
  const next = (claim: Waiter["claim"]): Effect.Effect<Signal> =>
    Effect.async((resume) => {
      const waiter: Waiter = { claim, take: (signal) => resume(Effect.succeed(signal)) }
      waiters.push(waiter)
      return Effect.sync(() => forget(waiter))
    })
  return { deliver, next }
}

/** A terminal in readline's raw mode sends Ctrl-C as a key, not as a signal: it is delivered by hand. */
const openLines = (deliver: (signal: Signal) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true
        const face = createInterface({ input: process.stdin, output: process.stdout, terminal })
        const pending: Array<string | null> = []
        let closed = false
        const waiting: Array<(line: string | null) => void> = []
        const arrive = (line: string | null) => {
          const taker = waiting.shift()
          if (taker === undefined) pending.push(line)
          else taker(line)
        }
        face.on("line", arrive)
        face.on("close", () => {
          closed = true
          arrive(null)
        })
        face.on("SIGINT", () => deliver("SIGINT"))
        // A pipe may end long before its last line is asked for, and newer Nodes refuse to prompt then.
        const prompt = (text: string) => {
          if (closed) return process.stdout.write(text)
          face.setPrompt(text)
          face.prompt()
        }
        return { face, pending, prompt, waiting }
      }),
      ({ face }) => Effect.sync(() => face.close())
    ),
    ({ pending, prompt, waiting }): Lines => ({
      ask: (text) =>
        Effect.async((resume) => {
          prompt(text)
          const line = pending.shift()
          if (line !== undefined) return resume(Effect.succeed(line))
          const take = (typed: string | null) => resume(Effect.succeed(typed))
          waiting.push(take)
          return Effect.sync(() => {
            const index = waiting.indexOf(take)
            if (index >= 0) waiting.splice(index, 1)
          })
        })
    })
  )

const SIGNALS: ReadonlyArray<Signal> = ["SIGINT", "SIGTERM", "SIGHUP"]

const make = Effect.gen(function* () {
  const { deliver, next } = makeSignals()
  const ignore = () => {}
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      // A write to a closed pipe is reported to its callback; without a listener the stream would also throw.
      process.stdout.on("error", ignore)
      process.stderr.on("error", ignore)
      for (const signal of SIGNALS) process.on(signal, deliver)
    }),
    () =>
      Effect.sync(() => {
        for (const signal of SIGNALS) process.removeListener(signal, deliver)
      })
  )
  return Stdio.of({
    out: writeOut,
    err: writeErr,
    log: (line) => process.stderr.write(`${line}\n`),
    outIsTerminal: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? null,
    inIsTerminal: process.stdin.isTTY === true,
    errColumns: () => (process.stderr.isTTY === true ? process.stderr.columns : null),
    readAll,
    lines: openLines(deliver),
    signal: next
  })
})

export const layer: Layer.Layer<Stdio> = Layer.scoped(Stdio, make)
