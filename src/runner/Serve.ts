/** The engine process: one model, one computation at a time, requests from the parent. */
import * as RpcServer from "@effect/rpc/RpcServer"
import { Cause, Effect, Layer, Mailbox, Ref, Scope } from "effect"
import { constraintGrammar } from "../chat/constrained/Constraints.js"
import { CheckpointInvalid, ContextLengthExceeded, type EngineUnavailable, InvalidRequest } from "../domain/Errors.js"
import type { GenerateEvent, GenerateOptions } from "../domain/Generation.js"
import type { CheckpointSource, Engine, LoadedModel } from "../inference/Engine.js"
import { makeSampler, samplingProblem } from "../inference/Sampler.js"
import { answer } from "./Answer.js"
import { type CheckpointText, readCheckpointText } from "./CheckpointText.js"
import { endIdsOf, without } from "./Ending.js"
import { type Grammars, grammarEntry, makeGrammars } from "./Grammars.js"
import { serverProtocol } from "./Ipc.js"
import { endAtOnce, followParent, Unstoppable } from "./Lifetime.js"
import { makePrompter } from "./Prompt.js"
import { EngineRpcs, type GenerateError, type LoadError } from "./Protocol.js"
import { type Reading, readingOf } from "./Reading.js"
import { tokenBudget } from "./TokenBudget.js"

/** Exit code after a failure that nobody expected; sysexits.h calls it EX_SOFTWARE. */
const EXIT_DEFECT = 70
/** Exit code without a parent to serve; EX_USAGE. */
const EXIT_NO_PARENT = 64

/**
 * A failure that isn't in the protocol leaves the engine in a state nobody knows, so the process ends: the parent reports it
 * like any other crash, with this text as the last of stderr.
 */
const fatal = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  // Not tapDefect: what fails after an interruption is fatal too.
  Effect.onError(effect, (cause) =>
    Effect.sync(() => {
      const defects = [...Cause.defects(cause)]
      if (defects.length === 0) return
      console.error(Cause.pretty(cause))
      if (defects.some((defect) => defect instanceof Unstoppable)) endAtOnce()
      else process.exit(EXIT_DEFECT)
    })
  )

interface Text extends CheckpointText {
  readonly promptOf: ReturnType<typeof makePrompter>
  readonly grammars: Grammars
}

/** As requests call the settings. */
const PARAMETERS = { logitBias: "logit_bias", topK: "top_k" } as const

/** What computes in this process. */
export interface EngineSetup {
  /** Finds what is wrong with a checkpoint without reading tensors or loading a native library. */
  readonly check: (source: CheckpointSource) => Effect.Effect<unknown, LoadError>
  /** Runs when weights are first needed. */
  readonly engine: Effect.Effect<Engine, EngineUnavailable>
}

/** What a constrained answer is held to. */
const matcherOf = ({ grammars, tokenizer }: Text, { constraint }: GenerateOptions, reading: Reading) =>
  Effect.gen(function* () {
    if (constraint === undefined) return null
    const grammar = yield* constraintGrammar(constraint, {
      toolFormat: reading.toolFormat,
      harmony: reading.reasoning?._tag === "Harmony",
      hasToken: (token) => tokenizer.idOf(token) !== null
    })
    return yield* grammars.start(grammar)
  })

