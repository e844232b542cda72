/** Llama 3's calls: an answer that is nothing but JSON calls, or calls after `<|python_tag|>`. Pure. */
import { type AnswerPart, content, isBlank, type Splitter, trimStart } from "../AnswerPart.js"
import { blockSplitter } from "./BlockSplitter.js"
import { llama } from "./JsonCalls.js"

export const PYTHON_TAG = "<|python_tag|>"

/** An answer that begins with a brace is known at its end only. */
export const wholeSplitter = (otherwise: Splitter): Splitter => {
  let held = ""
  let begins: "space" | "brace" | "text" = "space"
  return {
    push: (more) => {
      if (begins === "text") return otherwise.push(more)
      held += more
      if (begins === "brace" || isBlank(more)) return []
      begins = trimStart(more).startsWith("{") ? "brace" : "text"
      return begins === "brace" ? [] : otherwise.push(held)
    },
    finish: (): ReadonlyArray<AnswerPart> => {
      if (begins === "text") return otherwise.finish()
      const calls = llama(held, [])
      return calls === null ? content(held) : calls.map((call) => ({ _tag: "ToolCall", call }))
    }
  }
}

export const plainSplitter: Splitter = { push: content, finish: () => [] }

export const pythonTagSplitter = (): Splitter =>
  blockSplitter({ start: PYTHON_TAG, end: null, unended: true, read: llama }, [])
