/** Chat answers as OpenAI's clients read them: one document, or chunks (spec 02 §2.9, spec 03 §5, §6). Pure. */
import { Schema } from "effect"
import { FinishReason, type GenerateEvent, type Usage } from "../../domain/Generation.js"
import { ErrorBody, type ErrorEnvelope } from "./Envelope.js"

const WireUsage = Schema.Struct({
  prompt_tokens: Schema.Int,
  completion_tokens: Schema.Int,
  total_tokens: Schema.Int,
  prompt_tokens_details: Schema.Struct({ cached_tokens: Schema.Int }),
  completion_tokens_details: Schema.Struct({ reasoning_tokens: Schema.Int })
})

const head = { id: Schema.String, created: Schema.Int, model: Schema.String }

export const ChatCompletion = Schema.Struct({
  ...head,
  object: Schema.Literal("chat.completion"),
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      message: Schema.Struct({ role: Schema.Literal("assistant"), content: Schema.String, refusal: Schema.Null }),
      logprobs: Schema.Null,
      finish_reason: FinishReason
    })
  ),
  usage: WireUsage
})
export type ChatCompletion = typeof ChatCompletion.Type

const exact = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** `usage` is present in every chunk or in none; null in all but the last (spec 02 §2.9(6)). */
export const ChatChunk = Schema.Struct({
  ...head,
  object: Schema.Literal("chat.completion.chunk"),
  choices: Schema.Array(
    Schema.Struct({
      index: Schema.Int,
      delta: Schema.Struct({ role: exact(Schema.Literal("assistant")), content: exact(Schema.String) }),
      logprobs: Schema.Null,
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

const wireUsage = ({ completionTokens, promptTokens }: Usage): typeof WireUsage.Type => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 }
})

export const chatCompletion = (
  answer: AnswerHead,
  content: string,
  finishReason: FinishReason,
  usage: Usage
): ChatCompletion => ({
  id: answer.id,
  object: "chat.completion",
  created: answer.created,
  model: answer.model,
  choices: [
    {
      index: 0,
      message: { role: "assistant", content, refusal: null },
      logprobs: null,
      finish_reason: finishReason
    }
  ],
  usage: wireUsage(usage)
})

/** Event -> chunks: role first, one delta kind per chunk, usage last and only when asked for. */
export const chatChunks = (
  answer: AnswerHead,
  includeUsage: boolean
): ((event: GenerateEvent) => ReadonlyArray<ChatChunk>) => {
  const base = { id: answer.id, object: "chat.completion.chunk", created: answer.created, model: answer.model } as const
  const noUsage = includeUsage ? { usage: null } : {}
  const chunk = (delta: ChatChunk["choices"][number]["delta"], finishReason: FinishReason | null): ChatChunk => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
    ...noUsage
  })
  return (event) => {
    switch (event._tag) {
      case "Started":
        return [chunk({ role: "assistant", content: "" }, null)]
      case "Delta":
        return event.text === "" ? [] : [chunk({ content: event.text }, null)]
      case "Finished": {
        const last = chunk({}, event.finishReason)
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
