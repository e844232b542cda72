/** `POST /v1/chat/completions`: OpenAI's request, translated to the domain's words (spec 03 §3, §4). Pure. */
import { Either, Schema } from "effect"
import type { InvalidRequest, UnsupportedParameter } from "../../domain/Errors.js"
import { defaultSampling, type GenerateOptions, type Message } from "../../domain/Generation.js"
import {
  atLeast,
  decoder,
  filledText,
  flag,
  list,
  oneOf,
  optional,
  positive,
  requiring,
  shortText,
  text,
  whole,
  within
} from "./Fields.js"
import { unsupportedParameter } from "./Unsupported.js"

/** Editors send dozens of stop strings; OpenAI's four are not enough (spec 03 §3). */
const MAX_STOPS = 64
const MAX_MODEL_NAME_BYTES = 256
/** Far above what a conversation needs; each costs time while every other request waits. */
const MAX_MESSAGES = 10_000
const MAX_PARTS = 1000

const Part = requiring(
  Schema.Struct({ type: oneOf("text", "refusal"), text: optional(text), refusal: optional(text) }),
  ({ type }) => type
)

const WireMessage = Schema.Struct({
  role: oneOf("system", "developer", "user", "assistant"),
  content: Schema.Union(text, list(Part, { max: MAX_PARTS, phrase: `a list of at most ${MAX_PARTS} text parts` }))
})

export const ChatRequest = Schema.Struct({
  model: shortText(MAX_MODEL_NAME_BYTES),
  messages: list(WireMessage, { min: 1, max: MAX_MESSAGES, phrase: `a list of 1 to ${MAX_MESSAGES} messages` }),
  stream: optional(flag),
  stream_options: optional(Schema.Struct({ include_usage: optional(flag) })),
  max_tokens: optional(atLeast(1)),
  max_completion_tokens: optional(atLeast(1)),
  temperature: optional(within(0, 2)),
  top_p: optional(within(0, 1)),
  stop: optional(
    Schema.Union(
      filledText,
      list(filledText, { max: MAX_STOPS, phrase: `a list of at most ${MAX_STOPS} non-empty strings` })
    )
  ),
  seed: optional(whole),
  repetition_penalty: optional(positive)
})

/** A chat request in the domain's words. */
export interface ChatTask {
  /** As the client wrote it; answers repeat it. */
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly options: GenerateOptions
}

/** Half of the context at most, unless the client says more: protection against endless answers (spec 02 §4.2). */
const SERVER_CONTEXT_SHARE = 0.5

const toMessage = ({ content, role }: typeof WireMessage.Type): Message => ({
  role: role === "developer" ? "system" : role,
  content: typeof content === "string" ? content : content.map((part) => part[part.type]).join(" ")
})

const toTask = (request: typeof ChatRequest.Type, serverMaxTokens: number | null): ChatTask => ({
  model: request.model,
  stream: request.stream ?? false,
  includeUsage: request.stream_options?.include_usage ?? false,
  options: {
    input: { _tag: "Chat", messages: request.messages.map(toMessage) },
    sampling: {
      temperature: request.temperature ?? defaultSampling.temperature,
      topP: request.top_p ?? defaultSampling.topP,
      repetitionPenalty: request.repetition_penalty ?? defaultSampling.repetitionPenalty,
      seed: request.seed ?? defaultSampling.seed
    },
    maxTokens: request.max_completion_tokens ?? request.max_tokens ?? serverMaxTokens,
    contextShare: SERVER_CONTEXT_SHARE,
    stop: typeof request.stop === "string" ? [request.stop] : (request.stop ?? [])
  }
})

const decode = decoder(ChatRequest)

/** `serverMaxTokens` is the limit for requests that set none; null leaves it to the context (spec 02 §4.2). */
export const decodeChatRequest = (
  data: unknown,
  serverMaxTokens: number | null
): Either.Either<ChatTask, InvalidRequest | UnsupportedParameter> => {
  const unsupported = unsupportedParameter(data)
  return unsupported === null
    ? Either.map(decode(data), (request) => toTask(request, serverMaxTokens))
    : Either.left(unsupported)
}
