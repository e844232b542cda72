/** Calls as a model writes them, and nothing else. Pure. */
import type { ConstrainedTool } from "../../domain/Constraint.js"
import { isObject, type JsonObject } from "../../domain/JsonFile.js"
import { type ToolFormatName, toolMarks } from "../toolcalls/Formats.js"
import { argumentsGrammar } from "./CallArguments.js"
import { CALL_FORMATS, type CallFormat, MISTRAL_HEADERS } from "./CallFormats.js"
import { choice, type Expression, literal, many, type Rules, sequence } from "./Grammar.js"
import { WHOLE } from "./Keywords.js"
import { Refusal } from "./Refusal.js"
import { schemaGrammar } from "./SchemaGrammar.js"

/** The marks of all formats begin with one of these, so no string inside of a call has them as they are. */
export const MARK_STARTS = "<["

/** Arguments are an object, also where the schema doesn't say so. */
const parametersOf = ({ parameters }: ConstrainedTool): JsonObject => {
  if (parameters === undefined || parameters === null)
    return { type: "object", properties: {}, additionalProperties: false }
  if (!isObject(parameters)) throw new Refusal(null, "#", "a schema of parameters is an object")
  if (WHOLE.some((keyword) => keyword in parameters)) return parameters
  if ((parameters["type"] ?? "object") !== "object") throw new Refusal("type", "#", "parameters are an object")
  return { ...parameters, type: "object" }
}

export interface CallOptions {
  readonly format: ToolFormatName | null
  readonly hasToken: (text: string) => boolean
  readonly parallel: boolean
}

export interface CallGrammar {
  readonly root: Expression
  /** Texts of the format that may be special tokens. */
  readonly marks: ReadonlySet<string>
}

const formatOf = ({ format, hasToken }: CallOptions): CallFormat => {
  if (format === null) throw new Refusal(null, "#", "the model's chat template calls no tools")
  return format === "mistral" && hasToken("[ARGS]") ? MISTRAL_HEADERS : CALL_FORMATS[format]
}

/** Throws a Refusal where the tools or the model's format can't be kept. */
export const toolCallGrammar = (
  tools: ReadonlyArray<ConstrainedTool>,
  rules: Rules,
  options: CallOptions
): CallGrammar => {
  if (tools.length === 0) throw new Refusal(null, "#", "there is no tool to call")
  const format = formatOf(options)
  const { after, before, between, close, open, several } = format
  const calls = tools.map((tool, index) => {
    const [root, name] = [parametersOf(tool), String(index)]
    const values =
      format.arguments === null
        ? schemaGrammar(root, rules, { strict: tool.strict, avoid: MARK_STARTS, name })
        : argumentsGrammar({ root, rules, strict: tool.strict, name }, format.arguments)
    return sequence(before(tool.name), values, literal(after))
  })
  const call = rules.rule(choice(calls))
  const more = options.parallel && several ? [many(sequence(literal(between), call))] : []
  return {
    root: sequence(literal(open), call, ...more, literal(close)),
    marks: options.format === null ? new Set() : new Set(toolMarks(options.format))
  }
}
