/** Generating text from a cached model: what `run`, the chat endpoints and the API share. */
import { Effect, Stream } from "effect"
import type { ModelLocation } from "../domain/CachedModel.js"
import { ModelIncompatible, ModelNotFound, type ResolveError, type RunnerError } from "../domain/Errors.js"
import type { GenerateEvent, GenerateOptions } from "../domain/Generation.js"
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

/** Prepares, loads and generates; cold, and interruption stops the computation. */
export const run = (
  model: string,
  options: GenerateOptions
): Stream.Stream<GenerateEvent, ResolveError | RunnerError, Cache | Health | Runner> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const target = yield* prepare(model)
      const runner = yield* Runner
      return runner.generate(target, options)
    })
  )
