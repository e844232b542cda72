/** The one JSON document a command prints: success or error (spec 01 §13.1), and how a failure becomes one. Pure. */
import { Data, Schema } from "effect"
import { AmbiguousModel, AmbiguousWorkspace, CommandRefused, type KnifeError, UsageError } from "./Errors.js"
import { errorMessage, errorRow, isKnifeError } from "./ErrorTable.js"
import { FinishReason } from "./Generation.js"

/** `--version --json` (spec 01 §13.3). */
export const VersionData = Schema.Struct({ cli_version: Schema.String, json_api_spec_version: Schema.String })

/** `run --json`. `finish_reason` and `usage` are additions of ours; `interrupted` marks an answer that Ctrl-C cut off. */
export const RunData = Schema.Struct({
  /** The model as typed. */
  model: Schema.String,
  prompt: Schema.String,
  response: Schema.String,
  finish_reason: Schema.Union(FinishReason, Schema.Literal("interrupted")),
  usage: Schema.NullOr(Schema.Struct({ prompt_tokens: Schema.Int, completion_tokens: Schema.Int }))
})
export type RunData = typeof RunData.Type

/** What `serve --json` prints once the port is bound: neither success nor error (spec 02 §1.2). */
export const StartupDocument = Schema.Struct({
  status: Schema.Literal("starting"),
  command: Schema.Literal("serve"),
  data: Schema.Struct({
    host: Schema.String,
    port: Schema.Int,
    model: Schema.NullOr(Schema.String),
    max_tokens: Schema.NullOr(Schema.Int)
  }),
  error: Schema.Null
})

/** The success document of a command whose data has this schema. */
export const successEnvelope = <A, I>(data: Schema.Schema<A, I>) =>
  Schema.Struct({ status: Schema.Literal("success"), command: Schema.String, data, error: Schema.Null })

export const ErrorEnvelope = Schema.Struct({
  status: Schema.Literal("error"),
  /** Null when the command line itself is at fault. */
  command: Schema.NullOr(Schema.String),
  data: Schema.NullOr(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  error: Schema.Struct({
    type: Schema.String,
    message: Schema.String,
    /** The code of the error table, where the command has a type of its own. */
    code: Schema.optionalWith(Schema.String, { exact: true }),
    /** The candidates of an ambiguous name, sorted. */
    matches: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
    retryable: Schema.Boolean,
    hint: Schema.String
  })
})
export type ErrorEnvelope = typeof ErrorEnvelope.Type

/** How the failures of one command differ from the error table. */
interface CommandFailures {
  /** Types of its own for the table's types; `*` stands for all of them. */
  readonly types?: Readonly<Record<string, string>>
  /** Its `data` beside an error; null unless said. */
  readonly data?: ErrorEnvelope["data"]
}

/** spec 01 §13.4, §13.5 and §12.6. A command that isn't named here follows the table. */
const commandFailures: Readonly<Record<string, CommandFailures>> = {
  run: { types: { "*": "execution_error" } },
  show: { types: { internal_error: "show_operation_failed" } },
  health: {
    types: { internal_error: "health_check_failed" },
    data: { healthy: [], unhealthy: [], summary: { total: 0, healthy_count: 0, unhealthy_count: 0 } }
  },
  pull: {
    types: {
      repo_not_found: "access_denied",
      validation_error: "ValidationError",
      internal_error: "pull_operation_failed"
    }
  },
  push: {
    types: {
      access_denied: "push_operation_failed",
      download_failed: "push_operation_failed",
      internal_error: "push_operation_failed"
    }
  }
}

/** The command line's own word for a failure that is nobody's fault but ours (spec 01 §1.4). */
const INTERNAL_TYPE = "InternalError"

/** A failure of a command that also says in `data` how far it came (spec 01 §13.4: pull, clone, push, rm). */
export class FailedWithData extends Data.TaggedError("FailedWithData")<{
  readonly error: KnifeError
  readonly data: NonNullable<ErrorEnvelope["data"]>
}> {}

/** A failure ready to print: the document, and the exit code that goes with it. */
export interface Rendered {
  readonly envelope: ErrorEnvelope
  readonly exit: number
}

/**
 * Renders any failure of a command; total. Faults of the command line keep their type in every command, and a usage error
 * names no command, because none was understood (spec 01 §1.4). An unknown failure is `InternalError`.
 */
export const renderFailure = (command: string | null, failure: unknown): Rendered => {
  const { data, error } = failure instanceof FailedWithData ? failure : { data: null, error: failure }
  const row = errorRow(error)
  const own = command === null ? {} : (commandFailures[command] ?? {})
  const ofCommandLine = error instanceof UsageError || error instanceof CommandRefused
  const renamed = own.types?.[row.type] ?? own.types?.["*"]
  const general = row.type === "internal_error" ? INTERNAL_TYPE : row.type
  const special = !ofCommandLine && isKnifeError(error) && renamed !== undefined
  return {
    envelope: {
      status: "error",
      command: error instanceof UsageError ? null : command,
      data: error instanceof UsageError ? null : (data ?? own.data ?? null),
      error: {
        type: special ? renamed : general,
        message: errorMessage(error),
        ...(special ? { code: row.code ?? row.type } : {}),
        ...(error instanceof AmbiguousModel || error instanceof AmbiguousWorkspace ? { matches: error.matches } : {}),
        retryable: row.retryable,
        hint: row.hint
      }
    },
    exit: row.exit
  }
}
