/**
 * The text of an answer as what a client sees of it: reasoning, content, tool calls, and why it ended. Stop strings count in
 * the content only (spec 02 §6.4, R6.8). How the text is cut into pieces makes no difference to the whole. Pure.
 */
import type { AnswerPart, Splitter, ToolCall } from "./AnswerPart.js"
import { REASONING_FORMATS, type ReasoningFormat, reasoningMarks, reasoningSplitter } from "./reasoning/Formats.js"
import { makeStopMatcher } from "./StopMatcher.js"
import type { Tools } from "./toolcalls/Calls.js"
import { TOOL_FORMATS, type ToolFormat, type ToolFormatName, toolMarks, toolSplitter } from "./toolcalls/Formats.js"
import { plainSplitter } from "./toolcalls/LlamaSplitter.js"

export type AnswerEvent =
  | { readonly _tag: "Reasoning"; readonly text: string }
  | { readonly _tag: "Content"; readonly text: string }
  /** A whole call; `index` counts from 0 in the order of the answer. */
  | { readonly _tag: "ToolCall"; readonly index: number; readonly call: ToolCall & { readonly id: string } }

export type AnswerEnd = "stop" | "length" | "tool_calls"

export interface AnswerStreamOptions {
  /** Null where the model doesn't reason. */
  readonly reasoning: ReasoningFormat | null
  /** Whether the prompt ended inside the reasoning. */
  readonly promptOpen: boolean
  /** Null where no tools may be called: markup of calls is content then (spec 03 §0.1(9)). */
  readonly toolFormat: ToolFormatName | null
  readonly tools: Tools
  /** Most calls of one answer: 1 without `parallel_tool_calls`. */
  readonly maxCalls: number
  readonly stop: ReadonlyArray<string>
  /** Makes the id of a call to which the model gave none. */
  readonly newCallId: () => string
}

export interface AnswerStream {
  readonly push: (text: string) => ReadonlyArray<AnswerEvent>
  /** The rest, and how the answer ended, when the generation ended by itself (`stop`) or at its limit (`length`). */
  readonly finish: (reason: "stop" | "length") => {
    readonly events: ReadonlyArray<AnswerEvent>
    readonly finishReason: AnswerEnd
  }
  /** Nothing more will come: generation is to end. */
  readonly stopped: () => boolean
  /** The stop string that ended the answer. */
  readonly matchedStop: () => string | null
  /** Whether the next token is reasoning: such tokens are counted, and aren't constrained. */
  readonly inReasoning: () => boolean
}

/** Marks that must reach an answer's text to be read from it, though they may be special tokens. */
export const answerMarks = (options: Pick<AnswerStreamOptions, "reasoning" | "toolFormat">): ReadonlySet<string> =>
  new Set([
    ...(options.reasoning === null ? [] : reasoningMarks(options.reasoning)),
    ...(options.toolFormat === null ? [] : toolMarks(options.toolFormat))
  ])

const isHarmony = (name: ToolFormatName | null): boolean => {
  const format: ToolFormat | null = name === null ? null : TOOL_FORMATS[name]
  return format?._tag === "Harmony"
}

const plain = { ...plainSplitter, inReasoning: () => false }

export const answerStream = (options: AnswerStreamOptions): AnswerStream => {
  const { maxCalls, newCallId, promptOpen, stop, toolFormat, tools } = options
  const calls = isHarmony(toolFormat)
  const format = calls ? REASONING_FORMATS.harmony : options.reasoning
  const outer = format === null ? plain : reasoningSplitter(format, { promptOpen, calls })
  const inner: Splitter = toolFormat === null ? plainSplitter : toolSplitter(toolFormat, tools)
  const matcher = makeStopMatcher(stop)
  let called = 0
  const stopped = () => matcher.stopped() || called >= maxCalls

  const event = (part: AnswerPart): ReadonlyArray<AnswerEvent> => {
    if (stopped()) return []
    switch (part._tag) {
      case "Reasoning":
        return [part]
      case "Content": {
        const text = matcher.push(part.text)
        return text === "" ? [] : [{ _tag: "Content", text }]
      }
      case "ToolCall": {
        const { call } = part
        return [{ _tag: "ToolCall", index: called++, call: { ...call, id: call.id ?? newCallId() } }]
      }
    }
  }
  const through = (part: AnswerPart): ReadonlyArray<AnswerPart> =>
    part._tag === "Content" ? inner.push(part.text) : [part]

  return {
    push: (text) => outer.push(text).flatMap(through).flatMap(event),
    finish: (reason) => {
      const parts = [...outer.finish().flatMap(through), ...inner.finish()]
      const events = parts.flatMap(event)
      const rest = matcher.stopped() ? "" : matcher.finish()
      const ended = matcher.stopped() ? "stop" : reason
      return {
        events: rest === "" ? events : [...events, { _tag: "Content", text: rest }],
        finishReason: called > 0 && (ended === "stop" || called >= maxCalls) ? "tool_calls" : ended
      }
    },
    stopped,
    matchedStop: matcher.matched,
    inReasoning: outer.inReasoning
  }
}
