/** The command line as one Effect: arguments in, exit code out. */
import * as CliConfig from "@effect/cli/CliConfig"
import * as ValidationError from "@effect/cli/ValidationError"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { Terminal } from "@effect/platform/Terminal"
import { Cause, Context, Effect, Either, Layer, Option } from "effect"
import { CommandRefused, type OutputFailed } from "../domain/Errors.js"
import { errorMessage, errorRow } from "../domain/ErrorTable.js"
import type { Cache } from "../services/Cache.js"
import type { Health } from "../services/Health.js"
import type { Maintenance } from "../services/Maintenance.js"
import type { Remote } from "../services/Remote.js"
import type { Runner } from "../services/Runner.js"
import { Settings } from "../services/Settings.js"
import { parseArguments, type Request } from "./Arguments.js"
import { commands } from "./Commands.js"
import { commandPath, PROGRAM, rootHelp } from "./Help.js"
import { commandLog, logFailure, withLog } from "./Log.js"
import { makeOutput, Output, reportFailure } from "./Output.js"
import { Stdio, signalExit } from "./Stdio.js"
import { versionText } from "./Version.js"

type Services = Cache | Health | Maintenance | Remote | Runner | Settings
type Invocation = Extract<Request, { readonly _tag: "Invoke" }>

const descriptions = commands.map(({ description }) => description)

const dispatch = (name: string, canonical: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const command = commands.find(({ description }) => description.name === name)
    if (command === undefined) return yield* Effect.dieMessage(`no command ${name}`)
    // The parser expects node and the script first.
    return yield* command.run(["node", PROGRAM, ...canonical])
  })

/** By its key, because the module of the tag would load all of Stream. */
const Files = Context.GenericTag<FileSystem>("@effect/platform/FileSystem")

/**
 * The parser's surroundings. It only ever sees canonical arguments, which name no file and ask for no prompt, so the files
 * and the terminal it could use are empty ones.
 */
const parserContext = Layer.mergeAll(
  CliConfig.layer({ isCaseSensitive: true, autoCorrectLimit: 0 }),
  Layer.mock(Files, { sink: () => Effect.runSync(Effect.dieMessage("no file is opened while parsing")) }),
  Path.layer,
  Layer.mock(Terminal, {})
)

/** What reaches the user. The parser refusing canonical arguments is a bug, not the user's fault. */
const failureOf = (cause: Cause.Cause<unknown>): unknown => {
  const failure = Option.getOrNull(Cause.failureOption(cause))
  return ValidationError.isValidationError(failure) ? null : failure
}

/** The ends of a command whose result can't be written: a reader that left is no failure, anything else is told on stderr. */
const withoutOutput = (stdio: typeof Stdio.Service) => ({
  PipeClosed: () => Effect.succeed(0),
  OutputFailed: (error: OutputFailed) => Effect.as(stdio.err(`Error: ${errorMessage(error)}\n`), errorRow(error).exit)
})

const invoke = ({ canonical, command, json }: Invocation, live: Layer.Layer<Services>) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio
    const naming = { command: command.documentName, program: commandPath(command), json }
    const work = Effect.gen(function* () {
      const settings = yield* Settings
      const log = yield* commandLog(settings, command)
      yield* dispatch(command.name, canonical).pipe(Effect.tapErrorCause(logFailure(settings)), withLog(log))
      return 0
    }).pipe(
      Effect.provideService(Output, makeOutput(stdio, naming)),
      Effect.provide(Layer.merge(live, parserContext)),
      Effect.catchTags(withoutOutput(stdio)),
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause) ? Effect.interrupt : reportFailure(stdio, naming, failureOf(cause))
      )
    )
    const stopped = Effect.map(stdio.signal("program"), (signal) => command.signalExit ?? signalExit[signal])
    return yield* Effect.raceFirst(work, stopped)
  })

/**
 * Runs the command line `argv` (without node and the script) and answers its exit code (spec 01 §1.6). Never fails: every
 * failure is reported here. `program` is the name the user called. `live` is built only when a command runs.
 */
export const main = (
  argv: ReadonlyArray<string>,
  { live, program }: { readonly live: Layer.Layer<Services>; readonly program: string }
): Effect.Effect<number, never, Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio
    const request = parseArguments(argv, descriptions)
    if (Either.isLeft(request)) {
      // Nothing was understood: the bare word decides (spec 01 §1.3(6)).
      const { error, program: refusing } = request.left
      const reporter = { command: null, program: refusing, json: argv.includes("--json") }
      return yield* reportFailure(stdio, reporter, error)
    }
    const asked = request.right
    switch (asked._tag) {
      case "Help":
        return yield* Effect.as(stdio.out(asked.text), 0)
      case "Version":
        return yield* Effect.as(stdio.out(versionText(program, asked.json)), 0)
      case "Nothing": {
        if (!asked.json) return yield* Effect.as(stdio.out(rootHelp(descriptions)), 2)
        const nothing = new CommandRefused({ message: "No command specified" })
        return yield* reportFailure(stdio, { command: null, program: PROGRAM, json: true }, nothing)
      }
      case "Invoke":
        return yield* invoke(asked, live)
    }
  }).pipe((run) => Effect.flatMap(Stdio, (stdio) => Effect.catchTags(run, withoutOutput(stdio))))
