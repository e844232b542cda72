/**
 * Request fields that are known but can't be honoured yet. Ignoring one would silently change the answer, so anything but a
 * value that means "off" is refused with the field's name (spec 03 §1.5). Supporting a field means taking its row out. Pure.
 */
import { UnsupportedParameter } from "../../domain/Errors.js"
import { isObject } from "../../domain/JsonFile.js"

type IsOff = (value: unknown) => boolean

const only =
  (...off: ReadonlyArray<unknown>): IsOff =>
  (value) =>
    off.includes(value)

const emptyList: IsOff = (value) => Array.isArray(value) && value.length === 0

const fields: Readonly<Record<string, IsOff>> = {
  functions: emptyList,
  function_call: only("none", "auto"),
  n: only(1),
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === "text",
  audio: only(),
  web_search_options: only(),
  grammar: only(),
  json_schema: only(),
  guided_grammar: only(),
  structured_outputs: only()
}

const messageFields: Readonly<Record<string, IsOff>> = { function_call: only() }

const UNSUPPORTED_ROLE = "function"
const unsupportedParts: ReadonlyArray<unknown> = ["image_url", "input_audio", "file"]

const PROBLEM = "is not supported by this server; leave it out"

const firstOn = (data: Readonly<Record<string, unknown>>, table: Readonly<Record<string, IsOff>>): string | null =>
  Object.entries(table).find(([name, isOff]) => (data[name] ?? null) !== null && !isOff(data[name]))?.[0] ?? null

const inMessage = (message: unknown): string | null => {
  if (!isObject(message)) return null
  if (message["role"] === UNSUPPORTED_ROLE) return "role"
  const field = firstOn(message, messageFields)
  if (field !== null) return field
  const parts: ReadonlyArray<unknown> = Array.isArray(message["content"]) ? message["content"] : []
  const part = parts.findIndex((item) => isObject(item) && unsupportedParts.includes(item["type"]))
  return part < 0 ? null : `content.${part}.type`
}

const inMessages = (messages: unknown): string | null => {
  if (!Array.isArray(messages)) return null
  for (const [index, message] of messages.entries()) {
    const path = inMessage(message)
    if (path !== null) return `messages.${index}.${path}`
  }
  return null
}

/** The first field of a chat request that would have to be honoured and can't be; null when there is none. */
export const unsupportedParameter = (request: unknown): UnsupportedParameter | null => {
  if (!isObject(request)) return null
  const param = firstOn(request, fields) ?? inMessages(request["messages"])
  return param === null ? null : new UnsupportedParameter({ param, problem: PROBLEM })
}
