/** The prompt of a chat: by the model's template, or without one as labelled turns. Templates come with the model and are hostile. */
import type { ChatOptions, Message } from "../domain/Generation.js"
import { textOf } from "../domain/Generation.js"
import { shapesOf, templateMessage, templateTool } from "./ChatMessages.js"
import { compileChat, isRefusal, type RenderChat } from "./ChatPrompt.js"
import type { Span } from "./ControlTokens.js"
import { TemplateFailure } from "./jinja/Failure.js"
import { rangesOf, raw, type Str } from "./jinja/Text.js"

/** Most characters a template may have; real ones have up to 20,000. */
export const MAX_TEMPLATE_CHARS = 1_000_000

/** The text of a prompt and the parts of it that came with the request: control tokens are only read outside of them. */
export interface PromptText {
  readonly text: string
  readonly plain: ReadonlyArray<Span>
}

/** A compiled template. Throws a TemplateFailure. */
export type ChatTemplate = (chat: ChatOptions, now: () => Date) => PromptText

const promptText = (prompt: Str): PromptText => {
  const ranges = rangesOf(prompt)
  return {
    text: raw(prompt),
    plain: ranges.flatMap((start, i) => (i % 2 === 0 ? [{ start, end: ranges[i + 1] ?? start }] : []))
  }
}

/** What is rendered of the first shape of the messages that the template takes; its refusal of the first one, if it takes none. */
const firstTaken = (render: RenderChat, chat: ChatOptions, now: () => Date): Str => {
  const { continueFinalMessage = false, messages, templateArguments = {} } = chat
  const tools = chat.tools?.map(templateTool) ?? null
  const failures: Array<unknown> = []
  for (const shape of shapesOf(messages)) {
    try {
      const input = { messages: shape.map(templateMessage), tools, templateArguments, continueFinalMessage }
      return render({ ...input, addGenerationPrompt: !continueFinalMessage }, now)
    } catch (error) {
      if (!isRefusal(error)) throw error
      failures.push(error)
    }
  }
  throw failures[0]
}

/** Throws a TemplateFailure when the template is too long or isn't Jinja. */
export const compileTemplate = (source: string, specialTokens: Readonly<Record<string, string>>): ChatTemplate => {
  if (source.length > MAX_TEMPLATE_CHARS) {
    throw new TemplateFailure("limit", `longer than ${MAX_TEMPLATE_CHARS} characters`, null)
  }
  const render = compileChat(source, specialTokens)
  return (chat, now) => promptText(firstTaken(render, chat, now))
}

const NAMES: Readonly<Record<Message["role"], string>> = {
  system: "System",
  user: "Human",
  assistant: "Assistant",
  tool: "Tool"
}

/** The prompt of a model without a template (spec 02 §5.2). */
export const fallbackPrompt = ({ continueFinalMessage = false, messages }: ChatOptions): PromptText => {
  const turns = messages.map((message) => `${NAMES[message.role]}: ${textOf(message)}`)
  const text = [...turns, ...(continueFinalMessage ? [] : ["Assistant: "])].join("\n\n")
  return { text, plain: [{ start: 0, end: text.length }] }
}

/** Longest part of a template's own error text that is shown. */
const MAX_PROBLEM_CHARS = 200

const oneLine = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .slice(0, MAX_PROBLEM_CHARS)

/** Whether the template is to blame, whatever the messages are. */
export const isExcessive = (error: unknown): boolean =>
  error instanceof TemplateFailure &&
  (error.kind === "limit" || error.kind === "security" || error.python === "OverflowError")

/** Why a template gives no prompt, as one short line: what it raises is written by the model's author. */
export const templateProblem = (error: unknown): string => {
  if (!(error instanceof TemplateFailure)) return "it fails on them"
  const { kind, line, message } = error
  const text = oneLine(message)
  if (kind === "raise") return text === "" ? "it fails on them" : text
  const where = typeof line === "number" ? ` in line ${line}` : ""
  return kind === "undefined" || kind === "runtime" ? `it fails on them${where}: ${text}` : `${text}${where}`
}
