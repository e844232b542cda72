/** Calls written as a Python list: `[name(key=value, …), …]`. Pure. */
import { type ToolCall, trim } from "../AnswerPart.js"
import { all, callOf, nameOf, type ReadBody } from "./Calls.js"
import { type Literal, type Read, text } from "./Literal.js"
import { readPython, readPythonAt } from "./PythonReader.js"

const SPACE = /\s*/y
/** Python's names have no hyphens and don't begin with a digit, but those of tools may. */
const NAME = /[\p{L}\p{N}_][\p{L}\p{N}_-]*(?:\s*\.\s*[\p{L}\p{N}_][\p{L}\p{N}_-]*)*\s*\(/uy
const KEY = /([\p{L}_][\p{L}\p{N}_]*)\s*=(?!=)\s*/uy

const match = (source: string, pattern: RegExp, start: number): RegExpExecArray | null => {
  pattern.lastIndex = start
  return pattern.exec(source)
}
const skip = (source: string, start: number): number => start + (match(source, SPACE, start)?.[0].length ?? 0)

/** `key=value, …` up to the closing parenthesis. */
const readArguments = (source: string, start: number): Read<Literal> | null => {
  const entries = new Map<string, Literal>()
  let at = skip(source, start)
  while (source[at] !== ")") {
    const key = match(source, KEY, at)
    const name = key?.[1]
    if (key === null || name === undefined || entries.has(name)) return null
    const read = readPythonAt(source, at + key[0].length, { jsonNames: true })
    if (read === null) return null
    entries.set(name, read.value)
    at = skip(source, read.end)
    if (source[at] !== ")" && source[at] !== ",") return null
    if (source[at] === ",") at = skip(source, at + 1)
  }
  return { value: { kind: "object", entries }, end: at + 1 }
}

/** Of a text that begins with a bracket. */
const readCalls = (source: string): ReadonlyArray<ToolCall> | null => {
  const calls: Array<ToolCall | null> = []
  let at = skip(source, 1)
  while (source[at] !== "]") {
    const header = match(source, NAME, at)?.[0]
    const args = header === undefined ? null : readArguments(source, at + header.length)
    if (header === undefined || args === null) return null
    calls.push(callOf(header.slice(0, -1).replaceAll(/\s/g, ""), args.value))
    at = skip(source, args.end)
    if (source[at] !== "]" && source[at] !== ",") return null
    if (source[at] === ",") at = skip(source, at + 1)
  }
  return at === source.length - 1 ? all(calls) : null
}

/** Nothing but a list of calls of tools that there are: other answers may begin with a bracket, too. */
export const callList: ReadBody = (body, tools) => {
  const calls = readCalls(trim(body))
  const names = tools.map(nameOf)
  return calls?.every(({ name }) => names.includes(name)) === true ? calls : null
}

const LOOSE_CALL = /\[([\p{L}\p{N}_.]+)\(([\s\S]*?)\)\]/u
const LOOSE_ARGUMENT = /(?<![\p{L}\p{N}_])([\p{L}\p{N}_]+)=(?:"([^"]*)"|'([^']*)'|([^,]+))(?:,\s*|$)/gu

/** Arguments that aren't Python are texts. */
const looseCall = (body: string): ReadonlyArray<ToolCall> | null => {
  const [, name, args = ""] = LOOSE_CALL.exec(body.slice(0, body.lastIndexOf(")]") + 2)) ?? []
  if (name === undefined) return null
  const entries = new Map<string, Literal>()
  for (const [, key = "", double, single, bare] of args.matchAll(LOOSE_ARGUMENT)) {
    const value = double ?? single ?? (bare ?? "").trim()
    entries.set(key, readPython(value) ?? text(value))
  }
  return all([callOf(name, { kind: "object", entries })])
}

export const pythonic: ReadBody = (body) => {
  const [start, end] = [body.indexOf("["), body.lastIndexOf("]")]
  return (start >= 0 && end > start ? readCalls(body.slice(start, end + 1)) : null) ?? looseCall(body)
}
