/** Calls with marks of their own around JSON arguments: DeepSeek, Kimi. Pure. */
import type { ToolCall } from "../AnswerPart.js"
import { all, callOf, type ReadBody } from "./Calls.js"
import { readJson } from "./JsonReader.js"
import type { Literal } from "./Literal.js"
import { readPython } from "./PythonReader.js"
import { cut, sections } from "./Sections.js"

const DEEPSEEK = { open: "<｜tool▁call▁begin｜>", separator: "<｜tool▁sep｜>", close: "<｜tool▁call▁end｜>" }
const FENCED = /^([^\n]+)\n```json\n([\s\S]*)\n```\s*$/

const deepseekCall = (inside: string): ToolCall | null => {
  const [left, right] = cut(inside, DEEPSEEK.separator) ?? []
  if (left === undefined || right === undefined) return null
  const fenced = left.trim() === "function" ? FENCED.exec(right) : null
  const [name, json] = fenced === null ? [left.trim(), right] : [(fenced[1] ?? "").trim(), fenced[2] ?? ""]
  const args = readJson(json)
  return args?.kind === "object" ? callOf(name, args) : null
}

/** `name<sep>{…}`, or `function<sep>name` and the arguments in a code fence. */
export const deepseek: ReadBody = (body) => {
  const found = sections(body, DEEPSEEK.open, DEEPSEEK.close)
  const gaps = found.map(({ start }, index) => body.slice(found[index - 1]?.end ?? 0, start))
  const rest = body.slice(found.at(-1)?.end ?? 0)
  return [...gaps, rest].every((gap) => gap.trim() === "") ? all(found.map(({ inside }) => deepseekCall(inside))) : null
}

const KIMI = { open: "<|tool_call_begin|>", close: "<|tool_call_end|>" }
const KIMI_ARGUMENTS = "<|tool_call_argument_begin|>"
const KIMI_ID = /^(?:functions\.)?([\s\S]+):\d+$/

const anyLiteral = (text: string): Literal | undefined => readJson(text) ?? readPython(text) ?? undefined

const kimiCall = (inside: string): ToolCall | null => {
  const [header = "", json] = cut(inside, KIMI_ARGUMENTS) ?? []
  const id = header.trim()
  const name = KIMI_ID.exec(id)?.[1]
  const args = json === undefined ? undefined : anyLiteral(json.trimStart())
  return name === undefined || args === undefined ? null : callOf(name, args, id)
}

/** `functions.name:0<argument mark>{…}`: what stands before the mark is the call's id. */
export const kimi: ReadBody = (body) => {
  const found = sections(body, KIMI.open, KIMI.close).map(({ inside }) => inside)
  return all((found.length > 0 ? found : [body]).map(kimiCall))
}
