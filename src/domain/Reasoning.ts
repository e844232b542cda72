/** How the reasoning of an answer is shown (spec 02 §5.5, R5.7 and R5.8). Pure. */
import type { GenerateEvent } from "./Generation.js"

/** `separate`: beside the content. `inline`: in the content, under headings. `hidden`: not at all. */
export type ReasoningPresentation = "separate" | "inline" | "hidden"

const REASONING_HEADING = "**[Reasoning]**\n\n"
const BREAK = "\n\n---\n\n"
const ANSWER_HEADING = `${BREAK}**[Answer]**\n\n`

/** Turns each event of one answer into what is shown of it. */
export const presentReasoning = (
  presentation: ReasoningPresentation
): ((event: GenerateEvent) => ReadonlyArray<GenerateEvent>) => {
  if (presentation === "separate") return (event) => [event]
  if (presentation === "hidden") return (event) => (event._tag === "Reasoning" ? [] : [event])
  let shown: "nothing" | "reasoning" | "answer" = "nothing"
  return (event) => {
    const before = shown
    switch (event._tag) {
      case "Reasoning": {
        shown = "reasoning"
        const heading = before === "reasoning" ? "" : (before === "answer" ? BREAK : "") + REASONING_HEADING
        return [{ _tag: "Delta", text: heading + event.text }]
      }
      case "Delta":
        shown = "answer"
        return [before === "reasoning" ? { ...event, text: ANSWER_HEADING + event.text } : event]
      default:
        return [event]
    }
  }
}
