/** A Runner that answers from a script, for tests: no model, no process, everything asked of it is recorded. */
import { Context, Effect, Layer, Ref, Stream } from "effect"
import type { RunnerError } from "../domain/Errors.js"
import type { FinishReason, GenerateEvent, GenerateOptions } from "../domain/Generation.js"
import { type RunnableModel, Runner } from "../services/Runner.js"

type Piece = Exclude<GenerateEvent, { readonly _tag: "Started" | "Finished" }>

/** One answer. */
export interface ScriptedAnswer {
  /** What the answer consists of, in order; a text is content. None by default. */
  readonly pieces?: ReadonlyArray<string | Piece>
  /** How it ends after the pieces: finished by default, with an error, or never. */
  readonly ending?: FinishReason | RunnerError | "hang"
  /** False to fail or hang before `Started`, as when the model can't be loaded or others are served first. */
  readonly starts?: boolean
  readonly promptTokens?: number
  /** The number of pieces by default. */
  readonly completionTokens?: number
  /** The number of pieces of reasoning by default. */
  readonly reasoningTokens?: number
  readonly contextLength?: number
}

/** What was asked of the runner. */
export interface ScriptedRequest {
  readonly model: RunnableModel
  readonly options: GenerateOptions
}

/** Either the answers in order, the last one for ever, or a function of the request. */
export type Script = ReadonlyArray<ScriptedAnswer> | ((request: ScriptedRequest) => ScriptedAnswer)

/** The scripted runner's record. */
export class RunnerRecord extends Context.Tag("mlxk/testing/RunnerRecord")<
  RunnerRecord,
  {
    readonly requests: Effect.Effect<ReadonlyArray<ScriptedRequest>>
    /** How many answers were given up before their end. */
    readonly abandoned: Effect.Effect<number>
    /** Names of the models that `load` was called with. */
    readonly loads: Effect.Effect<ReadonlyArray<string>>
  }
>() {}

const isReasoning = (piece: string | Piece): boolean => typeof piece !== "string" && piece._tag === "Reasoning"

const ended = (answer: ScriptedAnswer, promptTokens: number): Stream.Stream<GenerateEvent, RunnerError> => {
  const { ending = "stop", pieces = [] } = answer
  if (ending === "hang") return Stream.never
  if (typeof ending !== "string") return Stream.fail(ending)
  const { completionTokens = pieces.length, reasoningTokens = pieces.filter(isReasoning).length } = answer
  const usage = { promptTokens, completionTokens, reasoningTokens }
  const finished: GenerateEvent = { _tag: "Finished", finishReason: ending, usage }
  return Stream.make(finished)
}

const play = (answer: ScriptedAnswer): Stream.Stream<GenerateEvent, RunnerError> => {
  const { contextLength = 4096, pieces = [], promptTokens = 1, starts = true } = answer
  if (!starts) return ended(answer, promptTokens)
  const started: GenerateEvent = { _tag: "Started", promptTokens, contextLength }
  const all = pieces.map((piece): GenerateEvent => (typeof piece === "string" ? { _tag: "Delta", text: piece } : piece))
  // One chunk per event: a consumer sees each piece arrive by itself.
  return Stream.concat(Stream.rechunk(Stream.make(started, ...all), 1), ended(answer, promptTokens))
}

const pick = (script: Script, index: number, request: ScriptedRequest): ScriptedAnswer =>
  typeof script === "function" ? script(request) : (script[Math.min(index, script.length - 1)] ?? {})

/** Runs `onAbandoned` when the stream is closed before it has finished or failed. */
const watched = (stream: Stream.Stream<GenerateEvent, RunnerError>, onAbandoned: Effect.Effect<void>) =>
  Stream.suspend(() => {
    let ended = false
    const end = Effect.sync(() => {
      ended = true
    })
    return stream.pipe(
      Stream.tap((event) => (event._tag === "Finished" ? end : Effect.void)),
      Stream.tapError(() => end),
      Stream.ensuring(Effect.suspend(() => (ended ? Effect.void : onAbandoned)))
    )
  })

/** Answers from the script; with `loadError` no model can be loaded. */
export const layerScripted = (
  script: Script,
  { loadError }: { readonly loadError?: RunnerError } = {}
): Layer.Layer<Runner | RunnerRecord> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const requests = yield* Ref.make<ReadonlyArray<ScriptedRequest>>([])
      const loads = yield* Ref.make<ReadonlyArray<string>>([])
      const abandoned = yield* Ref.make(0)
      const loaded = loadError === undefined ? Effect.void : Effect.fail(loadError)
      const next = (request: ScriptedRequest) =>
        Ref.modify(requests, (all) => [play(pick(script, all.length, request)), [...all, request]])
      const runner = Runner.of({
        load: ({ name }) =>
          Effect.zipRight(
            Ref.update(loads, (names) => [...names, name]),
            loaded
          ),
        generate: (model, options) =>
          watched(
            Stream.unwrap(Effect.zipRight(loaded, next({ model, options }))),
            Ref.update(abandoned, (count) => count + 1)
          )
      })
      const record = RunnerRecord.of({
        requests: Ref.get(requests),
        loads: Ref.get(loads),
        abandoned: Ref.get(abandoned)
      })
      return Context.make(Runner, runner).pipe(Context.add(RunnerRecord, record))
    })
  )
