/** How the reasoning of an answer is shown (spec 02 §5.5, R5.7 and R5.8). Pure. */
import type { AnswerEvent } from "../AnswerStream.js"

/** `separate`: beside the content. `inline`: in the content, under headings. `hidden`: not at all. */
export type ReasoningPresentation = "separate" | "inline" | "hidden"

const REASONING_HEADING = "**[Reasoning]**\n\n"
const BREAK = "\n\n---\n\n"
const ANSWER_HEADING = `${BREAK}**[Answer]**\n\n`

/** Turns each event of one answer into what is shown of it. */
export const presentReasoning = (
  presentation: ReasoningPresentation
): ((event: AnswerEvent) => ReadonlyArray<AnswerEvent>) => {
  if (presentation === "separate") return (event) => [event]
  if (presentation === "hidden") return (event) => (event._tag === "Reasoning" ? [] : [event])
  let shown: "nothing" | "reasoning" | "answer" = "nothing"
  return (event) => {
    if (event._tag === "ToolCall") return [event]
    const before = shown
    if (event._tag === "Reasoning") {
      shown = "reasoning"
      const heading = before === "reasoning" ? "" : (before === "answer" ? BREAK : "") + REASONING_HEADING
      return [{ _tag: "Content", text: heading + event.text }]
    }
    shown = "answer"
    return [{ _tag: "Content", text: (before === "reasoning" ? ANSWER_HEADING : "") + event.text }]
  }
}
