/** Runs programs as a shell would: real processes, real pipes. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process"
import type { Readable, Writable } from "node:stream"

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly ended: Promise<Ended>
  /** Resolves with everything stdout has said as soon as it matches; rejects when the process ends without. */
  readonly said: (pattern: RegExp) => Promise<string>
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string
}

/** The environment of a person without any of this program's variables set. */
const environment = (extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => {
  const keep = Object.entries(process.env).filter(([name]) => !/^(MLXK|HF_|HUGGINGFACE|XDG_)/.test(name))
  return { ...Object.fromEntries(keep), NO_COLOR: "1", TZ: "UTC", ...extra }
}

const running = new Set<ChildProcess>()

/** Ends whatever a failed test left behind. */
export const endAll = (): void => {
  for (const child of running) child.kill("SIGKILL")
}

export const start = (command: string, args: ReadonlyArray<string>, options: RunOptions = {}): Started => {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: ["pipe", "pipe", "pipe"]
  })
  running.add(child)
  let stdout = ""
  let stderr = ""
  child.stdout.on("data", (data) => {
    stdout += data
  })
  child.stderr.on("data", (data) => {
    stderr += data
  })
  child.stdin.on("error", () => {})
  if (options.stdin !== undefined) child.stdin.end(options.stdin)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => {
      running.delete(child)
      resolve({ code, signal, stdout, stderr })
    })
  })
  const said = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => pattern.test(stdout) && resolve(stdout)
      look()
      child.stdout.on("data", look)
      child.on("close", () => reject(new Error(`ended without saying ${pattern}: ${stdout}\n${stderr}`)))
    })
  return { process: child, ended, said }
}

/** Runs to the end with stdin closed. */
export const run = (command: string, args: ReadonlyArray<string>, options: RunOptions = {}): Promise<Ended> =>
  start(command, args, { stdin: "", ...options }).ended
