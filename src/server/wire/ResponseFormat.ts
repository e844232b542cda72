/** What an answer must look like, in a request's words (spec 03 §7.1, §10). Pure. */
import { Schema } from "effect"
import type { Constraint } from "../../domain/Constraint.js"
import { UnsupportedParameter } from "../../domain/Errors.js"
import { anyObject, filledText, flag, list, matching, oneOf, optional, requiring, text } from "./Fields.js"
import type { ToolFields } from "./Tools.js"

const NAME = /^[A-Za-z0-9_-]{1,64}$/

const ResponseFormat = requiring(
  Schema.Struct({
    type: oneOf("text", "json_object", "json_schema"),
    json_schema: optional(
      Schema.Struct({
        name: matching(NAME, "1 to 64 letters, digits, _ or -"),
        description: optional(text),
        schema: anyObject,
        strict: optional(flag)
      })
    )
  }),
  ({ type }) => (type === "json_schema" ? "json_schema" : "type")
)

const MAX_CHOICES = 1000

export const constraintFields = {
  response_format: optional(ResponseFormat),
  guided_json: optional(anyObject),
  guided_regex: optional(filledText),
  guided_choice: optional(
    list(filledText, { min: 1, max: MAX_CHOICES, phrase: `a list of 1 to ${MAX_CHOICES} strings` })
  )
}

const Fields = Schema.Struct(constraintFields)
type Fields = typeof Fields.Type

const ofResponseFormat = ({ response_format }: Fields): ReadonlyArray<readonly [param: string, Constraint]> => {
  const param = "response_format"
  if (response_format === null || response_format.type === "text") return []
  const { json_schema } = response_format
  return response_format.type === "json_schema" && json_schema !== null
    ? [[param, { _tag: "JsonSchema", schema: json_schema.schema, strict: json_schema.strict ?? false }]]
    : [[param, { _tag: "JsonObject" }]]
}

/** Every form of the content that the request asks for, and the field that does. */
const formsOf = (request: Fields): ReadonlyArray<readonly [param: string, Constraint]> => {
  const { guided_choice, guided_json, guided_regex } = request
  return [
    ...ofResponseFormat(request),
    ...(guided_json === null
      ? []
      : [["guided_json", { _tag: "JsonSchema", schema: guided_json, strict: false }] as const]),
    ...(guided_regex === null ? [] : [["guided_regex", { _tag: "Regex", pattern: guided_regex }] as const]),
    ...(guided_choice === null ? [] : [["guided_choice", { _tag: "Choice", choices: guided_choice }] as const])
  ]
}

/** Calls that must be made; null where the model decides. */
const demandedCalls = ({ parallel_tool_calls, tool_choice, tools }: ToolFields): Constraint | null => {
  if (tool_choice === null || tool_choice === "auto" || tool_choice === "none") return null
  const wanted = tool_choice === "required" ? null : tool_choice.function.name
  return {
    _tag: "ToolCalls",
    tools: (tools ?? []).flatMap(({ function: { name, parameters, strict } }) =>
      wanted === null || name === wanted
        ? [{ name, strict: strict ?? false, ...(parameters === null ? {} : { parameters }) }]
        : []
    ),
    parallel: wanted === null && parallel_tool_calls !== false
  }
}

/** More than can be kept at once: two forms, or a form of the content where the model may call tools instead of writing any. */
export const constraintProblem = (request: Fields & ToolFields): UnsupportedParameter | null => {
  const [first, second] = formsOf(request)
  if (second !== undefined) return new UnsupportedParameter({ param: second[0], problem: "asks for a second form" })
  const free = (request.tools ?? []).length > 0 && (request.tool_choice === null || request.tool_choice === "auto")
  return first !== undefined && free
    ? new UnsupportedParameter({ param: first[0], problem: 'can\'t be kept beside tools; set tool_choice to "none"' })
    : null
}

/** What the answer is held to, and the field that asks for it. Demanded calls leave no content that could have a form. */
export const constraintOf = (request: Fields & ToolFields): readonly [param: string, Constraint] | null => {
  const calls = demandedCalls(request)
  return calls === null ? (formsOf(request)[0] ?? null) : ["tools", calls]
}
