/** The only writer of results. JSON mode prints exactly one document, also for failures (spec 01 §1.5, §13.1). */
import { Context, Effect, Schema } from "effect"
import { ErrorEnvelope, FailedWithData, renderFailure, successEnvelope } from "../domain/Envelope.js"
import { AmbiguousModel, type OutputFailed, UsageError } from "../domain/Errors.js"
import { visible } from "../domain/Text.js"
import { terminalText } from "./Format.js"
import type { PipeClosed, Stdio } from "./Stdio.js"

export class Output extends Context.Tag("mlxk/cli/Output")<
  Output,
  {
    readonly json: boolean
    /** Whether pieces are shown as they come; a program at the other end of a pipe may read along too. */
    readonly live: boolean
    /** The result of a command: the success document, or the text for people. */
    readonly result: <A, I>(
      data: Schema.Schema<A, I>,
      value: A,
      human: (value: A) => string
    ) => Effect.Effect<void, PipeClosed | OutputFailed>
    /** A document of its own kind, in JSON mode only. */
    readonly document: <A, I>(schema: Schema.Schema<A, I>, value: A) => Effect.Effect<void, PipeClosed | OutputFailed>
    /** Generated text: exact in pipes, without control characters on a terminal. */
    readonly piece: (text: string) => Effect.Effect<void, PipeClosed | OutputFailed>
    /** A remark for people, on stderr in every mode. */
    readonly note: (text: string) => Effect.Effect<void>
  }
>() {}

const printed = <A, I>(schema: Schema.Schema<A, I>, value: A): Effect.Effect<string> =>
  // Our own documents always fit their schema; one that doesn't is a bug.
  Effect.map(Effect.orDie(Schema.encode(schema)(value)), (document) => `${JSON.stringify(document, null, 2)}\n`)

/** The output of one command. */
export const makeOutput = (
  stdio: typeof Stdio.Service,
  options: { readonly command: string; readonly json: boolean }
): typeof Output.Service => ({
  json: options.json,
  live: !options.json,
  result: (data, value, human) =>
    options.json
      ? Effect.flatMap(
          printed(successEnvelope(data), {
            status: "success" as const,
            command: options.command,
            data: value,
            error: null
          }),
          stdio.out
        )
      : stdio.out(human(value)),
  document: (schema, value) => (options.json ? Effect.flatMap(printed(schema, value), stdio.out) : Effect.void),
  piece: (text) => stdio.out(stdio.outIsTerminal ? terminalText(text) : text),
  note: (text) => stdio.err(`${visible(text)}\n`)
})

/** Who reports a failure: the command, null when none was understood, and the words it is called by. */
export interface Reporter {
  readonly command: string | null
  readonly program: string
}

/** The lines of a failure for people. `run` names no command (spec 01 §1.5). */
const failureText = ({ command, program }: Reporter, error: unknown, message: string): string => {
  if (error instanceof UsageError) return `${error.usage}\n${program}: error: ${visible(message)}\n`
  const prefix = command === null || command === "run" ? "Error: " : `${command}: Error: `
  // Candidates have lines of their own.
  const lines =
    error instanceof AmbiguousModel
      ? [visible(error.sentence), ...error.matches.map((name) => `  ${visible(name)}`)]
      : [visible(message)]
  return `${prefix}${lines.join("\n")}\n`
}

/** Says what went wrong and answers the exit code. */
export const reportFailure = (
  stdio: typeof Stdio.Service,
  options: Reporter & { readonly json: boolean },
  failure: unknown
): Effect.Effect<number, PipeClosed | OutputFailed> => {
  const { envelope, exit } = renderFailure(options.command, failure)
  const error = failure instanceof FailedWithData ? failure.error : failure
  const said = options.json
    ? Effect.flatMap(printed(ErrorEnvelope, envelope), stdio.out)
    : stdio.err(failureText(options, error, envelope.error.message))
  return Effect.as(said, exit)
}
