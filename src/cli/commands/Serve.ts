/** `serve` and its alias `server` (spec 01 §1.7, spec 02 §1). */
import { Effect, Either, LogLevel } from "effect"
import { StartupDocument } from "../../domain/Envelope.js"
import type { UsageError } from "../../domain/Errors.js"
import { Settings, type SettingsValues } from "../../services/Settings.js"
import { type CommandDescription, command, type Values } from "../CommandFile.js"
import { LOG_LEVEL, type LogOptions, logLevel, withLog } from "../Log.js"
import { Output } from "../Output.js"
import { filled, integer, json, type Reader, text, toggle, value } from "../Parameter.js"
import { fromEnvironment } from "../Variable.js"

const PORT: Reader<number> = integer({ min: 0, max: 65_535 })
const MAX_TOKENS: Reader<number> = integer({ min: 1 })

const parameters = {
  model: value("model", text, "Specific model to pre-load (optional)"),
  port: value("port", PORT, "Port to bind server to, 0 for a free one (default: 8000)"),
  host: value("host", filled, "Host address to bind to (default: 127.0.0.1)"),
  maxTokens: value("max-tokens", MAX_TOKENS, "Default maximum tokens for generation"),
  reload: toggle("reload", "Accepted for old scripts, has no effect"),
  logLevel: value("log-level", LOG_LEVEL, "Logging level (debug/info/warning/error, default: info)"),
  logJson: toggle("log-json", "Output logs in JSON format (for log aggregation)"),
  verbose: toggle("verbose", "Show detailed output"),
  json
}
type ServeValues = Values<typeof parameters>
type Startup = typeof StartupDocument.Type

/** Option before environment before default (spec 02 R1.5). */
const serveOptions = (values: ServeValues, { serve: environment }: SettingsValues, description: CommandDescription) =>
  Either.gen(function* () {
    const port = values.port ?? (yield* fromEnvironment("MLXK2_PORT", environment.port, PORT, description))
    const maxTokens =
      values.maxTokens ?? (yield* fromEnvironment("MLXK2_MAX_TOKENS", environment.maxTokens, MAX_TOKENS, description))
    return {
      host: values.host ?? environment.host ?? "127.0.0.1",
      port: port ?? 8000,
      model: values.model ?? environment.preloadModel,
      maxTokens
    }
  })

const logOptions = (
  values: ServeValues,
  settings: SettingsValues,
  description: CommandDescription
): Either.Either<LogOptions, UsageError> => {
  const debug = values.verbose || settings.debug
  const level = logLevel(settings, description, { option: values.logLevel, debug, fallback: LogLevel.Info })
  return Either.map(level, (known) => ({ json: values.logJson || settings.logJson, level: known }))
}

const startup = (host: string, port: number, model: string | null, max_tokens: number | null): Startup => ({
  status: "starting",
  command: "serve",
  data: { host, port, model, max_tokens },
  error: null
})

/** Serves until a signal; that is its normal end, so the exit code is 0 (spec 02 §1.6). */
const start = (values: ServeValues, description: CommandDescription) =>
  Effect.gen(function* () {
    const output = yield* Output
    const settings = yield* Settings
    const options = yield* serveOptions(values, settings, description)
    const log = yield* logOptions(values, settings, description)
    const server = yield* Effect.promise(() => import("../../server/Server.js"))
    if (values.reload) yield* output.note("Warning: --reload has no effect")
    return yield* server
      .serve({
        ...options,
        onListening: ({ host, port }) => {
          const document = output.document(StartupDocument, startup(host, port, options.model, options.maxTokens))
          // The server serves whether or not somebody still reads its announcement.
          return Effect.ignore(document)
        }
      })
      .pipe(withLog(log))
  })

const about = "Start OpenAI-compatible API server"

// Their own types, because a command is made of the functions that ask for its description.
const serveDescription = (): CommandDescription => serve.description
const serverDescription = (): CommandDescription => server.description

export const serve = command("serve", { about, parameters, signalExit: 0 }, (values) =>
  start(values, serveDescription())
)

export const server = command(
  "server",
  { about: `${about} (alias for serve)`, parameters, documentName: "serve", signalExit: 0 },
  (values) => start(values, serverDescription())
)
