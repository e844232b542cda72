/** A request to generate text and what comes back. The same schemas are the engine protocol's wire format. */
import { Either, Schema } from "effect"
import { Constraint } from "./Constraint.js"
import { parseJson } from "./Json.js"
import { isObject } from "./JsonFile.js"

export const Role = Schema.Literal("system", "user", "assistant", "tool")

/** A part of a message. Media are only named: a template puts its marks where they stand. */
export const ContentPart = Schema.Union(
  Schema.Struct({ type: Schema.Literal("text"), text: Schema.String }),
  Schema.Struct({ type: Schema.Literal("image", "audio", "video") })
)
export type ContentPart = typeof ContentPart.Type

/** A call of a tool in an assistant's message; `arguments` is JSON as the model wrote it. */
export const ToolCall = Schema.Struct({ id: Schema.String, name: Schema.String, arguments: Schema.String })
export type ToolCall = typeof ToolCall.Type

/** `content` null: an assistant's message of nothing but tool calls. */
export const Message = Schema.Struct({
  role: Role,
  content: Schema.NullOr(Schema.Union(Schema.String, Schema.Array(ContentPart))),
  /** The speaker's name, for templates that know it. */
  name: Schema.optionalWith(Schema.String, { exact: true }),
  /** What an assistant thought before it answered; used only where the template wants it (spec 02 R5.11). */
  reasoning: Schema.optionalWith(Schema.String, { exact: true }),
  toolCalls: Schema.optionalWith(Schema.Array(ToolCall), { exact: true }),
  /** In a tool's message: the call that it answers. */
  toolCallId: Schema.optionalWith(Schema.String, { exact: true })
})
export type Message = typeof Message.Type

/** The text of a message; media have none. */
export const textOf = ({ content }: Message): string => {
  if (content === null || typeof content === "string") return content ?? ""
  return content.map((part) => (part.type === "text" ? part.text : "")).join("")
}

const JsonRecord = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** Deepest nesting of a tool that is given as text. */
const MAX_TOOL_DEPTH = 128

const JsonObjectText = Schema.String.pipe(
  Schema.filter(
    (text) =>
      Either.match(parseJson(text, { maxDepth: MAX_TOOL_DEPTH }), { onLeft: () => false, onRight: isObject }) ||
      "must be the JSON text of an object"
  )
)

/** What a chat's prompt is made of. */
export const ChatOptions = Schema.Struct({
  messages: Schema.Array(Message).pipe(Schema.filter((all) => all.length > 0 || "must hold at least one message")),
  /**
   * Function definitions as OpenAI's API has them, each as data or as its JSON text: so the model's template prints numbers
   * and the order of names as they were written.
   */
  tools: Schema.optionalWith(Schema.Array(Schema.Union(JsonRecord, JsonObjectText)), { exact: true }),
  /** Variables of the template, such as `enable_thinking`. */
  templateArguments: Schema.optionalWith(JsonRecord, { exact: true }),
  /** The answer goes on with the last message instead of beginning one. */
  continueFinalMessage: Schema.optionalWith(Schema.Boolean, { exact: true })
})
export type ChatOptions = typeof ChatOptions.Type

/**
 * `Chat` is rendered with the model's chat template, without one as labelled turns. `Prompt` is a chat of one user message
 * for a model with a template, and encoded as it is for one without. `Raw` is always encoded as it is (spec 02 §5).
 */
export const GenerateInput = Schema.Union(
  Schema.TaggedStruct("Chat", ChatOptions.fields),
  Schema.TaggedStruct("Prompt", { text: Schema.String }),
  Schema.TaggedStruct("Raw", { text: Schema.String })
)
export type GenerateInput = typeof GenerateInput.Type

const between = (min: number, max: number) =>
  Schema.Number.pipe(Schema.filter((value) => (value >= min && value <= max) || `must be between ${min} and ${max}`))

const integerFrom = (min: number) =>
  Schema.Number.pipe(
    Schema.filter((value) => (Number.isSafeInteger(value) && value >= min) || `must be an integer of at least ${min}`)
  )

const positive = Schema.Number.pipe(
  Schema.filter((value) => (Number.isFinite(value) && value > 0) || "must be a number greater than 0")
)

const seed = Schema.Number.pipe(Schema.filter((value) => Number.isSafeInteger(value) || "must be an integer"))

/** Added to a token's logit; keys are token ids in decimal. */
const LogitBias = Schema.Record({
  key: Schema.String.pipe(Schema.pattern(/^(0|[1-9]\d{0,8})$/)),
  value: between(-100, 100)
})

/**
 * Sampler settings (spec 02 §7). Temperature 0 takes the likeliest token; `seed` null draws a fresh one. What is left out
 * does nothing.
 */
