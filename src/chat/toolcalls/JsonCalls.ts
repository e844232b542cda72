/** Calls written as JSON: Hermes and Qwen, Mistral, Llama. Pure. */
import { type ToolCall, trim, trimStart } from "../AnswerPart.js"
import { all, callOf, callOfObject, type ReadBody } from "./Calls.js"
import { readJson, readJsonAt } from "./JsonReader.js"

/** `{"name": …, "arguments": …}` or a list of such. */
export const hermes: ReadBody = (body) => {
  const value = readJson(trim(body))
  if (value === null) return null
  return all((value.kind === "array" ? value.items : [value]).map((call) => callOfObject(call, ["arguments"])))
}

/** A word is only begun where it begins: else a long one takes quadratic time. An id alone is no name. */
const HEADER =
  /(?<![\p{L}\p{N}_-])(?=[\p{L}\p{N}_-])(?<!\[CALL_ID\]\s*)([\p{L}\p{N}_-]+)\s*(?:\[CALL_ID\]\s*([^\s[\]]+)\s*)?\[ARGS\]\s*/gu

/** `name[ARGS]{…}` or `name[CALL_ID]id[ARGS]{…}`, any number of times. */
const headers = (body: string): ReadonlyArray<ToolCall> | null => {
  const calls: Array<ToolCall | null> = []
  HEADER.lastIndex = 0
  for (let header = HEADER.exec(body); header !== null; header = HEADER.exec(body)) {
    const read = readJsonAt(body, HEADER.lastIndex)
    if (read === null) return null
    calls.push(callOf(header[1] ?? "", read.value, header[2] ?? null))
    HEADER.lastIndex = read.end
  }
  return all(calls)
}

/** A list of calls, or headers. */
export const mistral: ReadBody = (body, tools) => {
  const value = readJson(body)
  return value?.kind === "array" && value.items.length > 0 ? hermes(body, tools) : headers(body)
}

/** `{"name": …, "parameters": …}`, several with `;` between them. */
export const llama: ReadBody = (body) => {
  const calls: Array<ToolCall | null> = []
  for (let rest = trim(body); rest !== ""; ) {
    const read = readJsonAt(rest, 0)
    if (read?.value.kind !== "object") return null
    const { entries } = read.value
    if (!entries.has("parameters") && !entries.has("arguments")) return null
    const call = callOfObject(read.value, ["parameters", "arguments"])
    calls.push(call === null ? null : { ...call, id: null })
    rest = trimStart(rest.slice(read.end))
    if (rest !== "" && !rest.startsWith(";")) return null
    rest = trimStart(rest.slice(1))
  }
  return all(calls)
}
