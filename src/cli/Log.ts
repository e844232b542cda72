/** Which logger a command runs under. */
import { Effect, FiberRef, HashSet, Logger, LogLevel, Option } from "effect"
import { makeLogger, parseLogLevel } from "../Logging.js"
import { Settings, type SettingsValues } from "../services/Settings.js"
import { Stdio } from "./Stdio.js"

export interface LogOptions {
  readonly json: boolean
  readonly level: LogLevel.LogLevel
}

/** A command that answers and ends is silent unless asked otherwise. */
export const commandLog = ({ debug, logJson, logLevel }: SettingsValues): LogOptions => {
  const asked = Option.flatMap(Option.fromNullable(logLevel), parseLogLevel)
  return { json: logJson, level: debug ? LogLevel.Debug : Option.getOrElse(asked, () => LogLevel.Warning) }
}

/** Logs to stderr, in place of every logger set before: `serve` chooses another one than the commands. */
export const withLog =
  (options: LogOptions) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Settings | Stdio> =>
    Effect.gen(function* () {
      const { home } = yield* Settings
      const { log } = yield* Stdio
      const logger = makeLogger({ ...options, home, write: log })
      return yield* self.pipe(
        Effect.locally(FiberRef.currentLoggers, HashSet.make(logger)),
        Logger.withMinimumLogLevel(options.level)
      )
    })
