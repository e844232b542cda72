/** Values that are calls, and what the request's tools say about their parameters. Pure. */
import { isObject, type JsonObject } from "../../domain/JsonFile.js"
import type { ToolCall } from "../AnswerPart.js"
import { behind } from "../constrained/References.js"
import { readJson } from "./JsonReader.js"
import { type Literal, toJson } from "./Literal.js"
import { type ParameterType, typeOf } from "./ParameterType.js"

/** `tools` of a request as the client sent them. */
export type Tools = ReadonlyArray<unknown>

/** Reads what stands between the marks of a call. Null where it is none. */
export type ReadBody = (body: string, tools: Tools) => ReadonlyArray<ToolCall> | null

/** All of them, or null when one of them is none or there are none. */
export const all = (calls: ReadonlyArray<ToolCall | null>): ReadonlyArray<ToolCall> | null => {
  const real = calls.filter((call) => call !== null)
  return real.length > 0 && real.length === calls.length ? real : null
}

/** A call of a name and arguments: an object, its JSON text, or nothing. Null where they are something else. */
export const callOf = (name: string, args: Literal | undefined, id: string | null = null): ToolCall | null => {
  const value = args?.kind === "string" ? readJson(args.text) : args
  if (name === "" || value === null || (value !== undefined && value.kind !== "object")) return null
  return { id, name, arguments: value === undefined ? "{}" : toJson(value) }
}

/** A call written as an object with these keys for its arguments, the first that it has. */
export const callOfObject = (value: Literal, keys: ReadonlyArray<string>): ToolCall | null => {
  if (value.kind !== "object") return null
  const { entries } = value
  const [name, id] = [entries.get("name"), entries.get("id")]
  const key = keys.find((key) => entries.has(key))
  const args = key === undefined ? undefined : entries.get(key)
  return name?.kind === "string" ? callOf(name.text, args, id?.kind === "string" ? id.text : null) : null
}

const functionOf = (tool: unknown): JsonObject => {
  const fn = isObject(tool) ? tool["function"] : undefined
  return isObject(fn) ? fn : {}
}

/** The name of a tool's function. */
export const nameOf = (tool: unknown): unknown => functionOf(tool)["name"]

/** What the schema of a function's parameters says of each by its name; nothing where the tools don't tell. */
export const parametersOf = (tools: Tools, name: string): ((parameter: string) => ParameterType | null) => {
  const { parameters } = functionOf(tools.find((tool) => nameOf(tool) === name))
  const root = behind(parameters, parameters)
  const properties = isObject(root["properties"]) ? root["properties"] : {}
  return (parameter) => typeOf(root, Object.hasOwn(properties, parameter) ? properties[parameter] : undefined)
}
