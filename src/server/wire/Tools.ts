/** Tools of a chat request and how they are to be used (spec 03 §7.1). Pure. */
import { Schema } from "effect"
import { InvalidRequest } from "../../domain/Errors.js"
import { anyObject, filledText, flag, list, matching, oneOf, optional, text } from "./Fields.js"
import { itemTexts } from "./ItemTexts.js"

const MAX_TOOLS = 1024

const Tool = Schema.Struct({
  type: oneOf("function"),
  function: Schema.Struct({
    name: matching(/^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits, _ or -"),
    description: optional(text),
    parameters: optional(anyObject),
    strict: optional(flag)
  })
})

export const toolFields = {
  tools: optional(list(Tool, { max: MAX_TOOLS, phrase: `a list of at most ${MAX_TOOLS} tools` })),
  tool_choice: optional(
    Schema.Union(
      oneOf("none", "auto", "required"),
      Schema.Struct({ type: oneOf("function"), function: Schema.Struct({ name: filledText }) })
    )
  ),
  parallel_tool_calls: optional(flag)
}

const Fields = Schema.Struct(toolFields)
export type ToolFields = typeof Fields.Type

const ofToolChoice = (problem: string) => new InvalidRequest({ param: "tool_choice", problem })

/** Where the choice doesn't fit the tools. */
export const toolProblem = ({ tool_choice, tools }: ToolFields): InvalidRequest | null => {
  const functions = tools ?? []
  if (tool_choice === null || tool_choice === "none" || tool_choice === "auto") return null
  if (functions.length === 0) return ofToolChoice("needs tools")
  const known = tool_choice === "required" || functions.some((tool) => tool.function.name === tool_choice.function.name)
  return known ? null : ofToolChoice("must name a function of tools")
}

/** Most calls of the answer; a named function is called once. */
export const mostCalls = ({ parallel_tool_calls, tool_choice }: ToolFields): { readonly maxToolCalls?: number } =>
  parallel_tool_calls === false || (typeof tool_choice === "object" && tool_choice !== null) ? { maxToolCalls: 1 } : {}

/** Tools that may be called, as the client wrote them; none where it wants no call. `body`: what the fields were read from. */
export const shownTools = (
  { tool_choice, tools }: ToolFields,
  body: string
): { readonly tools?: ReadonlyArray<string> } =>
  tool_choice === "none" || tools === null || tools.length === 0 ? {} : { tools: itemTexts(body, "tools") }
