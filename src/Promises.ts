/** The operations for programs that don't use Effect: promises and async iterables over one runtime. */
import { Cause, Chunk, Effect, Exit, type Layer, ManagedRuntime, Stream } from "effect"
import { VERSION } from "./cli/Version.js"
import type { CloneEvent } from "./domain/Clone.js"
import {
  defaultSampling,
  type GenerateEvent,
  type GenerateOptions,
  type Message,
  type Sampling
} from "./domain/Generation.js"
import type { HealthData, ListData, ShowData } from "./domain/ModelObject.js"
import type { OutdatedData } from "./domain/Outdated.js"
import type { PullEvent } from "./domain/Pull.js"
import type { PushEvent } from "./domain/Push.js"
import type { CollectData, RemoveData, UsageData } from "./domain/Reclaim.js"
import type { VerifyProgress } from "./domain/Verification.js"
import { type CloneOptions, clone } from "./operations/Clone.js"
import { collect } from "./operations/Collect.js"
import { diskUsage } from "./operations/DiskUsage.js"
import { health, verifiedHealth } from "./operations/Health.js"
import { list } from "./operations/List.js"
import { outdated } from "./operations/Outdated.js"
import { fetchAll, type PullOptions, pull } from "./operations/Pull.js"
import { type PushOptions, push } from "./operations/Push.js"
import { type RemoveOptions, remove } from "./operations/Remove.js"
import { run } from "./operations/Run.js"
import { type ShowMode, show } from "./operations/Show.js"
import { updates } from "./operations/Update.js"
import type { Cache } from "./services/Cache.js"
import type { Health } from "./services/Health.js"
import type { Maintenance } from "./services/Maintenance.js"
import { Remote, type RemoteServices } from "./services/Remote.js"
import type { Runner } from "./services/Runner.js"
import type { Settings } from "./services/Settings.js"

type Services = Cache | Health | Maintenance | Remote | Runner | Settings

/** What `generate` takes; everything but the text has `run`'s defaults. */
export interface PromptOptions {
  /** One prompt, or a whole conversation. */
  readonly prompt: string | ReadonlyArray<Message>
  readonly sampling?: Partial<Sampling>
  /** At most this many tokens; the rest of the context when absent. */
  readonly maxTokens?: number
  readonly stop?: ReadonlyArray<string>
}

export interface HealthOptions {
  readonly verify?: boolean
  readonly onProgress?: (model: string, progress: VerifyProgress) => void
}

/**
 * Promises reject with the tagged errors of `Errors`: look at `_tag`. What takes long is a stream of events: reading it does the
 * work, leaving the loop early stops it, and the next call goes on from there. Its last event is `Finished`.
 */
export interface Knife {
  readonly list: (pattern?: string) => Promise<ListData>
  readonly show: (model: string, mode?: ShowMode) => Promise<ShowData>
  /** With `verify` every blob is hashed too, which takes long: `onProgress` hears of it. */
  readonly health: (pattern?: string, options?: HealthOptions) => Promise<HealthData>
  /** What would need a confirmation is answered with `requires_confirmation` and not deleted. */
  readonly remove: (model: string, options?: Partial<RemoveOptions>) => Promise<RemoveData>
  /** Shows what nothing uses any more; deletes it with `execute`. */
  readonly collect: (options?: { readonly execute?: boolean }) => Promise<CollectData>
  readonly diskUsage: (pattern?: string) => Promise<UsageData>
  /** `org/name`, `org/name@revision`; what is whole is left alone. */
  readonly pull: (model: string, options?: Partial<PullOptions>) => AsyncIterable<PullEvent>
  /** Which models are behind their branch. */
  readonly outdated: (pattern?: string) => Promise<OutdatedData>
  /** Pulls all that are behind, one after the other. A failure ends it; another call goes on from there. */
  readonly update: (pattern?: string, options?: Partial<Pick<PullOptions, "maxRate">>) => AsyncIterable<PullEvent>
  /** Into a directory that is missing or empty. */
  readonly clone: (
    model: string,
    target: string,
    options?: Partial<Pick<CloneOptions, "branch" | "healthCheck" | "resume">>
  ) => AsyncIterable<CloneEvent>
  /** A directory becomes one commit; what the Hub has already is not sent. */
  readonly push: (
    directory: string,
    repo: string,
    options?: Partial<Omit<PushOptions, "directory" | "repo">>
  ) => AsyncIterable<PushEvent>
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

const WHOLE: PullOptions = { ...fetchAll, resume: false }
const CHECKED = { branch: null, healthCheck: true, resume: false, version: VERSION }
const UPLOAD = { branch: "main", message: "mlx-knife push", create: false, mode: "upload" } as const
const CAREFUL: RemoveOptions = { force: false, dryRun: false, confirmed: false }

const checked = (pattern: string | null, { onProgress, verify }: HealthOptions) =>
  verify === true
    ? verifiedHealth(pattern, (name, progress) => Effect.sync(() => onProgress?.(name, progress)))
    : health(pattern)

/** Builds the services of `layer` at the first call. */
export const makeKnife = (layer: Layer.Layer<Services>): Knife => {
  const runtime = ManagedRuntime.make(layer)
  const promise = async <A, E>(effect: Effect.Effect<A, E, Services>): Promise<A> => {
    const exit = await runtime.runPromiseExit(effect)
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }
  const iterable = async function* <A, E>(stream: Stream.Stream<A, E, Services>): AsyncGenerator<A> {
    yield* Stream.toAsyncIterableRuntime(stream, await runtime.runtime())
  }
  /** With the Hub, which is loaded for this one call. */
  const remote = <A, E>(stream: Stream.Stream<A, E, Services | RemoteServices>) =>
    iterable(Stream.unwrap(Effect.map(Remote, (layer) => Stream.provideSomeLayer(stream, layer))))
  const close = () => runtime.dispose()
  return {
    list: (pattern) => promise(list(pattern ?? null)),
    show: (model, mode) => promise(show(model, mode ?? "metadata")),
    health: (pattern, options) => promise(checked(pattern ?? null, options ?? {})),
    remove: (model, options) =>
      promise(Effect.mapError(remove(model, { ...CAREFUL, ...options }), ({ error }) => error)),
    collect: (options) => promise(collect({ execute: options?.execute ?? false })),
    diskUsage: (pattern) => promise(diskUsage(pattern ?? null)),
    pull: (model, options) => remote(pull(model, { ...WHOLE, ...options })),
    outdated: (pattern) => promise(Effect.flatMap(Remote, (layer) => Effect.provide(outdated(pattern ?? null), layer))),
    update: (pattern, options) =>
      remote(
        Stream.unwrap(
          Effect.map(updates(pattern ?? null, options?.maxRate ?? null), (found) =>
            Stream.concatAll(Chunk.fromIterable(found.updates.map(({ events }) => events)))
          )
        )
      ),
    clone: (model, target, options) => remote(clone({ model, target, ...CHECKED, ...options })),
    push: (directory, repo, options) => remote(push({ directory, repo, ...UPLOAD, ...options })),
    generate: (model, options) => iterable(run(model, generateOptions(options))),
    close,
    [Symbol.asyncDispose]: close
  }
}
