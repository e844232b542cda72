/**
 * The memory of a push: a sparse file to a fake Hub on loopback that throws the bytes away; the process's peak RSS, from the
 * kernel's own mark. Linux only. The last line is JSON.
 *
 * npm run bench:push -- [--bytes N]     after npm run build
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { makeFakeHub } from "../../src/testing/hub/FakeHub.js"

const { values } = parseArgs({ options: { bytes: { type: "string", default: "2000000000" } } })
const bytes = Number(values.bytes)
const COMMAND = join(import.meta.dirname, "../../dist/mlxk.cjs")
const LOOK_EVERY_MS = 50

/** MB; 0 once the process is gone. */
const peakOf = (pid: number): number => {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1000
  } catch {
    return 0
  }
}

const pushed = (directory: string, endpoint: string, home: string) =>
  new Promise<{ readonly peak: number; readonly code: number | null }>((resolve) => {
    const args = [COMMAND, "push", directory, "me/model", "--private", "--create", "--json"]
    const env = { PATH: process.env["PATH"], HOME: home, HF_HOME: home, HF_ENDPOINT: endpoint, HF_TOKEN: "hf_bench" }
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "inherit"] })
    let peak = 0
    const looking = setInterval(() => {
      peak = Math.max(peak, peakOf(child.pid ?? 0))
    }, LOOK_EVERY_MS)
    child.on("close", (code) => {
      clearInterval(looking)
      resolve({ peak, code })
    })
  })

const bench = Effect.gen(function* () {
  const room = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "mlxk-bench-push-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const hub = yield* makeFakeHub({ keepBytes: false })
  const file = join(room, "model.safetensors")
  writeFileSync(file, "")
  truncateSync(file, bytes)
  const started = Date.now()
  const { code, peak } = yield* Effect.promise(() => pushed(room, hub.endpoint, join(room, "..")))
  const seconds = (Date.now() - started) / 1000
  if (code !== 0 || hub.record.bytes !== bytes)
    throw new Error(`the push ended with ${code} after ${hub.record.bytes} bytes`)
  console.log(`${(bytes / 1e9).toFixed(1)} GB in ${seconds.toFixed(1)} s, peak RSS ${peak.toFixed(0)} MB`)
  console.log(JSON.stringify({ bytes, seconds, peakRssMb: Math.round(peak), load: loadavg()[0] }))
})

await Effect.runPromise(Effect.scoped(bench))
