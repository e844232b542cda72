/** Runs foreign synchronous code under a time limit that it can't escape. */
import { Script } from "node:vm"

export class TimeLimitExceeded extends Error {}

const call = new Script("run()")

/** The error is made in the script's own realm, where `instanceof` doesn't reach. */
const isTimeout = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"

/**
 * The result of `compute`, or a throw of what it throws. A loop without end can't be caught or awaited away: V8 terminates it
 * from outside, which `node:vm` offers. It is no sandbox: `compute` is our code that interprets a foreign template.
 */
export const withTimeLimit = <A>(limitMillis: number, compute: () => A): A => {
  const results: Array<A> = []
  try {
    call.runInNewContext({ run: () => void results.push(compute()) }, { timeout: limitMillis })
  } catch (error) {
    throw isTimeout(error) ? new TimeLimitExceeded(`no result after ${limitMillis / 1000} s`) : error
  }
  for (const result of results) return result
  throw new TimeLimitExceeded("no result")
}
