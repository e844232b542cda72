/** The operations for programs that don't use Effect: promises and async iterables over one runtime. */
import { Cause, Effect, Exit, type Layer, ManagedRuntime, Stream } from "effect"
import {
  defaultSampling,
  type GenerateEvent,
  type GenerateOptions,
  type Message,
  type Sampling
} from "./domain/Generation.js"
import type { HealthData, ListData, ShowData } from "./domain/ModelObject.js"
import type { CollectData, RemoveData, UsageData } from "./domain/Reclaim.js"
import { collect } from "./operations/Collect.js"
import { diskUsage } from "./operations/DiskUsage.js"
import { health } from "./operations/Health.js"
import { list } from "./operations/List.js"
import { type RemoveOptions, remove } from "./operations/Remove.js"
import { run } from "./operations/Run.js"
import { show } from "./operations/Show.js"
import type { Cache } from "./services/Cache.js"
import type { Health } from "./services/Health.js"
import type { Maintenance } from "./services/Maintenance.js"
import type { Runner } from "./services/Runner.js"
import type { Settings } from "./services/Settings.js"

type Services = Cache | Health | Maintenance | Runner | Settings

/** What `generate` takes; everything but the text has `run`'s defaults. */
export interface PromptOptions {
  /** One prompt, or a whole conversation. */
  readonly prompt: string | ReadonlyArray<Message>
  readonly sampling?: Partial<Sampling>
  /** At most this many tokens; the rest of the context when absent. */
  readonly maxTokens?: number
  readonly stop?: ReadonlyArray<string>
}

/** Promises reject with the tagged errors of `Errors`: look at `_tag`. */
export interface Knife {
  readonly list: (pattern?: string) => Promise<ListData>
  readonly show: (model: string) => Promise<ShowData>
  readonly health: (pattern?: string) => Promise<HealthData>
  /** What would need a confirmation is answered with `requires_confirmation` and not deleted. */
  readonly remove: (model: string, options?: Partial<RemoveOptions>) => Promise<RemoveData>
  /** Shows what nothing uses any more; deletes it with `execute`. */
  readonly collect: (options?: { readonly execute?: boolean }) => Promise<CollectData>
  readonly diskUsage: (pattern?: string) => Promise<UsageData>
  /** Leaving the loop early stops the computation. */
  readonly generate: (model: string, options: PromptOptions) => AsyncIterable<GenerateEvent>
  /** Ends every engine process. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const generateOptions = ({ maxTokens, prompt, sampling, stop }: PromptOptions): GenerateOptions => ({
  input: typeof prompt === "string" ? { _tag: "Prompt", text: prompt } : { _tag: "Chat", messages: prompt },
  sampling: { ...defaultSampling, ...sampling },
  maxTokens: maxTokens ?? null,
  contextShare: 1,
  stop: stop ?? []
})

const CAREFUL: RemoveOptions = { force: false, dryRun: false, confirmed: false }

/** Builds the services of `layer` at the first call. */
export const makeKnife = (layer: Layer.Layer<Services>): Knife => {
  const runtime = ManagedRuntime.make(layer)
  const promise = async <A, E>(effect: Effect.Effect<A, E, Services>): Promise<A> => {
    const exit = await runtime.runPromiseExit(effect)
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }
  const close = () => runtime.dispose()
  return {
    list: (pattern) => promise(list(pattern ?? null)),
    show: (model) => promise(show(model, "metadata")),
    health: (pattern) => promise(health(pattern ?? null)),
    remove: (model, options) =>
      promise(Effect.mapError(remove(model, { ...CAREFUL, ...options }), ({ error }) => error)),
    collect: (options) => promise(collect({ execute: options?.execute ?? false })),
    diskUsage: (pattern) => promise(diskUsage(pattern ?? null)),
    generate: async function* (model, options) {
      yield* Stream.toAsyncIterableRuntime(run(model, generateOptions(options)), await runtime.runtime())
    },
    close,
    [Symbol.asyncDispose]: close
  }
}
