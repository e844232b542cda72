/** An engine process lives exactly as long as its parent wants it to. */
import { Worker } from "node:worker_threads"

/**
 * Stdin is a pipe from the parent on which nothing is ever written: its end means that the parent is gone, however it went.
 * A thread watches it because native code or a template may hold the main thread for minutes.
 */
const WATCH_STDIN = `
const { Socket } = require("node:net")
const end = () => process.kill(process.pid, "SIGKILL")
new Socket({ fd: 0 }).on("end", end).on("error", end).on("close", end).resume()
`

/** Work on another thread that nobody can stop, and that an orderly end of the process would wait for. */
export class Unstoppable extends Error {}

/** Ends this process however busy its threads are. */
export const endAtOnce = (): void => {
  process.kill(process.pid, "SIGKILL")
}

/** Ends this process with its parent. Ctrl-C reaches the whole terminal group, and what it means is the parent's decision. */
export const followParent = (): void => {
  process.on("disconnect", () => process.exit(0))
  for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {})
  new Worker(WATCH_STDIN, { eval: true, execArgv: [], stdin: false }).unref()
}
