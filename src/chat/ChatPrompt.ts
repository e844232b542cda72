/** A chat to a prompt, as transformers' `apply_chat_template` makes it. Pure. */
import type { JsonObject } from "../domain/JsonFile.js"
import { TemplateFailure, valueError } from "./jinja/Failure.js"
import { fromJson } from "./jinja/FromJson.js"
import { stripped } from "./jinja/Splitting.js"
import { compile, type Template } from "./jinja/Template.js"
import { joined, raw, type Str, sliced, userText } from "./jinja/Text.js"
import { Dict, isList, isStr, type Value } from "./jinja/Values.js"

/** What a template is given, in the shape that templates know. */
export interface TemplateInput {
  readonly messages: ReadonlyArray<JsonObject>
  readonly tools: ReadonlyArray<unknown> | null
  readonly addGenerationPrompt: boolean
  /** The prompt ends inside the last message, which the answer goes on with. */
  readonly continueFinalMessage: boolean
  /** Further variables, such as `enable_thinking`; they win over everything else. */
  readonly templateArguments: JsonObject
}

/** Makes the prompt; throws a TemplateFailure. Its text knows which parts came with the chat. */
export type RenderChat = (input: TemplateInput, now: () => Date) => Str

const REASONING_KEYS = ["reasoning_content", "thinking", "reasoning"] as const
const CONTINUE_TAG = "CONTINUE_FINAL_MESSAGE_TAG "

/** Keys that can't hold the text of a control token need no mark. */
const WORD = /^\w*$/
const keyText = (key: string): Str => (WORD.test(key) ? key : userText(key))

/** Reasoning under every name that templates read it by. */
const withReasoning = (message: JsonObject): JsonObject => {
  const reasoning = REASONING_KEYS.map((key) => message[key]).find((value) => value !== undefined)
  return reasoning === undefined ? message : { thinking: reasoning, ...message, reasoning_content: reasoning }
}

/** Roles are a fixed set of words that templates build control tokens of; everything else is the request's text. */
const messageOf = (message: JsonObject, count: (s: string) => Str): Dict => {
  const present = Object.fromEntries(
    Object.entries(message).filter(([, value]) => value !== null && value !== undefined)
  )
  return Dict.of(
    Object.entries(withReasoning(present)).map(([key, value]) => [
      keyText(key),
      key === "role" && typeof value === "string" ? value : fromJson(value, count, keyText)
    ])
  )
}

const replaced = (dict: Dict, key: string, value: Value): Dict => Dict.of([...dict.entries(), [key, value]])

const noText = () =>
  valueError("continue_final_message is set but we could not find any text to continue in the final message!")

/** The content with the tag at the end of its text, and that text. */
const tagged = (content: Value | undefined): { readonly text: Str; readonly content: Value } => {
  if (content !== undefined && isStr(content)) return { text: content, content: joined([content, CONTINUE_TAG]) }
  if (content === undefined || !isList(content)) throw noText()
  const at = content.findLastIndex((part) => part instanceof Dict && part.has("text"))
  const part = content[at]
  const text = part instanceof Dict ? part.getName("text") : undefined
  if (!(part instanceof Dict) || text === undefined || !isStr(text)) throw noText()
  return { text, content: content.with(at, replaced(part, "text", joined([text, CONTINUE_TAG]))) }
}

/** The prompt up to the tag; white space before it goes where the template trims its messages. */
const cutAtTag = (prompt: Str, text: Str): Str => {
  const tag = CONTINUE_TAG.trim()
  const at = raw(prompt).lastIndexOf(tag)
  if (at < 0 || !raw(prompt).includes(raw(stripped(text, null, true, true)))) {
    throw valueError(
      "continue_final_message is set but the final message does not appear in the chat after applying the chat template!"
    )
  }
  const before = sliced(prompt, 0, at)
  return raw(prompt).startsWith(CONTINUE_TAG, at) ? before : stripped(before, null, false, true)
}

const render = (template: Template, variables: ReadonlyMap<string, Value>, inputChars: number, now: () => Date): Str =>
  template(variables, { now, inputChars })

/** Compiles a template, to be rendered with these special tokens (`bos_token` and so on). Throws a TemplateFailure. */
export const compileChat = (source: string, specialTokens: Readonly<Record<string, string>>): RenderChat => {
  const template = compile(source)
  return ({ addGenerationPrompt, continueFinalMessage, messages, templateArguments, tools }, now) => {
    let inputChars = 0
    const count = (s: string): Str => {
      inputChars += s.length
      return userText(s)
    }
    if (messages.length === 0) {
      throw valueError("Cannot apply chat template to an empty conversation. Provide at least one message.")
    }
    if (addGenerationPrompt && continueFinalMessage) {
      throw valueError("continue_final_message and add_generation_prompt are not compatible.")
    }
    const chat = messages.map((message) => messageOf(message, count))
    const variables = new Map<string, Value>([
      ...Object.entries(specialTokens),
      ["messages", chat],
      ["tools", fromJson(tools, count, keyText)],
      ["documents", null],
      ["add_generation_prompt", addGenerationPrompt],
      ...Object.entries(templateArguments).map(([key, value]) => [key, fromJson(value, count, keyText)] as const)
    ])
    if (!continueFinalMessage) return render(template, variables, inputChars, now)
    const last = chat.at(-1)
    if (last === undefined || !source.includes("content")) throw noText()
    const { content, text } = tagged(last.getName("content"))
    variables.set("messages", [...chat.slice(0, -1), replaced(last, "content", content)])
    return cutAtTag(render(template, variables, inputChars, now), text)
  }
}

/** Whether another form of the messages may fare better: not where the template asks for too much. */
export const isRefusal = (error: unknown): error is TemplateFailure =>
  error instanceof TemplateFailure && error.kind !== "limit" && error.kind !== "syntax"
