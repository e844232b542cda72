/** `POST /v1/chat/completions`. */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { Chunk, Clock, Effect, Option, Stream } from "effect"
import {
  ConstraintUnsupported,
  ModelNotFound,
  type ResolveError,
  type RunnerError,
  type ServerShutdown
} from "../../domain/Errors.js"
import type { GenerateEvent } from "../../domain/Generation.js"
import { presentReasoning } from "../../domain/Reasoning.js"
import { run } from "../../operations/Run.js"
import type { Cache } from "../../services/Cache.js"
import type { Health } from "../../services/Health.js"
import type { Runner } from "../../services/Runner.js"
import { jsonBody } from "../Body.js"
import { CurrentRequest, type CurrentRequestValues, note, noteIn } from "../CurrentRequest.js"
import { endpoint } from "../Endpoint.js"
import { failureOf } from "../Failures.js"
import { Serving } from "../Serving.js"
import { sse } from "../Sse.js"
import { type ChatTask, decodeChatRequest } from "../wire/ChatRequest.js"
import { type AnswerHead, chatChunks, chatCompletion, chatErrorChunk } from "../wire/ChatResponse.js"
import { isPathLike } from "../wire/ModelName.js"

type Events = Stream.Stream<GenerateEvent, ResolveError | RunnerError | ServerShutdown>

/** Tells the access line how the generation went: when its first piece came, and its end. */
const observed = (request: CurrentRequestValues, events: Events): Events =>
  Effect.gen(function* () {
    const first = yield* Effect.once(
      Effect.flatMap(Clock.currentTimeMillis, (now) => noteIn(request, { ttft_ms: now - request.startedAt }))
    )
    return Stream.tap(events, (event) => {
      switch (event._tag) {
        case "Started":
          return noteIn(request, { prompt_tokens: event.promptTokens })
        case "Finished":
          return noteIn(request, { completion_tokens: event.usage.completionTokens, finish_reason: event.finishReason })
        default:
          return first
      }
    })
  }).pipe(Stream.unwrap)

/** A generation that ends without saying so breaks the Runner's contract. */
const unfinished = Effect.dieMessage("the generation ended without a Finished event")

const whole = (answer: AnswerHead, { options }: ChatTask, events: Events) =>
  Effect.gen(function* () {
    const seen = Chunk.toReadonlyArray(yield* Stream.runCollect(events))
    const document = chatCompletion(answer, seen, { logprobs: options.sampling.logProbabilities !== undefined })
    return document === null ? yield* unfinished : HttpServerResponse.unsafeJson(document)
  })

/**
 * Answers only when the first event is there: until then every failure is a plain HTTP error (spec 02 §2.9(1)). The pull
 * belongs to the request's scope, so a client that leaves at any time ends the generation.
 */
const streamed = (answer: AnswerHead, includeUsage: boolean, events: Events) =>
  Effect.gen(function* () {
    const services = yield* Effect.context<CurrentRequest | Serving>()
    const pull = yield* Stream.toPull(events)
    const first = yield* Effect.catchAll(pull, Option.match({ onNone: () => unfinished, onSome: Effect.fail }))
    const chunks = Stream.concat(Stream.fromChunk(first), Stream.repeatEffectChunkOption(pull)).pipe(
      Stream.mapConcat(chatChunks(answer, includeUsage)),
      Stream.catchAllCause((cause) => Effect.map(failureOf(cause), ({ envelope }) => chatErrorChunk(answer, envelope))),
      Stream.provideContext(services)
    )
    return sse(chunks)
  })

const answerHead = (model: string): Effect.Effect<AnswerHead> =>
  Effect.map(Clock.currentTimeMillis, (now) => ({
    id: `chatcmpl-${crypto.randomUUID()}`,
    created: Math.floor(now / 1000),
    model
  }))

const generate = ({ formParam, model, options, reasoning }: ChatTask) =>
  Effect.gen(function* () {
    const services = yield* Effect.context<Cache | Health | Runner>()
    const request = yield* CurrentRequest
    const { shutdown } = yield* Serving
    const events = Stream.mapError(Stream.provideContext(run(model, options), services), (error) =>
      error._tag === "ConstraintUnsupported" && formParam !== null
        ? new ConstraintUnsupported({ ...error, param: formParam })
        : error
    )
    return observed(request, Stream.interruptWhen(events, shutdown.failure)).pipe(
      Stream.mapConcat(presentReasoning(reasoning))
    )
  })

const complete = Effect.gen(function* () {
  const { maxTokens } = yield* Serving
  const body = yield* jsonBody
  const task = yield* decodeChatRequest(body, maxTokens)
  yield* note({ model: task.model, stream: task.stream })
  if (isPathLike(task.model)) return yield* new ModelNotFound({ query: task.model })
  const answer = yield* answerHead(task.model)
  const events = yield* generate(task)
  return yield* task.stream ? streamed(answer, task.includeUsage, events) : whole(answer, task, events)
})

export const layer = endpoint({ path: "/chat/completions", methods: { POST: complete } })
