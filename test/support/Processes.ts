/** Who is whose child, and waiting until a process is gone. */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

/** `[pid, ppid]` of every process that isn't a zombie. Linux is read from /proc: a small machine has no `ps`. */
const processes = (): ReadonlyArray<readonly [pid: number, parent: number]> =>
  process.platform === "linux"
    ? readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? fromProc(name) : []))
    : execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" })
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter(([, , state]) => !state?.startsWith("Z"))
        .map(([pid, parent]) => [Number(pid), Number(parent)] as const)

const fromProc = (name: string): Array<readonly [pid: number, parent: number]> => {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, "utf8")
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return state === "Z" ? [] : [[Number(name), Number(parent)]]
  } catch {
    return [] // it ended between the listing and the reading
  }
}

export const childrenOf = (parent: number): ReadonlyArray<number> =>
  processes()
    .filter(([, of]) => of === parent)
    .map(([pid]) => pid)

const alive = (pid: number) => processes().some(([running]) => running === pid)

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** How long a process may take to end on a busy machine. */
const DEADLINE_MS = 30_000

/** Resolves when none of them runs any more. */
export const gone = async (pids: ReadonlyArray<number>): Promise<void> => {
  const start = Date.now()
  while (pids.some(alive)) {
    if (Date.now() - start > DEADLINE_MS) throw new Error(`still running: ${pids.filter(alive)}`)
    await turn()
  }
}
