/** Calls between marks in a text. What turns out to be no call stays text, mark and all (spec 03 §7.3). Pure. */
import {
  type AnswerPart,
  content,
  isBlank,
  partialLength,
  type Splitter,
  type ToolCall,
  trimEnd,
  trimStart
} from "../AnswerPart.js"
import type { ReadBody, Tools } from "./Calls.js"

export interface BlockFormat {
  readonly start: string
  /** Null where a call goes on to the end of the answer. */
  readonly end: string | null
  /** Whether a block that the answer's end cuts off counts when it is complete. */
  readonly unended: boolean
  readonly read: ReadBody
}

/**
 * White space before a block waits: it goes with the block when that is a call. Text after a call begins a new line when
 * there was text before.
 */
export const blockSplitter = ({ end, read, start, unended }: BlockFormat, tools: Tools): Splitter => {
  let held = "" // text that isn't certain yet
  let space = "" // that waits behind what is held: long runs of it are looked at once
  let block = -1 // where the mark of an open block is in it
  let looked = 0 // how far the end of the block was looked for
  let recent = "" // what is held from there on
  let afterCall = false
  let sent = false
  let parts: Array<AnswerPart> = []

  const take = (length: number): void => {
    const text = held.slice(0, length)
    held = held.slice(length)
    sent ||= text !== ""
    parts.push(...content(text))
  }
  const takeCalls = (calls: ReadonlyArray<ToolCall>, length: number): void => {
    for (const call of calls) parts.push({ _tag: "ToolCall", call })
    held = held.slice(length)
  }
  /** The beginning of text after a call, unless it may still become a mark. */
  const settle = (last: boolean): void => {
    if (!afterCall) return
    held = trimStart(held)
    if (held === "" || held.startsWith(start) || (start.startsWith(held) && !last)) return
    if (sent) held = `\n${held}`
    afterCall = false
  }
  /** Whether there may be more to read. */
  const readText = (last: boolean): boolean => {
    settle(last)
    block = held.indexOf(start)
    if (block < 0) {
      take(last ? held.length : trimEnd(held.slice(0, held.length - partialLength(held, start))).length)
      return false
    }
    const before = trimEnd(held.slice(0, block)).length
    take(before)
    block -= before
    looked = block + start.length
    return true
  }
  const readBlock = (last: boolean): boolean => {
    const from = block + start.length
    const close = end === null ? -1 : held.indexOf(end, looked)
    if (end === null || close < 0) {
      looked = Math.max(from, held.length - (end?.length ?? 0) + 1)
      recent = held.slice(looked)
      if (last) endBlock(unended ? read(held.slice(from), tools) : null, held.length)
      return false
    }
    endBlock(read(held.slice(from, close), tools), close + end.length)
    return true
  }
  /** Whether a block goes on after more text. Only that is looked at: the whole of a long block would be read with each token. */
  const isOpen = (text: string): boolean => {
    if (block < 0) return false
    const unseen = recent + text
    if (end === null || unseen.includes(end)) return end === null
    looked += Math.max(0, unseen.length - end.length + 1)
    recent = unseen.slice(-(end.length - 1))
    return true
  }
  const endBlock = (calls: ReadonlyArray<ToolCall> | null, length: number): void => {
    if (calls === null) take(length)
    else takeCalls(calls, length)
    block = -1
    afterCall = calls !== null
  }
  const readAll = (last: boolean): ReadonlyArray<AnswerPart> => {
    parts = []
    while (block < 0 ? readText(last) : readBlock(last)) {}
    return parts
  }
  return {
    push: (text) => {
      if (block < 0 && held === "" && isBlank(text)) {
        space += text
        return []
      }
      held = space + held + text
      space = ""
      if (isOpen(text)) return []
      const parts = readAll(false)
      if (block < 0 && isBlank(held)) [space, held] = [held, ""]
      return parts
    },
    finish: () => {
      held = space + held
      return readAll(true)
    }
  }
}