export const Sampling = Schema.Struct({
  temperature: between(0, 2),
  topP: between(0, 1),
  repetitionPenalty: positive,
  seed: Schema.NullOr(seed),
  /** Keeps so many of the likeliest tokens; below the size of the vocabulary. */
  topK: Schema.optional(integerFrom(1)),
  /** Drops tokens less likely than the likeliest times this. */
  minP: Schema.optional(between(0, 1)),
  /** How often all tokens above the threshold but the least likely of them are dropped. */
  xtcProbability: Schema.optional(between(0, 1)),
  xtcThreshold: Schema.optional(between(0, 0.5)),
  /** Taken from the logit of a token that is in the window, once. */
  presencePenalty: Schema.optional(between(-2, 2)),
  /** Taken from the logit of a token as often as it is in the window. */
  frequencyPenalty: Schema.optional(between(-2, 2)),
  /** Tokens that the three penalties look back; 0 for all. Without it 20. */
  penaltyWindow: Schema.optional(integerFrom(0)),
  /** Presence and frequency look at all generated tokens instead, as OpenAI has it. */
  penalizeWholeAnswer: Schema.optional(Schema.Boolean),
  logitBias: Schema.optional(LogitBias),
  /** Tells the log-probability of each token, and of so many of the likeliest. */
  logProbabilities: Schema.optional(Schema.Number.pipe(Schema.int(), Schema.between(0, 20)))
})
export type Sampling = typeof Sampling.Type

export const defaultSampling: Sampling = { temperature: 0.7, topP: 0.9, repetitionPenalty: 1.1, seed: null }

/** Turn markers a chat answer stops at (spec 02 §6.4). */
export const CHAT_STOPS: ReadonlyArray<string> = ["Human:", "Assistant:", "You:"].flatMap((turn) => [
  `\n${turn}`,
  `\n\n${turn}`
])

export const GenerateOptions = Schema.Struct({
  input: GenerateInput,
  sampling: Sampling,
  /** Upper bound on generated tokens; null means the limit of `contextShare`. Always bounded by context minus prompt. */
  maxTokens: Schema.NullOr(integerFrom(1)),
  /** Part of the context an answer without `maxTokens` may use: 1 for run, 0.5 for the server (spec 02 §4.2). */
  contextShare: between(0, 1),
  /** Text that ends the answer and is not part of it. A chat ends at turn markers too, without saying so here. */
  stop: Schema.Array(Schema.String),
  /** Most calls of the chat's tools in the answer; any number if absent. */
  maxToolCalls: Schema.optionalWith(integerFrom(1), { exact: true }),
  /** No token ends the answer before it has so many. */
  minTokens: Schema.optionalWith(integerFrom(0), { exact: true }),
  /** The model's own end tokens don't end the answer. */
  ignoreEndTokens: Schema.optionalWith(Schema.Boolean, { exact: true }),
  /** Further tokens that end the answer and are not part of it. */
  stopTokenIds: Schema.optionalWith(Schema.Array(integerFrom(0)), { exact: true }),
  /** What the answer must look like, its reasoning excepted. */
  constraint: Schema.optionalWith(Constraint, { exact: true })
})
export type GenerateOptions = typeof GenerateOptions.Type

/** `tool_calls`: the answer ended by itself, or at the most calls it may have, and has calls. */
export const FinishReason = Schema.Literal("stop", "length", "tool_calls")
export type FinishReason = typeof FinishReason.Type

/** Token counts; `completionTokens` includes the token that ended the answer, and the reasoning. */
export const Usage = Schema.Struct({
  promptTokens: Schema.Int,
  completionTokens: Schema.Int,
  reasoningTokens: Schema.Int
})
export type Usage = typeof Usage.Type

const likelihood = {
  /** The token's text by itself, with U+FFFD for parts of characters. */
  text: Schema.String,
  /** Its UTF-8. */
  bytes: Schema.Array(Schema.Int),
  /** Natural logarithm; minus infinity for what can't be. */
  logProbability: Schema.Number
}

/** How likely a token of the content was, and the likeliest ones in its place. */
export const TokenLikelihood = Schema.Struct({ ...likelihood, top: Schema.Array(Schema.Struct(likelihood)) })
export type TokenLikelihood = typeof TokenLikelihood.Type

/**
 * `Started` comes once, after the prompt is encoded and before the first token is computed; then the pieces of the answer in
 * order; `Finished` comes last. Joined `Delta`s are the content, joined `Reasoning`s what the model thought before it (spec 02
 * R5.6, R6.7); no text is empty. A `ToolCall` is whole, `index` counts from 0.
 */
export const GenerateEvent = Schema.Union(
  Schema.TaggedStruct("Started", { promptTokens: Schema.Int, contextLength: Schema.Int }),
  Schema.TaggedStruct("Reasoning", { text: Schema.String }),
  Schema.TaggedStruct("Delta", {
    text: Schema.String,
    /** Of the tokens whose text this piece brings to its end, where the request asks for them. */
    likelihoods: Schema.optionalWith(Schema.Array(TokenLikelihood), { exact: true })
  }),
  Schema.TaggedStruct("ToolCall", { index: Schema.Int, call: ToolCall }),
  Schema.TaggedStruct("Finished", { finishReason: FinishReason, usage: Usage })
)
export type GenerateEvent = typeof GenerateEvent.Type
