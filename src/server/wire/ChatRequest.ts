/** `POST /v1/chat/completions`: OpenAI's request, translated to the domain's words (spec 03 §3, §4). Pure. */
import { Either, Schema } from "effect"
import { InvalidRequest, UnsupportedParameter } from "../../domain/Errors.js"
import type { ChatOptions, GenerateOptions, Message } from "../../domain/Generation.js"
import type { JsonObject } from "../../domain/JsonFile.js"
import type { ReasoningPresentation } from "../../domain/Reasoning.js"
import { anyObject, atLeast, decoder, filledText, flag, list, oneOf, optional, shortText } from "./Fields.js"
import type { JsonBody } from "./Json.js"
import { Messages, toMessage } from "./Messages.js"
import { constraintFields, constraintOf, constraintProblem } from "./ResponseFormat.js"
import { samplingFields, samplingProblem, toSampling } from "./Sampling.js"
import { mostCalls, shownTools, toolFields, toolProblem } from "./Tools.js"
import { unsupportedParameter } from "./Unsupported.js"

/** Editors send dozens of stop strings; OpenAI's four are not enough (spec 03 §3). */
const MAX_STOPS = 64
const MAX_MODEL_NAME_BYTES = 256

export const ChatRequest = Schema.Struct({
  model: shortText(MAX_MODEL_NAME_BYTES),
  messages: Messages,
  stream: optional(flag),
  stream_options: optional(Schema.Struct({ include_usage: optional(flag) })),
  max_tokens: optional(atLeast(1)),
  max_completion_tokens: optional(atLeast(1)),
  min_tokens: optional(atLeast(0)),
  ignore_eos: optional(flag),
  stop: optional(
    Schema.Union(
      filledText,
      list(filledText, { max: MAX_STOPS, phrase: `a list of at most ${MAX_STOPS} non-empty strings` })
    )
  ),
  stop_token_ids: optional(list(atLeast(0), { max: MAX_STOPS, phrase: `a list of at most ${MAX_STOPS} token ids` })),
  ...samplingFields,
  ...toolFields,
  ...constraintFields,
  reasoning_effort: optional(oneOf("none", "minimal", "low", "medium", "high", "xhigh", "max")),
  reasoning_format: optional(oneOf("separate", "inline", "hidden")),
  include_reasoning: optional(flag),
  chat_template_kwargs: optional(anyObject),
  add_generation_prompt: optional(flag),
  continue_final_message: optional(flag)
})
type ChatRequest = typeof ChatRequest.Type

/** A chat request in the domain's words. */
export interface ChatTask {
  /** As the client wrote it; answers repeat it. */
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly reasoning: ReasoningPresentation
  /** The field that asks for the answer's form; null where it is free. */
  readonly formParam: string | null
  readonly options: GenerateOptions
}

/** Half of the context at most, unless the client says more: protection against endless answers (spec 02 §4.2). */
const SERVER_CONTEXT_SHARE = 0.5

/** The words that harmony's templates know; other templates have a switch (spec 03 §9). */
const EFFORTS: Readonly<Record<NonNullable<ChatRequest["reasoning_effort"]>, JsonObject>> = {
  none: { reasoning_effort: "low", enable_thinking: false },
  minimal: { reasoning_effort: "low", enable_thinking: false },
  low: { reasoning_effort: "low" },
  medium: { reasoning_effort: "medium" },
  high: { reasoning_effort: "high" },
  xhigh: { reasoning_effort: "high" },
  max: { reasoning_effort: "high" }
}

const templateArguments = ({ chat_template_kwargs, reasoning_effort }: ChatRequest) => {
  const all = { ...(reasoning_effort === null ? {} : EFFORTS[reasoning_effort]), ...chat_template_kwargs }
  return Object.keys(all).length === 0 ? {} : { templateArguments: all }
}

/** An answer that the client has begun is gone on with (spec 03 §4), unless it asks for a new one. */
const continues = (request: ChatRequest, last: Message | undefined): boolean =>
  request.continue_final_message ??
  (request.add_generation_prompt !== true &&
    last?.role === "assistant" &&
    last.toolCalls === undefined &&
    last.content !== "")

const toChat = (request: ChatRequest, body: string): ChatOptions => {
  const messages = request.messages.map(toMessage)
  return {
    messages,
    ...shownTools(request, body),
    ...templateArguments(request),
    ...(continues(request, messages.at(-1)) ? { continueFinalMessage: true } : {})
  }
}

const toTask = (request: ChatRequest, body: string, serverMaxTokens: number | null): ChatTask => {
  const constraint = constraintOf(request)
  return {
    model: request.model,
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    reasoning: request.reasoning_format ?? (request.include_reasoning === false ? "hidden" : "separate"),
    formParam: constraint?.[0] ?? null,
    options: {
      input: { _tag: "Chat", ...toChat(request, body) },
      sampling: toSampling(request),
      maxTokens: request.max_completion_tokens ?? request.max_tokens ?? serverMaxTokens,
      contextShare: SERVER_CONTEXT_SHARE,
      stop: typeof request.stop === "string" ? [request.stop] : (request.stop ?? []),
      ...mostCalls(request),
      ...(constraint === null ? {} : { constraint: constraint[1] }),
      ...(request.min_tokens === null ? {} : { minTokens: request.min_tokens }),
      ...(request.ignore_eos === true ? { ignoreEndTokens: true } : {}),
      ...(request.stop_token_ids === null ? {} : { stopTokenIds: request.stop_token_ids })
    }
  }
}

/** Where fields don't fit each other. */
const misfit = (request: ChatRequest): InvalidRequest | UnsupportedParameter | null => {
  const { add_generation_prompt, continue_final_message } = request
  if (add_generation_prompt === true && continue_final_message === true) {
    return new InvalidRequest({ param: "continue_final_message", problem: "can't be used with add_generation_prompt" })
  }
  if (add_generation_prompt === false && continue_final_message !== true) {
    return new UnsupportedParameter({ param: "add_generation_prompt", problem: "needs continue_final_message" })
  }
  return samplingProblem(request) ?? toolProblem(request) ?? constraintProblem(request)
}

const decode = decoder(ChatRequest)

/** `serverMaxTokens` is the limit for requests that set none; null leaves it to the context (spec 02 §4.2). */
export const decodeChatRequest = (
  { data, text }: JsonBody,
  serverMaxTokens: number | null
): Either.Either<ChatTask, InvalidRequest | UnsupportedParameter> =>
  Either.gen(function* () {
    const unsupported = unsupportedParameter(data)
    if (unsupported !== null) return yield* Either.left(unsupported)
    const request = yield* decode(data)
    const problem = misfit(request)
    return problem === null ? toTask(request, text, serverMaxTokens) : yield* Either.left(problem)
  })
