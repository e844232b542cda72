/**
 * Who holds something of the cache: a lock, a lease, a partial file. Process ids are used again, so a record also has the
 * process's start time; a record of another host can't be checked from here.
 */
import { readFileSync } from "node:fs"
import { hostname } from "node:os"
import { type Option, Schema } from "effect"
import { systemCode } from "../domain/FileProblems.js"

export const Holder = Schema.Struct({
  pid: Schema.Int.pipe(Schema.positive()),
  /** When the process began, as its system writes it; compared, never read. Null where the system doesn't tell. */
  started: Schema.NullOr(Schema.String),
  host: Schema.String
})
export type Holder = typeof Holder.Type

const attempt = (read: () => string): string | null => {
  try {
    return read()
  } catch {
    return null
  }
}

/** Ticks since boot, the 20th field after the name, which may itself hold blanks and brackets; a boot has its own id. */
const onLinux = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1")
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
  return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}/${ticks}`
}

/**
 * In one time zone and language, because two processes must read the same text. The module is taken when it is needed: it
 * brings the network along, which every command would load.
 */
const byPs = (pid: number): string =>
  process
    .getBuiltinModule("node:child_process")
    .execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" },
      stdio: ["ignore", "pipe", "ignore"]
    })
    .trim()

const startOf = (pid: number): string | null =>
  attempt(() => (process.platform === "linux" ? onLinux(pid) : byPs(pid))) || null

let self: Holder | null = null

/** The record of this process. */
export const mine = (): Holder => {
  self ??= { pid: process.pid, started: startOf(process.pid), host: hostname() }
  return self
}

/** Signal 0 only asks; a process of somebody else exists too. */
const exists = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return systemCode(error) === "EPERM"
  }
}

/**
 * False only when the process is certainly gone: no such process here, or its id belongs to another one by now. The holder of
 * another host counts as alive; whoever knows better says `--force`.
 */
export const alive = ({ host, pid, started }: Holder): boolean => {
  if (host !== mine().host) return true
  if (!exists(pid)) return false
  const now = startOf(pid)
  return now === null || started === null || now === started
}

const Record = Schema.parseJson(Holder)

/** The record as one line of JSON. */
export const written = (holder: Holder): string => Schema.encodeSync(Record)(holder)

/** A record from a file's text; none when the text is something else. */
export const parsed = (text: string): Option.Option<Holder> => Schema.decodeUnknownOption(Record)(text)
