/**
 * Pull against parallel curl and `hf download`, from the same fake Hub in the same run; needs dist/ and curl.
 *   tsx scripts/bench/pull/bench.ts [--hf PATH] [--runs N] [--mib N] [--memory GIB]
 * Prints the medians in seconds, ratios (above 1: pull is faster), the load, and the peak memory of a pull of `--memory` GiB of zeros.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { addBlockRepo } from "./hub.js"

const { values } = parseArgs({
  options: {
    serve: { type: "string" },
    hf: { type: "string" },
    runs: { type: "string", default: "3" },
    mib: { type: "string", default: "2048" },
    memory: { type: "string", default: "0" }
  }
})
const REPO = "acme/blocks"
const MIB = 2 ** 20

interface Case {
  readonly name: string
  readonly files: number
  readonly mib: number
  readonly latencyMs: number
  readonly zeros: boolean
}

/** The Hub has a process of its own, as in life. */
const serve = ({ files, latencyMs, mib, zeros }: Case) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub({ latencyMs })
    addBlockRepo(hub, REPO, { files, mib, zeros })
    console.log(hub.endpoint)
    yield* Effect.never
  }).pipe(Effect.scoped, Effect.runPromise)

interface Ended {
  readonly seconds: number
  readonly peakMiB: number
}

/** The largest resident size so far, where the system tells. */
const peakOf = (pid: number): number => {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

const timed = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const begun = performance.now()
    const child = spawn(command, [...args], { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"] })
    let err = ""
    let peakMiB = 0
    const looking = setInterval(() => {
      peakMiB = Math.max(peakMiB, peakOf(child.pid ?? 0))
    }, 50)
    child.stderr.on("data", (data: Buffer) => {
      err += String(data)
    })
    child.on("error", reject)
    child.on("close", (code) => {
      clearInterval(looking)
      if (code === 0) resolve({ seconds: (performance.now() - begun) / 1000, peakMiB })
      else reject(new Error(`${command} ended with ${code}: ${err.slice(-500)}`))
    })
  })

const withDirectory = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "mlxk2_test_bench_"))
  try {
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const pull = (endpoint: string) =>
  withDirectory((home) =>
    timed(process.execPath, ["dist/mlxk.cjs", "pull", REPO, "--json"], { HF_HOME: home, HF_ENDPOINT: endpoint })
  )

const hf = (path: string, endpoint: string) =>
  withDirectory((home) =>
    timed(path, ["download", REPO], {
      HF_HOME: home,
      HF_ENDPOINT: endpoint,
      HF_HUB_DISABLE_XET: "1",
      HF_HUB_DISABLE_PROGRESS_BARS: "1"
    })
  )

const CONNECTIONS = 16

/** One file in ranges by as many processes, or the files by one process over as many connections. */
const curl = ({ files, mib }: Case, endpoint: string) =>
  withDirectory(async (directory): Promise<Ended> => {
    const url = `${endpoint}/${REPO}/resolve/main`
    if (files > 1) {
      const name = "weights/[000-999].safetensors".replace("999", String(files - 1).padStart(3, "0"))
      const output = join(directory, "#1")
      return timed("curl", ["-sSfLZ", "--parallel-max", String(2 * CONNECTIONS), "-o", output, `${url}/${name}`], {})
    }
    const begun = performance.now()
    const part = Math.ceil((mib * MIB) / CONNECTIONS)
    const parts = Array.from({ length: CONNECTIONS }, (_, index) =>
      timed(
        "curl",
        [
          "-sSfL",
          "-r",
          `${index * part}-${(index + 1) * part - 1}`,
          "-o",
          join(directory, String(index)),
          `${url}/model.safetensors`
        ],
        {}
      )
    )
    await Promise.all(parts)
    return { seconds: (performance.now() - begun) / 1000, peakMiB: 0 }
  })

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? Number.NaN

const hubOf = async (measured: Case) => {
  const script = fileURLToPath(import.meta.url)
  const child = spawn(process.execPath, ["--import", "tsx", script, "--serve", JSON.stringify(measured)], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const endpoint = await new Promise<string>((resolve) =>
    child.stdout.once("data", (data) => resolve(String(data).trim()))
  )
  return { endpoint, stop: () => child.kill() }
}

const measure = async (measured: Case, runs: number) => {
  const { endpoint, stop } = await hubOf(measured)
  const times: Record<string, Array<number>> = { curl: [], pull: [], ...(values.hf === undefined ? {} : { hf: [] }) }
  let peakMiB = 0
  try {
    for (let run = 0; run < runs; run++) {
      times["curl"]?.push((await curl(measured, endpoint)).seconds)
      const ended = await pull(endpoint)
      times["pull"]?.push(ended.seconds)
      peakMiB = Math.max(peakMiB, ended.peakMiB)
      if (values.hf !== undefined) times["hf"]?.push((await hf(values.hf, endpoint)).seconds)
    }
  } finally {
    stop()
  }
  const medians = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]))
  const against = (name: string) => (medians[name] ?? Number.NaN) / (medians["pull"] ?? Number.NaN)
  const round = (value: number) => Math.round(value * 100) / 100
  console.log(
    JSON.stringify({
      case: measured.name,
      seconds: Object.fromEntries(Object.entries(medians).map(([name, value]) => [name, round(value)])),
      againstCurl: round(against("curl")),
      ...(values.hf === undefined ? {} : { againstHf: round(against("hf")) }),
      peakMiB: Math.round(peakMiB),
      load: loadavg().map(round)
    })
  )
}

const memory = async (gib: number) => {
  const { endpoint, stop } = await hubOf({ name: "memory", files: 1, mib: gib * 1024, latencyMs: 0, zeros: true })
  try {
    const { peakMiB, seconds } = await pull(endpoint)
    console.log(JSON.stringify({ case: `${gib} GiB`, seconds: Math.round(seconds), peakMiB: Math.round(peakMiB) }))
  } finally {
    stop()
  }
}

if (values.serve !== undefined) await serve(JSON.parse(values.serve))
else {
  const runs = Number(values.runs)
  await measure({ name: "one file", files: 1, mib: Number(values.mib), latencyMs: 0, zeros: false }, runs)
  await measure({ name: "300 files of 1 MiB, 30 ms", files: 300, mib: 1, latencyMs: 30, zeros: false }, runs)
  if (Number(values.memory) > 0) await memory(Number(values.memory))
}
