/** Calls with tags around each argument: Qwen3-Coder, GLM, MiniMax. The tools' schemas tell what the values are. Pure. */
import type { ToolCall } from "../AnswerPart.js"
import { all, callOf, parametersOf, type ReadBody, type Tools } from "./Calls.js"
import { readJson } from "./JsonReader.js"
import { type Literal, text } from "./Literal.js"
import { readPython } from "./PythonReader.js"
import { cut, sections } from "./Sections.js"
import { typedValue, valueOfTypes } from "./TypedValue.js"

const object = (entries: ReadonlyMap<string, Literal>): Literal => ({ kind: "object", entries })

const CODER = { open: "<function=", close: "</function>", parameter: "<parameter=", parameterEnd: "</parameter>" }
const CODER_NAME = /^\s*([^\s<>]+)>?/

/** One line break at each end belongs to the layout. */
const inner = (value: string): string => value.replace(/^\n/, "").replace(/\n$/, "")

/** `<function=name><parameter=key>value</parameter>…</function>` */
export const qwenCoder: ReadBody = (body, tools) => {
  const [, opened] = cut(body.replace(/\n$/, ""), CODER.open) ?? []
  const inside = opened?.endsWith(CODER.close) === true ? opened.slice(0, -CODER.close.length) : ""
  const header = CODER_NAME.exec(inside)
  const name = header?.[1]
  if (header === null || name === undefined) return null
  const typeOf = parametersOf(tools, name)
  const entries = new Map<string, Literal>()
  for (const parameter of sections(inside.slice(header[0].length), CODER.parameter, CODER.parameterEnd)) {
    const key = CODER_NAME.exec(parameter.inside)
    if (key?.[1] === undefined) continue
    const value = typedValue(inner(parameter.inside.slice(key[0].length)), typeOf(key[1]))
    if (value === null) return null
    entries.set(key[1], value)
  }
  return all([callOf(name, object(entries))])
}

const GLM_NAME = /^\s*([\p{L}\p{N}_.-]+)\s*(?:<arg_key>|$)/u
/** White space between key and value may also be written out. */
const GLM_GAP = /^(?:\\n|\s)*<arg_value>/

const anyValue = (value: string): Literal => readJson(value) ?? readPython(value) ?? text(value)

/** `name<arg_key>key</arg_key><arg_value>value</arg_value>…` */
export const glm: ReadBody = (body, tools) => {
  const name = GLM_NAME.exec(body)?.[1]
  if (name === undefined) return null
  const typeOf = parametersOf(tools, name)
  const entries = new Map<string, Literal>()
  for (const argument of sections(body, "<arg_key>", "</arg_value>")) {
    const [key, rest] = cut(argument.inside, "</arg_key>") ?? []
    const gap = rest === undefined ? null : GLM_GAP.exec(rest)
    if (key === undefined || rest === undefined || gap === null) continue
    const [parameter, value] = [key.trim(), rest.slice(gap[0].length).trim()]
    entries.set(parameter, typeOf(parameter)?.named === "string" ? text(value) : anyValue(value))
  }
  return all([callOf(name, object(entries))])
}

const MINIMAX = {
  open: "<invoke name=",
  close: "</invoke>",
  parameter: "<parameter name=",
  parameterEnd: "</parameter>"
}

const unquoted = (name: string): string => name.trim().replace(/^(["'])([\s\S]*)\1$/, "$2")

const invoked = (invoke: string, tools: Tools): ToolCall | null => {
  const [head, inside] = cut(invoke, ">") ?? [invoke, ""]
  const name = unquoted(head)
  const typeOf = parametersOf(tools, name)
  const entries = new Map<string, Literal>()
  for (const parameter of sections(inside, MINIMAX.parameter, MINIMAX.parameterEnd)) {
    const [key, value] = cut(parameter.inside, ">") ?? []
    if (key === undefined || value === undefined) continue
    entries.set(unquoted(key), valueOfTypes(value.trim(), typeOf(unquoted(key))))
  }
  return callOf(name, object(entries))
}

/** `<invoke name="f"><parameter name="key">value</parameter>…</invoke>`, any number of times. */
export const minimax: ReadBody = (body, tools) =>
  all(sections(body, MINIMAX.open, MINIMAX.close).map(({ inside }) => invoked(inside, tools)))

const GEMMA_CALL = /call:([\p{L}\p{N}_-]+)\{([\s\S]*?)\}/u
const GEMMA_ESCAPE = "<escape>"

/** `call:name{key:value,…}` with texts between `<escape>` marks. */
export const gemmaFunction: ReadBody = (body) => {
  const [, name, inside = ""] = GEMMA_CALL.exec(body.slice(0, body.lastIndexOf("}") + 1)) ?? []
  if (name === undefined) return null
  const entries = new Map<string, Literal>()
  for (let rest = inside; rest !== ""; ) {
    const colon = rest.indexOf(":")
    if (colon < 0) return null
    const key = rest.slice(0, colon)
    rest = rest.slice(colon + 1)
    const escaped = rest.startsWith(GEMMA_ESCAPE)
    if (escaped) rest = rest.slice(GEMMA_ESCAPE.length)
    const end = rest.indexOf(escaped ? GEMMA_ESCAPE : ",")
    if (escaped && end < 0) return null
    const value = end < 0 ? rest : rest.slice(0, end)
    entries.set(key, escaped ? text(value) : (readJson(value) ?? text(value)))
    rest = end < 0 ? "" : rest.slice(end + (escaped ? GEMMA_ESCAPE.length : 0) + 1)
  }
  return all([callOf(name, object(entries))])
}
