/** Which logger a command runs under. */
import { Cause, Effect, Either, FiberRef, HashSet, Logger, LogLevel } from "effect"
import type { UsageError } from "../domain/Errors.js"
import { makeLogger, parseLogLevel } from "../Logging.js"
import { Settings, type SettingsValues } from "../services/Settings.js"
import type { CommandDescription } from "./CommandFile.js"
import type { Reader } from "./Parameter.js"
import { Stdio } from "./Stdio.js"
import { fromEnvironment } from "./Variable.js"

export interface LogOptions {
  readonly json: boolean
  readonly level: LogLevel.LogLevel
}

/** The levels of `--log-level` and MLXK2_LOG_LEVEL. */
export const LOG_LEVEL: Reader<LogLevel.LogLevel> = (name) =>
  Either.fromOption(parseLogLevel(name), () => `invalid choice: '${name}' (choose from debug, info, warning, error)`)

/** The one rule for every command: the option, then MLXK2_LOG_LEVEL, then debug, then the command's own level. */
export const logLevel = (
  settings: SettingsValues,
  command: CommandDescription,
  {
    debug = settings.debug,
    fallback,
    option = null
  }: { readonly option?: LogLevel.LogLevel | null; readonly debug?: boolean; readonly fallback: LogLevel.LogLevel }
): Either.Either<LogLevel.LogLevel, UsageError> =>
  Either.map(
    fromEnvironment("MLXK2_LOG_LEVEL", settings.logLevel, LOG_LEVEL, command),
    (environment) => option ?? environment ?? (debug ? LogLevel.Debug : fallback)
  )

/** A command that answers and ends is silent unless asked otherwise. */
export const commandLog = (
  settings: SettingsValues,
  command: CommandDescription
): Either.Either<LogOptions, UsageError> =>
  Either.map(logLevel(settings, command, { fallback: LogLevel.Warning }), (level) => ({
    json: settings.logJson,
    level
  }))

/** Why a command failed: at debug level, and for a bug at error level where a log was asked for; its stack is no user's. */
export const logFailure =
  ({ debug, logLevel: asked }: SettingsValues) =>
  (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
    Cause.isDie(cause) && (debug || asked !== null)
      ? Effect.logError("command failed", cause)
      : Effect.logDebug("command failed", cause)

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