const makeHandlers = ({ check, engine }: EngineSetup) =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const texts = yield* Ref.make<Text | null>(null)
    const models = yield* Ref.make<LoadedModel | null>(null)
    const exclusive = (yield* Effect.makeSemaphore(1)).withPermits(1)
    let computedTokens = 0

    /** A request before Load, or after a Load that failed, is a fault of the parent. */
    const loaded = <A>(ref: Ref.Ref<A | null>): Effect.Effect<A> =>
      Effect.flatMap(Ref.get(ref), (value) =>
        value === null ? Effect.dieMessage("no model is loaded") : Effect.succeed(value)
      )

    const loadText = (source: CheckpointSource) =>
      Effect.gen(function* () {
        if ((yield* Ref.get(texts)) !== null) return
        const text = yield* readCheckpointText(source)
        yield* Ref.set(texts, {
          ...text,
          promptOf: makePrompter(text),
          grammars: makeGrammars({ ...text, entry: grammarEntry() })
        })
      })

    const loadWeights = (source: CheckpointSource) =>
      Effect.gen(function* () {
        if ((yield* Ref.get(models)) !== null) return
        const model = yield* Effect.flatMap(engine, ({ load }) => load(source)).pipe(Scope.extend(scope))
        yield* Ref.set(models, model)
      })

    const start = (options: GenerateOptions, emit: (event: GenerateEvent) => void) =>
      Effect.gen(function* () {
        const text = yield* loaded(texts)
        const { model: name, tokenizer } = text
        const model = yield* loaded(models)
        const contextLength = Math.min(text.contextLength, model.maxPositions ?? Number.POSITIVE_INFINITY)
        const misfit = samplingProblem(options.sampling, model.vocabSize)
        if (misfit !== null) {
          return yield* new InvalidRequest({ param: PARAMETERS[misfit.setting], problem: misfit.problem })
        }
        const { ids, text: promptText } = yield* text.promptOf(options.input)
        const stray = ids.find((id) => id >= model.vocabSize)
        if (stray !== undefined) {
          const problem = `it gives token id ${stray}, but the model's vocabulary has ${model.vocabSize} tokens`
          return yield* new CheckpointInvalid({ model: name, file: "tokenizer.json", problem })
        }
        const promptTokens = ids.length
        const budget = tokenBudget({ ...options, contextLength, promptTokens })
        if (budget === null) return yield* new ContextLengthExceeded({ contextLength, promptTokens })
        const reading = readingOf(text, options, promptText)
        const matcher = yield* matcherOf(text, options, reading)
        emit({ _tag: "Started", promptTokens, contextLength })
        const endIds = endIdsOf(text.endIds, options)
        // A complete text can only end.
        const minTokens = matcher === null ? (options.minTokens ?? 0) : 0
        const sampler = without(makeSampler(options.sampling, ids, endIds), endIds, minTokens)
        yield* answer({
          model: counted(model, (tokens) => {
            computedTokens += tokens
          }),
          tokenizer,
          promptIds: ids,
          sampler,
          budget,
          endIds,
          reading,
          matcher,
          emit
        })
      }).pipe(Effect.scoped)

    return EngineRpcs.of({
      Load: ({ model, weights }) =>
        exclusive(Effect.zipRight(loadText(model), weights ? loadWeights(model) : Effect.asVoid(check(model)))).pipe(
          fatal
        ),
      Generate: (options) =>
        Effect.gen(function* () {
          // Holds a whole answer if need be, so that a slow reader doesn't stop the model.
          const events = yield* Mailbox.make<GenerateEvent, GenerateError>()
          const emit = (event: GenerateEvent) => {
            events.unsafeOffer(event)
          }
          yield* exclusive(start(options, emit)).pipe(fatal, Mailbox.into(events), Effect.forkScoped)
          return events
        }),
      Count: ({ input }) =>
        Effect.flatMap(loaded(texts), ({ promptOf }) => promptOf(input)).pipe(
          Effect.map(({ ids }) => ids.length),
          fatal
        ),
      Stats: () =>
        exclusive(Ref.get(models)).pipe(
          Effect.map((model) => ({
            ...(model?.memory() ?? { activeBytes: null, peakBytes: null, cacheBytes: null }),
            computedTokens
          }))
        )
    })
  })

/** The same model, telling how many tokens it computes. */
const counted = (model: LoadedModel, count: (tokens: number) => void): LoadedModel => ({
  ...model,
  start: () => {
    const sequence = model.start()
    return {
      get length() {
        return sequence.length
      },
      forward: (ids, rows) =>
        Effect.suspend(() => {
          count(ids.length)
          return sequence.forward(ids, rows)
        }),
      rewind: (length) => sequence.rewind(length),
      get bytes() {
        return sequence.bytes
      },
      close: () => sequence.close()
    }
  }
})

/** Serves the parent until it goes away. */
export const serve = (setup: EngineSetup): void => {
  if (process.send === undefined) {
    console.error("This is the engine process of mlxk; it is started by mlxk itself.")
    process.exit(EXIT_NO_PARENT)
  }
  followParent()
  const server = RpcServer.layer(EngineRpcs, { disableTracing: true }).pipe(
    Layer.provide(EngineRpcs.toLayer(makeHandlers(setup))),
    Layer.provide(Layer.scoped(RpcServer.Protocol, serverProtocol))
  )
  Effect.runFork(fatal(Layer.launch(server)))
}
