/** Llama's calls: an answer that is nothing but calls, as JSON or as a Python list, or JSON calls after `<|python_tag|>`. Pure. */
import { type AnswerPart, content, isBlank, type Splitter, trimStart } from "../AnswerPart.js"
import { blockSplitter } from "./BlockSplitter.js"
import type { ReadBody, Tools } from "./Calls.js"
import { llama } from "./JsonCalls.js"
import { callList } from "./PythonicCalls.js"

export const PYTHON_TAG = "<|python_tag|>"

/** How an answer begins that may be nothing but calls, and what reads it. */
interface Whole {
  readonly open: string
  readonly read: ReadBody
}

/** An answer that begins so is known at its end only. */
const wholeSplitter = ({ open, read }: Whole, tools: Tools, otherwise: Splitter): Splitter => {
  let held = ""
  let begins: "space" | "open" | "text" = "space"
  return {
    push: (more) => {
      if (begins === "text") return otherwise.push(more)
      held += more
      if (begins === "open" || isBlank(more)) return []
      begins = trimStart(more).startsWith(open) ? "open" : "text"
      return begins === "open" ? [] : otherwise.push(held)
    },
    finish: (): ReadonlyArray<AnswerPart> => {
      if (begins === "text") return otherwise.finish()
      const calls = read(held, tools)
      return calls === null ? content(held) : calls.map((call) => ({ _tag: "ToolCall", call }))
    }
  }
}

export const plainSplitter: Splitter = { push: content, finish: () => [] }

export const jsonSplitter = (otherwise: Splitter): Splitter => wholeSplitter({ open: "{", read: llama }, [], otherwise)

export const listSplitter = (tools: Tools): Splitter =>
  wholeSplitter({ open: "[", read: callList }, tools, plainSplitter)

export const pythonTagSplitter = (): Splitter =>
  blockSplitter({ start: PYTHON_TAG, end: null, unended: true, read: llama }, [])
