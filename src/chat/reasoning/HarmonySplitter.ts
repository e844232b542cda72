/**
 * Messages on channels, as gpt-oss writes them after a prompt that ends with `<|start|>assistant`: `analysis` is reasoning, a
 * message to a recipient is a call, everything else is the answer (spec 02 §5.5, R5.12). Pure.
 */
import {
  type AnswerPart,
  content,
  isBlank,
  partialLength,
  reasoning,
  type Splitter,
  type ToolCall,
  trim
} from "../AnswerPart.js"
import { readJson } from "../toolcalls/JsonReader.js"
import { toJson } from "../toolcalls/Literal.js"
import type { InReasoning } from "./TagSplitter.js"

export const HARMONY_TAGS = [
  "<|start|>",
  "<|channel|>",
  "<|message|>",
  "<|end|>",
  "<|return|>",
  "<|call|>",
  "<|constrain|>"
] as const
type Tag = (typeof HARMONY_TAGS)[number]

/** Other tags are text in a body. */
const BODY_ENDS: ReadonlyArray<Tag> = ["<|start|>", "<|channel|>", "<|end|>", "<|return|>", "<|call|>"]

const isTag = (text: string): text is Tag => HARMONY_TAGS.some((tag) => tag === text)
const ANY_TAG = /(<\|(?:start|channel|message|end|return|call|constrain)\|>)/

/**
 * `lead`: between messages, where the role is known from the prompt or text without a message begins. `role`: after
 * `<|start|>`. `channel`: after `<|channel|>`. `body`: after `<|message|>`.
 */
type Mode = "lead" | "role" | "channel" | "body"

const RECIPIENT = /to=(\S+)/
/** What may stand between messages without being text, and what may still become that. */
const HEADER = /^\s*(?:to=\S+\s*)?$/
const OPEN_HEADER = /^\s*(?:t|to|to=|to=\S+\s*)?$/
/** Longer texts are no headers: each token would have them read again. */
const MAX_HEADER = 1_024

const mayBe = (header: RegExp, text: string): boolean => text.length <= MAX_HEADER && header.test(text)

const callOf = (recipient: string, body: string): ToolCall | null => {
  const value = readJson(body)
  const name = recipient.replace(/^functions\./, "")
  return value?.kind === "object" ? { id: null, name, arguments: toJson(value) } : null
}

export interface HarmonyOptions {
  /** Whether messages to a recipient are calls. Else their text is part of the answer, as all text of a model. */
  readonly calls: boolean
}

export const harmonySplitter = ({ calls }: HarmonyOptions): Splitter & InReasoning => {
  let mode: Mode = "lead"
  let head = "" // of the message that begins, or text between messages that may become one
  let spaces = false // the head is white space
  let stray = false // the text between messages is part of the answer
  let channel: string | null = null
  let recipient: string | null = null
  let body = "" // of a call
  let held = "" // may become a tag
  const joined = { Reasoning: false, Content: false }

  /** Messages of a kind are lines of one text. */
  const open = (kind: "Reasoning" | "Content"): ReadonlyArray<AnswerPart> => {
    const separator = joined[kind] ? "\n" : ""
    joined[kind] = true
    return kind === "Reasoning" ? reasoning(separator) : content(separator)
  }
  const leave = (next: Mode, keepRecipient = false) => {
    mode = next
    head = ""
    stray = false
    channel = null
    if (!keepRecipient) recipient = null
  }
  const strayText = (text: string): ReadonlyArray<AnswerPart> => {
    if (trim(text) === "") return []
    const opened = stray ? [] : open("Content")
    stray = true
    return [...opened, ...content(text)]
  }
  /** Ends what a tag interrupts. */
  const end = (): ReadonlyArray<AnswerPart> => {
    if (mode === "lead") return stray ? [] : strayText(head)
    if (mode !== "body" || recipient === null || !calls) return []
    const call = callOf(recipient, body)
    return call === null ? [] : [{ _tag: "ToolCall", call }]
  }
  /** Text between messages that is no header is an answer without one. */
  const lead = (): ReadonlyArray<AnswerPart> => {
    if (mode !== "lead" || stray || mayBe(HEADER, head)) return []
    const parts = strayText(head)
    head = ""
    return parts
  }
  const readRecipient = () => RECIPIENT.exec(head)?.[1] ?? null

  const onChannel = (): ReadonlyArray<AnswerPart> => {
    const parts = mode === "body" ? end() : lead()
    const own = mode === "body" ? null : readRecipient()
    const kept = own ?? (mode === "role" ? recipient : null)
    leave("channel")
    recipient = kept
    return parts
  }
  const onMessage = (): ReadonlyArray<AnswerPart> => {
    const parts = lead()
    const named = mode === "channel" ? (head.trim().split(/\s+/)[0] ?? null) : null
    const to = readRecipient() ?? recipient
    leave("body")
    channel = named
    recipient = to
    body = ""
    if (recipient !== null && calls) return parts
    return [...parts, ...open(channel === "analysis" && recipient === null ? "Reasoning" : "Content")]
  }
  const onTag = (tag: Tag): ReadonlyArray<AnswerPart> => {
    switch (tag) {
      case "<|channel|>":
        return onChannel()
      case "<|message|>":
        return mode === "body" ? onText(tag) : onMessage()
      case "<|constrain|>":
        return onText(mode === "body" ? tag : " ")
      default: {
        const parts = end()
        leave(tag === "<|start|>" ? "role" : "lead")
        return parts
      }
    }
  }
  const onText = (text: string): ReadonlyArray<AnswerPart> => {
    if (mode === "body") {
      if (recipient !== null && calls) {
        body += text
        return []
      }
      return channel === "analysis" && recipient === null ? reasoning(text) : content(text)
    }
    if (mode === "lead" && stray) return content(text)
    const blank = mode === "lead" && isBlank(text) && (spaces || head === "")
    spaces = blank
    head += text
    return mode === "lead" && !blank && !mayBe(OPEN_HEADER, head) ? strayHead() : []
  }
  /** Length of the end that may become a tag which means something here. */
  const openLength = (text: string): number =>
    Math.max(...(mode === "body" ? BODY_ENDS : HARMONY_TAGS).map((tag) => partialLength(text, tag)))
  const strayHead = (): ReadonlyArray<AnswerPart> => {
    const parts = strayText(head)
    if (stray) head = ""
    return parts
  }
  return {
    push: (text) => {
      const parts: Array<AnswerPart> = []
      const pieces = (held + text).split(ANY_TAG)
      held = pieces.pop() ?? ""
      for (const piece of pieces) {
        if (piece !== "") parts.push(...(isTag(piece) ? onTag(piece) : onText(piece)))
      }
      const sure = held.slice(0, held.length - openLength(held))
      held = held.slice(sure.length)
      if (sure !== "") parts.push(...onText(sure))
      return parts
    },
    finish: () => {
      const parts = held === "" ? [] : onText(held)
      held = ""
      // A call that wasn't ended is none; a header alone shows nothing.
      return mode === "lead" && !stray ? [...parts, ...strayText(head)] : parts
    },
    inReasoning: () => mode === "body" && channel === "analysis" && recipient === null
  }
}
