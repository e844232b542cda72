/**
 * Heavy checks of pull, too long for the tests:
 *   tsx scripts/check/pull.ts faults [runs]         random combinations of the fake Hub's faults (200)
 *   tsx scripts/check/pull.ts kill [MiB] [kills]    a pull that is killed (-9) at random moments (1024, 20); needs dist/
 * The last line is the verdict; the exit code is 1 when something didn't hold.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { Effect, FastCheck } from "effect"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"
import type { Fault } from "../../src/testing/hub/Faults.js"
import { FAULTS, survives } from "../../test/support/PullFaults.js"
import { addBlockRepo } from "../bench/pull/hub.js"

const [mode = "faults", ...numbers] = process.argv.slice(2)
const [first, second] = numbers.map(Number)

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk2_test_check_"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
)

const survivesAnew = (faults: ReadonlyArray<Fault>) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub()
    return yield* survives({ hub, cache: yield* temporary }, faults)
  }).pipe(Effect.scoped)

const faults = async (runs: number): Promise<boolean> => {
  const fault = FastCheck.tuple(
    FastCheck.constantFrom(...Object.values(FAULTS)),
    FastCheck.integer({ min: 1, max: 60 })
  ).map(([known, times]): Fault => ({ ...known, times }))
  const outcome = await FastCheck.check(
    FastCheck.asyncProperty(FastCheck.array(fault, { minLength: 1, maxLength: 7 }), async (list) => {
      const wrong = await Effect.runPromise(survivesAnew(list))
      if (wrong.length > 0) throw new Error(wrong.join("; "))
    }),
    { numRuns: runs }
  )
  console.log(
    `${outcome.numRuns} runs, seed ${outcome.seed}: ${outcome.failed ? FastCheck.defaultReportMessage(outcome) : "all hold"}`
  )
  return !outcome.failed
}

/** One pull as a process of its own; null when it was killed. */
const run = async (env: NodeJS.ProcessEnv, killAfterMs: number | null): Promise<number | null> => {
  const child = spawn(process.execPath, ["dist/mlxk.cjs", "pull", "acme/blocks", "--events"], {
    env,
    stdio: ["ignore", "ignore", "pipe"]
  })
  const ended = new Promise<number | null>((resolve) => child.on("exit", (code) => resolve(code)))
  if (killAfterMs !== null) {
    // The clock starts with the first progress: starting Node is no part of the pull.
    child.stderr.once("data", () => setTimeout(killAfterMs).then(() => child.kill("SIGKILL")))
  }
  child.stderr.resume()
  return ended
}

const kill = (mib: number, kills: number) =>
  Effect.gen(function* () {
    const seconds = 30
    const hub = yield* makeFakeHub({ maxRate: (mib * 2 ** 20) / seconds })
    const size = addBlockRepo(hub, "acme/blocks", { files: 1, mib })
    const home = yield* temporary
    const env = { ...process.env, HF_HOME: home, HF_ENDPOINT: hub.endpoint }
    let killed = 0
    let code: number | null = null
    while (killed < kills) {
      code = yield* Effect.promise(() => run(env, Math.random() * ((2 * seconds * 1000) / kills) * 0.8))
      if (code !== null) break
      killed++
    }
    if (code === null) code = yield* Effect.promise(() => run(env, null))
    const twice = (hub.downloads.sentBytes - size) / size
    console.log(`${killed} kills, exit ${code}, ${(twice * 100).toFixed(2)} % of ${size} bytes were sent twice`)
    return code === 0 && killed === kills && twice <= 0.03
  }).pipe(Effect.scoped)

const holds = mode === "kill" ? await Effect.runPromise(kill(first ?? 1024, second ?? 20)) : await faults(first ?? 200)
console.log(holds ? "holds" : "does not hold")
process.exitCode = holds ? 0 : 1
