/** How a model that must call tools writes its calls, so that src/chat/toolcalls reads them back. Pure. */
import type { ToolFormatName } from "../toolcalls/Formats.js"
import { PYTHON_TAG } from "../toolcalls/LlamaSplitter.js"
import type { ParameterType } from "../toolcalls/ParameterType.js"
import { typesTried } from "../toolcalls/TypedValue.js"
import type { ArgumentStyle } from "./CallArguments.js"
import type { Writing } from "./CallValues.js"
import { type Expression, literal, optional, sequence } from "./Grammar.js"
import type { RawText } from "./RawText.js"

export interface CallFormat {
  /** Before the first and behind the last call. */
  readonly open: string
  readonly close: string
  readonly between: string
  /** Around a call's arguments. */
  readonly before: (name: string) => Expression
  readonly after: string
  /** Whether an answer may have more than one. */
  readonly several: boolean
  /** How arguments are written; null where they are one JSON object. */
  readonly arguments: ArgumentStyle | null
}

const quoted = (name: string, key: string) => literal(`{"name": "${name}", "${key}": `)

const json = { several: true, arguments: null }

const list: CallFormat = {
  ...json,
  open: "[TOOL_CALLS][",
  close: "]",
  between: ", ",
  before: (name) => quoted(name, "arguments"),
  after: "}"
}
const headers: CallFormat = {
  ...json,
  open: "",
  close: "",
  between: "",
  before: (name) => literal(`[TOOL_CALLS]${name}[ARGS]`),
  after: ""
}
const llama: CallFormat = {
  ...json,
  open: "",
  close: "",
  between: "; ",
  before: (name) => quoted(name, "parameters"),
  after: "}"
}

const MIXED = { problem: "the model can't write texts and other values of one parameter so that they differ" }
const SIMPLE = { problem: "the model can't write objects and lists in a call" }

const isText = (type: string): boolean => type === "string" || type === "null"

/** By the types that a text is tried for. */
const byTypes = (type: ParameterType | null): Writing => {
  const types = [...typesTried(type)]
  if (!types.includes("string")) return "json"
  return types.every(isText) ? "text" : MIXED
}
const byName = (type: ParameterType | null): Writing => {
  if (type?.named == null) return byTypes(type)
  return type.named === "string" ? "text" : "json"
}

/** A text that is read as it is. */
const exact: RawText = { close: "", never: [], trimmed: false, words: [], wrap: "" }
const style = { nullWords: [], open: "", jsonClose: "", after: literal(""), separator: "", deep: false, text: exact }

const coder: ArgumentStyle = {
  ...style,
  names: /^[^\s<>]+$/,
  before: (name) => literal(`<parameter=${name}>\n`),
  after: literal("\n"),
  writing: byName,
  text: { ...exact, close: "</parameter>", never: ["</tool_call>"], words: ["null"], wrap: "\n" },
  jsonClose: "\n</parameter>"
}
const line = optional(literal("\n"))
const glm: ArgumentStyle = {
  ...style,
  names: /^[^\s<>](?:[^<>]*[^\s<>])?$/,
  before: (name) => sequence(literal(`<arg_key>${name}</arg_key>`), line, literal("<arg_value>")),
  after: line,
  writing: (type) => (type?.named === "string" ? "text" : "json"),
  text: { ...exact, close: "</arg_value>", never: ["</tool_call>"], trimmed: true },
  jsonClose: "</arg_value>"
}
const minimax: ArgumentStyle = {
  ...style,
  names: /^[^\s<>"'](?:[^<>"']*[^\s<>"'])?$/,
  before: (name) => literal(`<parameter name="${name}">`),
  after: literal("\n"),
  writing: byTypes,
  text: {
    ...exact,
    close: "</parameter>",
    never: ["</invoke>", "</minimax:tool_call>"],
    trimmed: true,
    words: ["null"]
  },
  nullWords: ["none", "nil"],
  jsonClose: "</parameter>"
}
const gemmaFunction: ArgumentStyle = {
  ...style,
  names: /^[^:{},<>]+$/,
  before: (name) => literal(`${name}:`),
  separator: ",",
  writing: (type) => (type !== null && (type.types.has("object") || type.types.has("array")) ? SIMPLE : "text"),
  open: "<escape>",
  text: { ...exact, close: "<escape>", never: ["}", "<end_function_call>"] }
}
const gemma4: ArgumentStyle = {
  ...style,
  names: /^[\p{L}\p{N}_]+$/u,
  before: (name) => literal(`${name}:`),
  separator: ",",
  writing: () => "text",
  open: '<|"|>',
  text: { ...exact, close: '<|"|>', never: ["<tool_call|>"] },
  deep: true
}
const pythonic: ArgumentStyle = {
  ...style,
  names: /^[\p{L}_][\p{L}\p{N}_]*$/u,
  before: (name) => literal(`${name}=`),
  separator: ", ",
  writing: () => "json"
}

