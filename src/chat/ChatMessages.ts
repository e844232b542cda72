/** Messages of a request in the shape that chat templates know, and other shapes to try where a template refuses them. Pure. */

import { type ContentPart, type Message, textOf } from "../domain/Generation.js"
import type { JsonObject } from "../domain/JsonFile.js"
import { ExactJson } from "./jinja/FromJson.js"
import { readJson } from "./toolcalls/JsonReader.js"

/** An object as Python's `json.loads` reads it; null for any other text. */
const exactObject = (text: string): ExactJson | null => {
  const literal = readJson(text, { python: true })
  return literal?.kind === "object" ? new ExactJson(literal) : null
}

/** A tool as templates are given it. */
export const templateTool = (tool: JsonObject | string): unknown =>
  typeof tool === "string" ? exactObject(tool) : tool

/** A message with the member names of OpenAI's API, which templates are written for. */
export const templateMessage = ({ content, name, reasoning, role, toolCallId, toolCalls }: Message): JsonObject => ({
  role,
  content,
  ...(name === undefined ? {} : { name }),
  ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
  ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
  ...(toolCalls === undefined
    ? {}
    : {
        tool_calls: toolCalls.map(({ arguments: text, id, name }) => ({
          id,
          type: "function",
          // Templates want an object; what isn't one stays text (spec 03 §4).
          function: { name, arguments: exactObject(text) ?? text }
        }))
      })
})

const isText = (part: ContentPart): boolean => part.type === "text"

/** Lists of nothing but text as one text: clients send them even to templates that know no lists. */
const flattened = (message: Message): Message =>
  Array.isArray(message.content) && message.content.every(isText) ? { ...message, content: textOf(message) } : message

/** Neighbours of one role as one message; only plain ones, which hold nothing but text. */
const merged = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => {
  const isPlain = ({ content, role, toolCalls }: Message) =>
    typeof content === "string" && toolCalls === undefined && role !== "tool"
  const result: Array<Message> = []
  for (const message of messages) {
    const last = result.at(-1)
    if (last !== undefined && last.role === message.role && isPlain(last) && isPlain(message)) {
      result[result.length - 1] = { ...last, content: `${textOf(last)}\n\n${textOf(message)}` }
    } else result.push(message)
  }
  return result
}

/** System messages first, so that they become one. */
const systemFirst = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> => [
  ...messages.filter(({ role }) => role === "system"),
  ...messages.filter(({ role }) => role !== "system")
]

/** Some templates want just so many letters and digits for the id of a call. */
const SHORT_ID = 9

/** The same id for the same id. */
const shortId = (id: string): string =>
  id
    .replaceAll(/[^A-Za-z0-9]/g, "")
    .slice(-SHORT_ID)
    .padStart(SHORT_ID, "0")

const withShortIds = (message: Message): Message => {
  const { toolCallId, toolCalls } = message
  if (toolCallId === undefined && toolCalls === undefined) return message
  return {
    ...message,
    ...(toolCallId === undefined ? {} : { toolCallId: shortId(toolCallId) }),
    ...(toolCalls === undefined ? {} : { toolCalls: toolCalls.map((call) => ({ ...call, id: shortId(call.id) })) })
  }
}

/** The messages as they came, then the shapes for templates that refuse them (spec 03 §4, §7.2), each only if it differs. */
export const shapesOf = (messages: ReadonlyArray<Message>): ReadonlyArray<ReadonlyArray<Message>> => {
  const flat = messages.map(flattened)
  const one = merged(systemFirst(flat))
  const shapes = [messages, flat, one, one.map(withShortIds)]
  return shapes.filter((shape, i) => i === 0 || differs(shape, shapes[i - 1] ?? []))
}

const differs = (a: ReadonlyArray<Message>, b: ReadonlyArray<Message>): boolean =>
  a.length !== b.length || a.some((message, i) => message !== b[i])
