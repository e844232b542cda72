/** Processes that are timed, and the directories that they fill. */
import { spawn } from "node:child_process"
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Ended {
  readonly seconds: number
  /** User and system time. */
  readonly processorSeconds: number
  /** The largest resident size, where the system tells. */
  readonly peakMiB: number
}

const LOOK_EVERY_MS = 50

const read = (path: string): string => {
  try {
    return readFileSync(path, "latin1")
  } catch {
    return ""
  }
}

/** Of the program that the shell runs. */
const peakOf = (shell: number): number => {
  const [program] = read(`/proc/${shell}/task/${shell}/children`).split(" ")
  return Number(/VmHWM:\s+(\d+)/.exec(read(`/proc/${program}/status`))?.[1] ?? 0) / 1024
}

/** Node tells nothing about the processor time of its children; the shell does, in its last line. */
const TIMED = 'TIMEFORMAT="%U %S"; time "$@"'

const processorSeconds = (err: string): number =>
  (err.trimEnd().split("\n").at(-1) ?? "").split(" ").reduce((sum, seconds) => sum + Number(seconds), 0)

/** Runs a program to its end, which must be a good one. */
export const timed = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const begun = performance.now()
    const child = spawn("bash", ["-c", TIMED, "bash", command, ...args], {
      // Node parses these certificates at every start; there is no TLS here.
      env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, ...env },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let err = ""
    let peakMiB = 0
    const looking = setInterval(() => {
      peakMiB = Math.max(peakMiB, peakOf(child.pid ?? 0))
    }, LOOK_EVERY_MS)
    child.stderr.on("data", (data: Buffer) => {
      err += String(data)
    })
    child.on("error", reject)
    child.on("close", (code) => {
      clearInterval(looking)
      const seconds = (performance.now() - begun) / 1000
      if (code === 0) resolve({ seconds, processorSeconds: processorSeconds(err), peakMiB })
      else reject(new Error(`${command} ended with ${code}: ${err.slice(-500)}`))
    })
  })

/** Several as one: side by side they take as long as the longest, one after the other as long as all of them. */
export const together = (ended: ReadonlyArray<Ended>, order: "side by side" | "in turn"): Ended => {
  const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((total, number) => total + number, 0)
  const seconds = ended.map((one) => one.seconds)
  return {
    seconds: order === "in turn" ? sum(seconds) : Math.max(...seconds),
    processorSeconds: sum(ended.map((one) => one.processorSeconds)),
    peakMiB: Math.max(...ended.map((one) => one.peakMiB))
  }
}

const made: Array<string> = []

/**
 * A directory for one run; its files lose their bytes afterwards but stay until the end of all runs: for some minutes ext4
 * passes by the places of deleted files one by one, which makes 0.02 ms for a new file 0.5 ms, and that would be the next
 * run's time.
 */
export const withDirectory = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "mlxk2_test_bench_"))
  made.push(directory)
  try {
    return await use(directory)
  } finally {
    for (const entry of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
      const path = join(directory, entry)
      if (lstatSync(path).isFile()) truncateSync(path)
    }
  }
}

export const removeDirectories = () => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
}
