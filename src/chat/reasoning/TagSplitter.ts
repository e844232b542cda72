/** Reasoning between two tags, at the start of an answer or opened by the prompt; later tags are text (spec 02 §5.5). Pure. */
import {
  type AnswerPart,
  content,
  isBlank,
  partialLength,
  reasoning,
  type Splitter,
  trimEnd,
  trimStart
} from "../AnswerPart.js"

/** Reasoning between two tags. `drop`: tags around the answer that are not part of it. */
export interface TagFormat {
  readonly _tag: "Tags"
  readonly open: string
  readonly close: string
  readonly drop: ReadonlyArray<string>
}

/** Removes marks from a stream of text. What is left on both sides of one is no mark, even where it looks like one. */
const withoutMarks = (marks: ReadonlyArray<string>) => {
  let held = ""
  return {
    push: (text: string): string => {
      const pieces = marks.reduce((pieces, mark) => pieces.flatMap((piece) => piece.split(mark)), [held + text])
      const last = pieces.pop() ?? ""
      const sure = last.length - Math.max(0, ...marks.map((mark) => partialLength(last, mark)))
      held = last.slice(sure)
      return pieces.join("") + last.slice(0, sure)
    },
    finish: (): string => held
  }
}

type State = "start" | "reasoning" | "gap" | "answer"

export const tagSplitter = ({ close, drop, open }: TagFormat, promptOpen: boolean): Splitter & InReasoning => {
  let state: State = "start"
  let held = ""
  let space = "" // that waits behind what is held: long runs of it are looked at once
  let begun = false // reasoning has text
  const answer = withoutMarks(drop)

  /** Whether the text begins with the opening tag; null as long as more of it may come. */
  const startsOpen = (): boolean | null => {
    const text = trimStart(held)
    if (text.startsWith(open)) return true
    return open.startsWith(text) ? null : false
  }
  const start = (last: boolean): ReadonlyArray<AnswerPart> => {
    const opened = startsOpen()
    if (opened === null && !last) return []
    if (opened === true) held = trimStart(held).slice(open.length)
    state = opened === true || promptOpen ? "reasoning" : "answer"
    return read(last)
  }
  const think = (last: boolean): ReadonlyArray<AnswerPart> => {
    if (!begun) held = trimStart(held)
    const end = held.indexOf(close)
    const text = end >= 0 ? held.slice(0, end) : held.slice(0, held.length - (last ? 0 : partialLength(held, close)))
    const sure = trimEnd(text)
    begun ||= sure !== ""
    if (end < 0) {
      held = held.slice(sure.length)
      return reasoning(sure)
    }
    held = held.slice(end + close.length)
    state = "gap"
    return [...reasoning(sure), ...read(last)]
  }
  const rest = (last: boolean): ReadonlyArray<AnswerPart> => {
    if (state === "gap") held = trimStart(held)
    if (held !== "") state = "answer"
    const text = answer.push(held) + (last ? answer.finish() : "")
    held = ""
    return content(text)
  }
  const read = (last: boolean): ReadonlyArray<AnswerPart> => {
    if (state === "start") return start(last)
    return state === "reasoning" ? think(last) : rest(last)
  }
  return {
    push: (text) => {
      if (held === "" && state !== "answer" && isBlank(text)) {
        space += text
        return []
      }
      held = space + held + text
      space = ""
      const parts = read(false)
      if (isBlank(held)) [space, held] = [held, ""]
      return parts
    },
    finish: () => {
      held = space + held
      return read(true)
    },
    inReasoning: () => state === "reasoning" || (state === "start" && promptOpen)
  }
}

/** Whether what comes next is reasoning, as far as that is known. */
export interface InReasoning {
  readonly inReasoning: () => boolean
}
