/**
 * Pull against parallel curl and `hf download`, from the same fake Hub in the same run; needs dist/, curl and openssl. Of one
 * file curl leaves pieces, by one process with `--parallel` or by sixteen processes; `cat` joins them.
 *   tsx scripts/bench/pull/bench.ts [--hf PATH] [--runs N] [--mib N] [--memory GIB]
 * A line per case: the medians in seconds, the least processor time (which other work on the machine changes little), ratios
 * (above 1: pull is faster), the load. `--memory` adds a pull of so many GiB of zeros, for its peak memory.
 */
import { spawn } from "node:child_process"
import { loadavg } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { makeFakeHub } from "../../../src/testing/hub/FakeHub.js"
import { addBlockRepo } from "./hub.js"
import { type Ended, removeDirectories } from "./processes.js"
import {
  type Case,
  curlAndHash,
  curlParallel,
  curls,
  curlToOneFile,
  hfAt,
  type Program,
  pull,
  REPO
} from "./programs.js"

const { values } = parseArgs({
  options: {
    serve: { type: "string" },
    hf: { type: "string" },
    runs: { type: "string", default: "3" },
    mib: { type: "string", default: "2048" },
    memory: { type: "string", default: "0" }
  }
})

/** A link of 10 Gbit/s. */
const LINK_RATE = 1.25e9

const one: Case = { name: "one file", files: 1, mib: Number(values.mib), latencyMs: 0, zeros: false, rate: null }
const CASES: ReadonlyArray<Case> = [
  one,
  { ...one, name: "one file over 10 Gbit/s", rate: LINK_RATE },
  { name: "300 files of 1 MiB, 30 ms", files: 300, mib: 1, latencyMs: 30, zeros: false, rate: null }
]

/** The Hub has a process of its own, as in life. */
const serve = ({ files, latencyMs, mib, rate, zeros }: Case) =>
  Effect.gen(function* () {
    const hub = yield* makeFakeHub({ latencyMs, ...(rate === null ? {} : { maxRate: rate }) })
    addBlockRepo(hub, REPO, { files, mib, zeros })
    console.log(hub.endpoint)
    yield* Effect.never
  }).pipe(Effect.scoped, Effect.runPromise)

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

const round = (value: number) => Math.round(value * 100) / 100

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? Number.NaN

const summary = (measured: Case, runs: Readonly<Record<string, ReadonlyArray<Ended>>>, load: ReadonlyArray<number>) => {
  const each = (figure: (ended: ReadonlyArray<Ended>) => number) =>
    Object.fromEntries(Object.entries(runs).map(([name, ended]) => [name, round(figure(ended))]))
  const seconds = each((ended) => median(ended.map((run) => run.seconds)))
  const { pull: ours = Number.NaN, ...others } = seconds
  return {
    case: measured.name,
    seconds,
    processorSeconds: each((ended) => Math.min(...ended.map((run) => run.processorSeconds))),
    ratios: Object.fromEntries(
      Object.entries(others).map(([name, theirs]) => [`${name} / pull`, round(theirs / ours)])
    ),
    peakMiB: Math.round(Math.max(...(runs["pull"] ?? []).map(({ peakMiB }) => peakMiB))),
    loadBefore: load.map(round),
    loadAfter: loadavg().map(round)
  }
}

/** In turn, so that all programs meet the same weather. */
const measure = async (measured: Case, count: number) => {
  const programs: Readonly<Record<string, Program>> = {
    "curl --parallel": curlParallel,
    ...(measured.files === 1 ? { "16 curl": curls, "16 curl + cat": curlToOneFile } : {}),
    [measured.files === 1 ? "16 curl + SHA-256" : "curl --parallel + SHA-256"]: curlAndHash,
    pull,
    ...(values.hf === undefined ? {} : { hf: hfAt(values.hf) })
  }
  const runs: Record<string, Array<Ended>> = Object.fromEntries(Object.keys(programs).map((name) => [name, []]))
  const load = loadavg()
  const { endpoint, stop } = await hubOf(measured)
  try {
    for (let run = 0; run < count; run++) {
      for (const [name, program] of Object.entries(programs)) runs[name]?.push(await program(measured, endpoint))
    }
  } finally {
    stop()
  }
  console.log(JSON.stringify(summary(measured, runs, load)))
}

const memory = async (gib: number) => {
  const measured: Case = { ...one, name: "memory", mib: gib * 1024, zeros: true }
  const { endpoint, stop } = await hubOf(measured)
  try {
    const { peakMiB, seconds } = await pull(measured, endpoint)
    console.log(JSON.stringify({ case: `${gib} GiB`, seconds: Math.round(seconds), peakMiB: Math.round(peakMiB) }))
  } finally {
    stop()
  }
}

if (values.serve !== undefined) await serve(JSON.parse(values.serve))
else {
  try {
    for (const measured of CASES) await measure(measured, Number(values.runs))
    if (Number(values.memory) > 0) await memory(Number(values.memory))
  } finally {
    removeDirectories()
  }
}
