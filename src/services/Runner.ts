/** Loaded models and what they generate. */
import { Context, type Effect, type Stream } from "effect"
import type { RunnerError } from "../domain/Errors.js"
import type { GenerateEvent, GenerateOptions } from "../domain/Generation.js"

/** A checkpoint to run: `name` for messages and identity, `directory` holds config.json, weights and tokenizer (absolute). */
export interface RunnableModel {
  readonly name: string
  readonly directory: string
}

export class Runner extends Context.Tag("mlxk/Runner")<
  Runner,
  {
    /** Makes the model ready to answer; returns at once when it already is. */
    readonly load: (model: RunnableModel) => Effect.Effect<void, RunnerError>
    /**
     * Cold: running it loads the model when needed and generates; interrupting it stops the computation within one token.
     * Emits `Started`, the pieces of the answer, `Finished` (see GenerateEvent).
     */
    readonly generate: (model: RunnableModel, options: GenerateOptions) => Stream.Stream<GenerateEvent, RunnerError>
  }
>() {}
