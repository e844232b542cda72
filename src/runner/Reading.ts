/** How the text of a request's answer is read (spec 02 §5.5, spec 03 §7). Pure. */
import type { AnswerStreamOptions } from "../chat/AnswerStream.js"
import { promptOpens } from "../chat/reasoning/Formats.js"
import type { GenerateOptions } from "../domain/Generation.js"
import type { CheckpointText } from "./CheckpointText.js"

/** Everything but how ids are made. */
export type Reading = Omit<AnswerStreamOptions, "newCallId">

/** Who writes the whole prompt gets the whole text. Calls are read where the chat has tools. */
export const readingOf = (
  text: Pick<CheckpointText, "reasoning" | "toolFormat">,
  { input, maxToolCalls, stop }: GenerateOptions,
  prompt: string
): Reading => {
  const tools = input._tag === "Chat" ? input.tools : undefined
  const reasoning = input._tag === "Raw" ? null : text.reasoning
  return {
    reasoning,
    promptOpen: reasoning !== null && promptOpens(reasoning, prompt),
    toolFormat: tools === undefined ? null : text.toolFormat,
    tools: (tools ?? []).map((tool): unknown => (typeof tool === "string" ? JSON.parse(tool) : tool)),
    maxCalls: maxToolCalls ?? Number.POSITIVE_INFINITY,
    stop
  }
}
