/** Generating text from a cached model: what `run`, the chat, the chat endpoints and the API share. */
import { Effect, Either, ParseResult, Schema, Stream } from "effect"
import type { ModelLocation } from "../domain/CachedModel.js"
import {
  InvalidRequest,
  ModelIncompatible,
  ModelNotFound,
  type ResolveError,
  type RunnerError
} from "../domain/Errors.js"
import { excerpt } from "../domain/Excerpt.js"
import { CHAT_STOPS, type GenerateEvent, GenerateOptions } from "../domain/Generation.js"
import { ModelRef } from "../domain/ModelRef.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"
import { type RunnableModel, Runner } from "../services/Runner.js"

const runnable = (location: ModelLocation) =>
  Effect.gen(function* () {
    const cache = yield* Cache
    const health = yield* Health
    const reason = yield* Effect.flatMap(cache.describe(location), health.runtimeProblem)
    if (reason !== null) return yield* new ModelIncompatible({ model: location.name, reason })
    return { name: location.name, directory: location.snapshotDirectory ?? location.repoDirectory }
  })

/** Finds the model and refuses what can't be run, before anything is loaded (spec 01 §12.1, spec 02 §3.3). */
export const prepare = Effect.fn("Run.prepare")(function* (
  text: string
): Effect.fn.Return<RunnableModel, ResolveError | ModelIncompatible, Cache | Health> {
  const ref = ModelRef.parse(text)
  if (ref.name.trim() === "") return yield* new ModelNotFound({ query: text })
  const cache = yield* Cache
  return yield* Effect.flatMap(cache.resolve(ref), runnable)
})

/** Prepares the model and makes it ready to answer. */
export const load = (text: string): Effect.Effect<RunnableModel, ResolveError | RunnerError, Cache | Health | Runner> =>
  Effect.flatMap(Runner, (runner) => Effect.tap(prepare(text), (model) => runner.load(model)))

const validate = Schema.validateEither(GenerateOptions)

/** The options within their ranges, or which of them isn't. */
const checked = (options: GenerateOptions): Either.Either<GenerateOptions, InvalidRequest> =>
  Either.mapLeft(validate(options), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    return new InvalidRequest({ param: issue?.path.join(".") ?? null, problem: excerpt(issue?.message ?? "is wrong") })
  })

/** Options that were checked. A chat ends at turn markers, unless its answer has a form of its own (spec 02 §6.4). */
const answer = (model: RunnableModel, options: GenerateOptions) =>
  Stream.unwrap(
    Effect.map(Runner, (runner) => {
      const { constraint, input, stop } = options
      const turns = input._tag === "Chat" && constraint === undefined ? CHAT_STOPS : []
      return runner.generate(model, { ...options, stop: [...stop, ...turns] })
    })
  )

/** Generates from a prepared model; cold, and interruption stops the computation. */
export const generate = (
  model: RunnableModel,
  options: GenerateOptions
): Stream.Stream<GenerateEvent, RunnerError, Runner> =>
  Stream.unwrap(Effect.map(checked(options), (valid) => answer(model, valid)))

/** Prepares, loads and generates. Options are checked before the model is looked for. */
export const run = (
  model: string,
  options: GenerateOptions
): Stream.Stream<GenerateEvent, ResolveError | RunnerError, Cache | Health | Runner> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const valid = yield* checked(options)
      return answer(yield* prepare(model), valid)
    })
  )
