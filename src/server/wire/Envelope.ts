/** The error body: one JSON that both the project's scripts and OpenAI's clients read (spec 03 §13.1). Pure. */
import { Schema } from "effect"
import { errorMessage, errorRow, isKnifeError } from "../../domain/ErrorTable.js"
import { redactText } from "../../domain/Redact.js"

export const ErrorBody = Schema.Struct({
  message: Schema.String,
  type: Schema.String,
  /** Dotted path of the field that is to blame. */
  param: Schema.NullOr(Schema.String),
  /** OpenAI's vocabulary. */
  code: Schema.NullOr(Schema.String),
  retryable: Schema.Boolean
})
export type ErrorBody = typeof ErrorBody.Type

export const ErrorEnvelope = Schema.Struct({
  status: Schema.Literal("error"),
  error: ErrorBody,
  request_id: Schema.String
})
export type ErrorEnvelope = typeof ErrorEnvelope.Type

/** Any failure as an envelope; total. `home` is the user's home directory, shown as `~`. */
export const errorEnvelope = (error: unknown, context: { readonly requestId: string; readonly home: string }) => {
  const { code, param, retryable, type } = errorRow(error)
  const message = redactText(errorMessage(error), context.home)
  const envelope: ErrorEnvelope = {
    status: "error",
    error: { message, type, param: isKnifeError(error) && "param" in error ? error.param : param, code, retryable },
    request_id: context.requestId
  }
  return envelope
}