const tagged = (open: string, close: string) => ({ open, close, between: `${close}\n${open}`, several: true })

export const CALL_FORMATS: Readonly<Record<ToolFormatName, CallFormat>> = {
  hermes: {
    ...json,
    ...tagged("<tool_call>\n", "\n</tool_call>"),
    before: (name) => quoted(name, "arguments"),
    after: "}"
  },
  "qwen3-coder": {
    ...tagged("<tool_call>\n", "\n</tool_call>"),
    before: (name) => literal(`<function=${name}>\n`),
    after: "</function>",
    arguments: coder
  },
  glm: {
    ...tagged("<tool_call>", "</tool_call>"),
    before: (name) => sequence(literal(name), line),
    after: "",
    arguments: glm
  },
  minimax: {
    open: "<minimax:tool_call>\n",
    close: "</minimax:tool_call>",
    between: "",
    before: (name) => literal(`<invoke name="${name}">\n`),
    after: "</invoke>\n",
    several: true,
    arguments: minimax
  },
  "gemma-function": {
    ...tagged("<start_function_call>", "<end_function_call>"),
    between: "<end_function_call><start_function_call>",
    before: (name) => literal(`call:${name}{`),
    after: "}",
    arguments: gemmaFunction
  },
  gemma4: {
    ...tagged("<|tool_call>", "<tool_call|>"),
    between: "<tool_call|><|tool_call>",
    before: (name) => literal(`call:${name}{`),
    after: "}",
    arguments: gemma4
  },
  pythonic: {
    open: "<|tool_call_start|>[",
    close: "]<|tool_call_end|>",
    between: ", ",
    before: (name) => literal(`${name}(`),
    after: ")",
    several: true,
    arguments: pythonic
  },
  "call-list": {
    open: "[",
    close: "]",
    between: ", ",
    before: (name) => literal(`${name}(`),
    after: ")",
    several: true,
    arguments: pythonic
  },
  mistral: list,
  llama,
  "llama-json": llama,
  "llama-python-tag": { ...llama, open: PYTHON_TAG },
  deepseek: {
    ...json,
    open: "<｜tool▁calls▁begin｜>",
    close: "<｜tool▁calls▁end｜>",
    between: "",
    before: (name) => literal(`<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>`),
    after: "<｜tool▁call▁end｜>"
  },
  kimi: {
    ...json,
    open: "<|tool_calls_section_begin|>",
    close: "<|tool_calls_section_end|>",
    between: "",
    before: (name) =>
      sequence(literal(`<|tool_call_begin|>functions.${name}:`), "[0-9]", literal("<|tool_call_argument_begin|>")),
    after: "<|tool_call_end|>"
  },
  harmony: {
    ...json,
    open: "",
    close: "",
    between: "",
    before: (name) => literal(`<|channel|>commentary to=functions.${name} <|constrain|>json<|message|>`),
    after: "",
    several: false
  }
}

/** Mistral's newer way needs a token of its own. */
export const MISTRAL_HEADERS = headers
