/** Runs the command line in this process. */
import { Effect, Exit, type Layer } from "effect"
import type { Cache } from "../services/Cache.js"
import type { Health } from "../services/Health.js"
import type { Maintenance } from "../services/Maintenance.js"
import type { Remote } from "../services/Remote.js"
import type { Runner } from "../services/Runner.js"
import type { Settings } from "../services/Settings.js"
import { main } from "./Main.js"
import * as ProcessStdio from "./ProcessStdio.js"

const FOREVER_MS = 2 ** 31 - 1

/**
 * Sets the exit code and lets the process end by itself, never by `process.exit`, which would cut off what a pipe hasn't
 * taken yet. The timer keeps a process alive whose work is, for a moment, only inside Effect.
 */
export const start = (
  argv: ReadonlyArray<string>,
  options: {
    readonly live: Layer.Layer<Cache | Health | Maintenance | Remote | Runner | Settings>
    readonly program: string
  }
): void => {
  const keepAlive = setInterval(() => {}, FOREVER_MS)
  const fiber = Effect.runFork(main(argv, options).pipe(Effect.provide(ProcessStdio.layer)))
  fiber.addObserver((exit) => {
    clearInterval(keepAlive)
    process.exitCode = Exit.isSuccess(exit) ? exit.value : 1
  })
}
