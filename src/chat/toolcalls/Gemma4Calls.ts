/** Gemma 4's calls: `call:name{key:value,…}`, keys without quotes, texts between `<|"|>` marks, braces in each other. Pure. */
import type { ToolCall } from "../AnswerPart.js"
import { all, callOf, type ReadBody } from "./Calls.js"
import { readJson } from "./JsonReader.js"

const QUOTE = '<|"|>'
const HEADER = /call:([\p{L}\p{N}_-]+)(?=\{)/gu

/** Where the brace that opens at `start` is closed, one after it; null when it isn't. Braces in texts don't count. */
const closingBrace = (body: string, start: number): number | null => {
  let depth = 0
  for (let at = start; at < body.length; at++) {
    if (body.startsWith(QUOTE, at)) {
      const end = body.indexOf(QUOTE, at + QUOTE.length)
      if (end < 0) return null
      at = end + QUOTE.length - 1
    } else if (body[at] === "{") depth++
    else if (body[at] === "}" && --depth === 0) return at + 1
  }
  return null
}

const BARE_KEY = /(?<=[{,])([\p{L}\p{N}_]+):/gu

/** The same in JSON: every second part between the marks is a text. */
const asJson = (args: string): string =>
  args
    .split(QUOTE)
    .map((part, index) => (index % 2 === 1 ? JSON.stringify(part) : part.replace(BARE_KEY, '"$1":')))
    .join("")

export const gemma4: ReadBody = (body) => {
  const calls: Array<ToolCall | null> = []
  HEADER.lastIndex = 0
  for (let header = HEADER.exec(body); header !== null; header = HEADER.exec(body)) {
    const end = closingBrace(body, HEADER.lastIndex)
    if (end === null) return null
    const args = readJson(asJson(body.slice(HEADER.lastIndex, end)))
    calls.push(args === null ? null : callOf(header[1] ?? "", args))
    HEADER.lastIndex = end
  }
  return all(calls)
}
