/** Chat answers as OpenAI's clients read them: one document, or chunks (spec 02 §2.9, spec 03 §5, §6). Pure. */
import { Schema } from "effect"
import {
  FinishReason,
  type GenerateEvent,
  type TokenLikelihood,
  type ToolCall,
  type Usage
} from "../../domain/Generation.js"
import { ErrorBody, type ErrorEnvelope } from "./Envelope.js"
import { LogProbs, logProbs } from "./LogProbs.js"

const WireUsage = Schema.Struct({
  prompt_tokens: Schema.Int,
  completion_tokens: Schema.Int,
  total_tokens: Schema.Int,
  prompt_tokens_details: Schema.Struct({ cached_tokens: Schema.Int }),
  completion_tokens_details: Schema.Struct({ reasoning_tokens: Schema.Int })
})

const head = { id: Schema.String, created: Schema.Int, model: Schema.String }

const exact = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const callFields = {
  id: Schema.String,
  type: Schema.Literal("function"),
  function: Schema.Struct({ name: Schema.String, arguments: Schema.String })
}

/** `content` is null only beside tool calls; what isn't there has no key. */
const AnswerMessage = Schema.Struct({
  role: Schema.Literal("assistant"),
  content: Schema.NullOr(Schema.String),
  reasoning_content: exact(Schema.String),
  tool_calls: exact(Schema.Array(Schema.Struct(callFields))),
  refusal: Schema.Null
})

export const ChatCompletion = Schema.Struct({
  ...head,
  object: Schema.Literal("chat.completion"),
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      message: AnswerMessage,
      logprobs: Schema.NullOr(LogProbs),
      finish_reason: FinishReason
    })
  ),
  usage: WireUsage
})
export type ChatCompletion = typeof ChatCompletion.Type

/** One kind of thing per delta. A tool call comes whole: `id`, `type` and `name` once (spec 03 §7.3). */
const Delta = Schema.Struct({
  role: exact(Schema.Literal("assistant")),
  content: exact(Schema.String),
  reasoning_content: exact(Schema.String),
  tool_calls: exact(Schema.Array(Schema.Struct({ index: Schema.Int, ...callFields })))
})

/** `usage` is present in every chunk or in none; null in all but the last (spec 02 §2.9(6)). */
export const ChatChunk = Schema.Struct({
  ...head,
  object: Schema.Literal("chat.completion.chunk"),
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      delta: Delta,
      logprobs: Schema.NullOr(LogProbs),
      finish_reason: Schema.NullOr(FinishReason)
    })
  ),
  usage: exact(Schema.NullOr(WireUsage))
})
export type ChatChunk = typeof ChatChunk.Type

/** A failure after the stream began: a chunk without choices that is an error envelope too (spec 03 §13.3). */
export const ChatErrorChunk = Schema.Struct({
  ...head,
  object: Schema.Literal("chat.completion.chunk"),
  choices: Schema.Tuple(),
  status: Schema.Literal("error"),
  error: ErrorBody,
  request_id: Schema.String
})
export type ChatErrorChunk = typeof ChatErrorChunk.Type

/** What all parts of one answer share. `created` is in seconds. */
export interface AnswerHead {
  readonly id: string
  readonly created: number
  readonly model: string
}

const wireUsage = ({ completionTokens, promptTokens, reasoningTokens }: Usage): typeof WireUsage.Type => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: reasoningTokens }
})

const wireCall = ({ arguments: args, id, name }: ToolCall) => ({
  id,
  type: "function" as const,
  function: { name, arguments: args }
})

const joined = (events: ReadonlyArray<GenerateEvent>, tag: "Delta" | "Reasoning"): string =>
  events.map((event) => (event._tag === tag && "text" in event ? event.text : "")).join("")

const answerMessage = (events: ReadonlyArray<GenerateEvent>): typeof AnswerMessage.Type => {
  const calls = events.flatMap((event) => (event._tag === "ToolCall" ? [wireCall(event.call)] : []))
  const [content, reasoning] = [joined(events, "Delta"), joined(events, "Reasoning")]
  return {
    role: "assistant",
    content: content === "" && calls.length > 0 ? null : content,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    refusal: null
  }
}

const likelihoodsOf = (event: GenerateEvent): ReadonlyArray<TokenLikelihood> =>
  (event._tag === "Delta" ? event.likelihoods : undefined) ?? []

/** A whole answer; null when its events don't end with `Finished`. */
export const chatCompletion = (
  answer: AnswerHead,
  events: ReadonlyArray<GenerateEvent>,
  { logprobs }: { readonly logprobs: boolean }
): ChatCompletion | null => {
  const finished = events.at(-1)
  if (finished?._tag !== "Finished") return null
  return {
    id: answer.id,
    object: "chat.completion",
    created: answer.created,
    model: answer.model,
    choices: [
      {
        index: 0,
        message: answerMessage(events),
        logprobs: logprobs ? logProbs(events.flatMap(likelihoodsOf)) : null,
        finish_reason: finished.finishReason
      }
    ],
    usage: wireUsage(finished.usage)
  }
}

interface ChunkDetails {
  readonly finishReason?: FinishReason
  readonly likelihoods?: ReadonlyArray<TokenLikelihood>
}

/** Event -> chunks: role first, one delta kind per chunk, usage last and only when asked for. */
export const chatChunks = (
  answer: AnswerHead,
  includeUsage: boolean
): ((event: GenerateEvent) => ReadonlyArray<ChatChunk>) => {
  const base = { id: answer.id, object: "chat.completion.chunk", created: answer.created, model: answer.model } as const
  const noUsage = includeUsage ? { usage: null } : {}
  const chunk = (delta: typeof Delta.Type, { finishReason, likelihoods }: ChunkDetails = {}): ChatChunk => ({
    ...base,
    choices: [
      {
        index: 0,
        delta,
        logprobs: likelihoods === undefined ? null : logProbs(likelihoods),
        finish_reason: finishReason ?? null
      }
    ],
    ...noUsage
  })
  return (event) => {
    switch (event._tag) {
      case "Started":
        return [chunk({ role: "assistant", content: "" })]
      case "Reasoning":
        return event.text === "" ? [] : [chunk({ reasoning_content: event.text })]
      case "Delta":
        return event.text === "" ? [] : [chunk({ content: event.text }, event)]
      case "ToolCall":
        return [chunk({ tool_calls: [{ index: event.index, ...wireCall(event.call) }] })]
      case "Finished": {
        const last = chunk({}, event)
        return includeUsage ? [last, { ...base, choices: [], usage: wireUsage(event.usage) }] : [last]
      }
    }
  }
}

export const chatErrorChunk = (answer: AnswerHead, envelope: ErrorEnvelope): ChatErrorChunk => ({
  id: answer.id,
  object: "chat.completion.chunk",
  created: answer.created,
  model: answer.model,
  choices: [],
  ...envelope
})
