/** Runners over real processes with the fake engine, and conditions to wait for. */
import { execFileSync } from "node:child_process"
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect, Layer, type Scope } from "effect"
import { buildSync } from "esbuild"
import { defaultSampling, type GenerateOptions } from "../../src/domain/Generation.js"
import { layerWith, type RunnerOptions } from "../../src/runner/Supervisor.js"
import { Leases } from "../../src/services/Leases.js"
import type { RunnableModel, Runner } from "../../src/services/Runner.js"
import { checkpoint, tokenizerFiles } from "../support/Checkpoint.js"

/** Bundled as the program's own engine process is: starts in a tenth of the time of loading the sources. */
export const bundled = (entry: URL, name = basename(entry.pathname, ".ts")): URL => {
  const directory = new URL("../../node_modules/.cache/mlxk-test/", import.meta.url)
  mkdirSync(directory, { recursive: true })
  const outfile = new URL(`${name}.mjs`, directory)
  const unfinished = fileURLToPath(outfile) + process.pid
  buildSync({
    entryPoints: [fileURLToPath(entry)],
    outfile: unfinished,
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["tokenizers", "@frost-beta/mlx"],
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" }
  })
  renameSync(unfinished, outfile) // another test process may be reading it
  return outfile
}

/** Nobody deletes a model of these tests. */
export const noLeases: Layer.Layer<Leases> = Layer.succeed(Leases, { hold: () => Effect.void })

/** A Runner whose processes run this TypeScript file. */
export const runnerOf = (entry: URL, options: Pick<RunnerOptions, "stepLimit"> = {}): Layer.Layer<Runner> =>
  Layer.suspend(() => layerWith({ ...options, entry: bundled(entry), execArgv: [] })).pipe(Layer.provide(noLeases))

const fakeEngine = new URL("./fakeEngine.ts", import.meta.url)
export const fakeRunner = runnerOf(fakeEngine)
/** Gives up a process that doesn't leave a step at once. */
export const impatientRunner = runnerOf(fakeEngine, { stepLimit: "1 second" })

/** So long that an endless answer is one, however slow the machine. */
export const CONTEXT_LENGTH = 1_000_000
export const CONFIG = JSON.stringify({ model_type: "llama", max_position_embeddings: CONTEXT_LENGTH })

/** What the fake engine reads. */
export interface Fake {
  readonly answer: ReadonlyArray<number>
  readonly endless?: boolean
  readonly fault?: "throw" | "abort" | "block"
  readonly gated?: boolean
  readonly stubborn?: boolean
  readonly broken?: boolean
  readonly crashOnLoad?: boolean
}

/** A checkpoint for the fake engine; `files` replace its own, null leaves one out. */
export const fakeModel = (
  fake: Fake,
  files: Readonly<Record<string, string | null>> = {}
): Effect.Effect<RunnableModel, never, Scope.Scope> => {
  const all: Readonly<Record<string, string | null>> = {
    ...tokenizerFiles,
    "config.json": CONFIG,
    "fake.json": JSON.stringify(fake),
    ...files
  }
  const present = Object.entries(all).flatMap(([name, text]) => (text === null ? [] : [[name, text] as const]))
  return Effect.map(checkpoint(Object.fromEntries(present)), (directory) => ({ name: "org/fake", directory }))
}

/** The gate of a gated model: `open` lets that many steps through. */
export const gateOf = (model: RunnableModel) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = join(model.directory, "gate")
      execFileSync("mkfifo", [path])
      return openSync(path, "r+") // for reading too: opening a pipe only for writing waits for its reader
    }),
    (gate) => Effect.sync(() => closeSync(gate))
  ).pipe(Effect.map((gate) => ({ open: (count: number) => void writeSync(gate, ".".repeat(count)) })))

const size = (model: RunnableModel, file: string): number => {
  const path = join(model.directory, file)
  return existsSync(path) ? statSync(path).size : 0
}

/** How many steps the engine computed, and how many sequences it closed. */
export const steps = (model: RunnableModel) => size(model, "steps")
export const closed = (model: RunnableModel) => size(model, "closed")
/** How often a stubborn engine was asked to end. */
export const terminated = (model: RunnableModel) => size(model, "terminated")
export const pidOf = (model: RunnableModel) => Number(readFileSync(join(model.directory, "pid"), "utf8"))

const DEADLINE = "30 seconds"

/** Waits for a condition, turn by turn of the event loop. */
export const until = (condition: () => boolean): Effect.Effect<void> => {
  const turn = Effect.async<void>((resume) => {
    setImmediate(() => resume(Effect.void))
  })
  return Effect.suspend(() => (condition() ? Effect.void : turn)).pipe(
    Effect.repeat({ until: () => condition() }),
    Effect.timeoutFail({ duration: DEADLINE, onTimeout: () => new Error(`not so after ${DEADLINE}`) }),
    Effect.orDie
  )
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Greedy, to the end of the answer. */
export const greedy = (text: string, options: Partial<GenerateOptions> = {}): GenerateOptions => ({
  input: { _tag: "Raw", text },
  sampling: { ...defaultSampling, temperature: 0, repetitionPenalty: 1 },
  maxTokens: null,
  contextShare: 1,
  stop: [],
  ...options
})
