/** What the supervisor and an engine process say to each other. The errors travel typed. */
import { Rpc, RpcGroup } from "@effect/rpc"
import { Schema } from "effect"
import {
  CheckpointInvalid,
  ConstraintUnsupported,
  ContextLengthExceeded,
  EngineUnavailable,
  InvalidRequest,
  ModelIncompatible,
  TemplateRefused,
  ToolsNotSupported
} from "../domain/Errors.js"
import { GenerateEvent, GenerateInput, GenerateOptions } from "../domain/Generation.js"

const Model = Schema.Struct({ name: Schema.String, directory: Schema.String })

export const LoadError = Schema.Union(CheckpointInvalid, ModelIncompatible, EngineUnavailable)
export type LoadError = typeof LoadError.Type

export const PromptError = Schema.Union(
  TemplateRefused,
  ToolsNotSupported,
  InvalidRequest,
  CheckpointInvalid,
  ContextLengthExceeded
)
export type PromptError = typeof PromptError.Type

export const GenerateError = Schema.Union(PromptError, ConstraintUnsupported)
export type GenerateError = typeof GenerateError.Type

const bytes = Schema.NullOr(Schema.Number)

/** What an engine process holds and has done. `computedTokens` counts prompt and answer tokens since it started. */
export const Stats = Schema.Struct({
  activeBytes: bytes,
  peakBytes: bytes,
  cacheBytes: bytes,
  computedTokens: Schema.Int
})
export type Stats = typeof Stats.Type

export class EngineRpcs extends RpcGroup.make(
  /**
   * Reads the checkpoint. Without `weights` only what can be checked cheaply: configuration, tokenizer, template. A process
   * serves one model; loading it again changes nothing.
   */
  Rpc.make("Load", { payload: { model: Model, weights: Schema.Boolean }, error: LoadError }),
  /** One answer. What is ready travels in one message, so a fast model doesn't send a message per token. */
  Rpc.make("Generate", { payload: GenerateOptions, success: GenerateEvent, error: GenerateError, stream: true }),
  /** Tokens of a prompt. */
  Rpc.make("Count", { payload: { input: GenerateInput }, success: Schema.Int, error: PromptError }),
  /** Answers when the process is idle: work that nobody waits for any more comes to its end first. */
  Rpc.make("Stats", { success: Stats })
) {}
