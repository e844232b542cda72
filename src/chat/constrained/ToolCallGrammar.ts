/** Calls as a model writes them, so that src/chat/toolcalls reads them back. Formats whose arguments are JSON. Pure. */
import type { ConstrainedTool } from "../../domain/Constraint.js"
import { isObject } from "../../domain/JsonFile.js"
import { type ToolFormatName, toolMarks } from "../toolcalls/Formats.js"
import { PYTHON_TAG } from "../toolcalls/LlamaSplitter.js"
import { choice, type Expression, literal, many, type Rules, sequence } from "./Grammar.js"
import { WHOLE } from "./Keywords.js"
import { Refusal } from "./Refusal.js"
import { schemaGrammar } from "./SchemaGrammar.js"

interface CallFormat {
  /** Text before the first and behind the last call. */
  readonly open: string
  readonly close: string
  readonly between: string
  /** Text around a call's arguments. A list is several texts of which the model chooses. */
  readonly before: (name: string) => Expression
  readonly after: string
  /** Whether an answer may have more than one. */
  readonly several: boolean
}

const quoted = (name: string, key: string) => literal(`{"name": "${name}", "${key}": `)

const list: CallFormat = {
  open: "[TOOL_CALLS][",
  close: "]",
  between: ", ",
  before: (name) => quoted(name, "arguments"),
  after: "}",
  several: true
}
const headers: CallFormat = {
  open: "",
  close: "",
  between: "",
  before: (name) => literal(`[TOOL_CALLS]${name}[ARGS]`),
  after: "",
  several: true
}
const llama: CallFormat = {
  open: "",
  close: "",
  between: "; ",
  before: (name) => quoted(name, "parameters"),
  after: "}",
  several: true
}

const CALL_FORMATS: Readonly<Partial<Record<ToolFormatName, CallFormat>>> = {
  hermes: {
    open: "<tool_call>\n",
    close: "\n</tool_call>",
    between: "\n</tool_call>\n<tool_call>\n",
    before: (name) => quoted(name, "arguments"),
    after: "}",
    several: true
  },
  mistral: list,
  llama,
  "llama-json": llama,
  "llama-python-tag": { ...llama, open: PYTHON_TAG },
  deepseek: {
    open: "<｜tool▁calls▁begin｜>",
    close: "<｜tool▁calls▁end｜>",
    between: "",
    before: (name) => literal(`<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>`),
    after: "<｜tool▁call▁end｜>",
    several: true
  },
  kimi: {
    open: "<|tool_calls_section_begin|>",
    close: "<|tool_calls_section_end|>",
    between: "",
    before: (name) =>
      sequence(literal(`<|tool_call_begin|>functions.${name}:`), "[0-9]", literal("<|tool_call_argument_begin|>")),
    after: "<|tool_call_end|>",
    several: true
  },
  harmony: {
    open: "",
    close: "",
    between: "",
    before: (name) => literal(`<|channel|>commentary to=functions.${name} <|constrain|>json<|message|>`),
    after: "",
    several: false
  }
}

/** The marks of all formats begin with one of these, so no string inside of a call has them as they are. */
export const MARK_STARTS = "<["

/** Arguments are an object, also where the schema doesn't say so. */
const parametersOf = ({ parameters }: ConstrainedTool): unknown => {
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
  const known = format === "mistral" && hasToken("[ARGS]") ? headers : CALL_FORMATS[format]
  if (known === undefined) {
    throw new Refusal(null, "#", `calls can't be demanded of a model that writes them in the format '${format}'`)
  }
  return known
}

/** Throws a Refusal where the tools or the model's format can't be kept. */
export const toolCallGrammar = (
  tools: ReadonlyArray<ConstrainedTool>,
  rules: Rules,
  options: CallOptions
): CallGrammar => {
  if (tools.length === 0) throw new Refusal(null, "#", "there is no tool to call")
  const { after, before, between, close, open, several } = formatOf(options)
  const calls = tools.map((tool, index) => {
    const schema = { strict: tool.strict, avoid: MARK_STARTS, name: String(index) }
    return sequence(before(tool.name), schemaGrammar(parametersOf(tool), rules, schema), literal(after))
  })
  const call = rules.rule(choice(calls))
  const more = options.parallel && several ? [many(sequence(literal(between), call))] : []
  return {
    root: sequence(literal(open), call, ...more, literal(close)),
    marks: options.format === null ? new Set() : new Set(toolMarks(options.format))
  }
}
