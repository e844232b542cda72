/** Messages of a chat request, translated to the domain's (spec 03 §4). Pure. */
import { Schema } from "effect"
import type { Message } from "../../domain/Generation.js"
import { filledText, list, oneOf, optional, requiring, text } from "./Fields.js"

/** Far above what a conversation needs; each costs time while every other request waits. */
const MAX_MESSAGES = 10_000
const MAX_PARTS = 1000
const MAX_CALLS = 1000

const Part = requiring(
  Schema.Struct({ type: oneOf("text", "refusal"), text: optional(text), refusal: optional(text) }),
  ({ type }) => type
)

const Call = Schema.Struct({
  id: filledText,
  type: optional(oneOf("function")),
  function: Schema.Struct({ name: filledText, arguments: text })
})

const WireMessage = requiring(
  Schema.Struct({
    role: oneOf("system", "developer", "user", "assistant", "tool"),
    content: optional(
      Schema.Union(text, list(Part, { max: MAX_PARTS, phrase: `a list of at most ${MAX_PARTS} text parts` }))
    ),
    name: optional(text),
    reasoning_content: optional(text),
    reasoning: optional(text),
    tool_calls: optional(list(Call, { max: MAX_CALLS, phrase: `a list of at most ${MAX_CALLS} tool calls` })),
    tool_call_id: optional(text)
  }),
  ({ role, tool_call_id, tool_calls }) => {
    if (role === "tool" && tool_call_id === null) return "tool_call_id"
    // A call says enough.
    return role === "assistant" && tool_calls !== null && tool_calls.length > 0 ? "tool_calls" : "content"
  }
)
type WireMessage = typeof WireMessage.Type

export const Messages = list(WireMessage, {
  min: 1,
  max: MAX_MESSAGES,
  phrase: `a list of 1 to ${MAX_MESSAGES} messages`
})

const contentOf = ({ content }: WireMessage): string | null =>
  typeof content === "string" || content === null ? content : content.map((part) => part[part.type]).join(" ")

/** Of clients' two names for it the first one wins. */
const reasoningOf = ({ reasoning, reasoning_content }: WireMessage) => {
  const thought = reasoning_content ?? reasoning
  return thought === null ? {} : { reasoning: thought }
}

const callsOf = ({ tool_calls }: WireMessage) =>
  tool_calls === null || tool_calls.length === 0
    ? {}
    : {
        toolCalls: tool_calls.map(({ function: { arguments: args, name }, id }) => ({ id, name, arguments: args }))
      }

export const toMessage = (message: WireMessage): Message => ({
  role: message.role === "developer" ? "system" : message.role,
  content: contentOf(message),
  ...(message.name === null ? {} : { name: message.name }),
  ...(message.role === "assistant" ? { ...reasoningOf(message), ...callsOf(message) } : {}),
  ...(message.role === "tool" && message.tool_call_id !== null ? { toolCallId: message.tool_call_id } : {})
})
