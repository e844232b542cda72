/** How models write tool calls (spec 03 §7.4), and which of the ways a checkpoint uses. Pure. */
import type { Splitter } from "../AnswerPart.js"
import type { AnswerHints } from "../reasoning/Formats.js"
import { type BlockFormat, blockSplitter } from "./BlockSplitter.js"
import type { ReadBody, Tools } from "./Calls.js"
import { gemma4 } from "./Gemma4Calls.js"
import { hermes, mistral } from "./JsonCalls.js"
import { jsonSplitter, listSplitter, PYTHON_TAG, plainSplitter, pythonTagSplitter } from "./LlamaSplitter.js"
import { deepseek, kimi } from "./MarkedCalls.js"
import { pythonic } from "./PythonicCalls.js"
import { gemmaFunction, glm, minimax, qwenCoder } from "./XmlCalls.js"

export type ToolFormat =
  | ({ readonly _tag: "Block" } & BlockFormat)
  /** A list of calls as in Python that is the whole answer. */
  | { readonly _tag: "List" }
  /** JSON that is the whole answer, or calls after a tag, or either. */
  | { readonly _tag: "Llama"; readonly whole: boolean; readonly tag: boolean }
  /** Read with the channels of the answer: see reasoning/HarmonySplitter.ts. */
  | { readonly _tag: "Harmony" }

const block = (start: string, end: string | null, read: ReadBody, unended = true): ToolFormat => ({
  _tag: "Block",
  start,
  end,
  unended,
  read
})

export const TOOL_FORMATS = {
  hermes: block("<tool_call>", "</tool_call>", hermes),
  "qwen3-coder": block("<tool_call>", "</tool_call>", qwenCoder),
  // A body cut off between two arguments would be a call without them.
  glm: block("<tool_call>", "</tool_call>", glm, false),
  "gemma-function": block("<start_function_call>", "<end_function_call>", gemmaFunction),
  gemma4: block("<|tool_call>", "<tool_call|>", gemma4),
  kimi: block("<|tool_calls_section_begin|>", "<|tool_calls_section_end|>", kimi),
  pythonic: block("<|tool_call_start|>", "<|tool_call_end|>", pythonic),
  deepseek: block("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", deepseek),
  minimax: block("<minimax:tool_call>", "</minimax:tool_call>", minimax),
  mistral: block("[TOOL_CALLS]", null, mistral),
  "call-list": { _tag: "List" },
  llama: { _tag: "Llama", whole: true, tag: true },
  "llama-python-tag": { _tag: "Llama", whole: false, tag: true },
  "llama-json": { _tag: "Llama", whole: true, tag: false },
  harmony: { _tag: "Harmony" }
} satisfies Readonly<Record<string, ToolFormat>>

export type ToolFormatName = keyof typeof TOOL_FORMATS

/** What a template of a format has, all of it; the first format of the list that fits. */
const IN_TEMPLATE: ReadonlyArray<readonly [ToolFormatName, ReadonlyArray<string>]> = [
  ["minimax", ["<minimax:tool_call>"]],
  ["gemma4", ["<|tool_call>", "<tool_call|>"]],
  ["gemma-function", ["<start_function_call>"]],
  ["glm", ["<arg_key>"]],
  ["pythonic", ["<|tool_list_start|>"]],
  ["pythonic", ["<|tool_call_start|>"]],
  ["qwen3-coder", ["<tool_call>\n<function="]],
  ["qwen3-coder", ["<tool_call>\\n<function="]],
  ["kimi", ["<|tool_calls_section_begin|>"]],
  ["deepseek", ["<｜tool▁calls▁begin｜>"]],
  ["mistral", ["[TOOL_CALLS]"]],
  ["harmony", ["<|channel|>", "<|message|>"]],
  ["call-list", ["[func_name1("]],
  ["llama", [PYTHON_TAG]],
  ["llama", ['"parameters":', "<|start_header_id|>"]],
  ["llama-json", ['"parameters":', "<|header_start|>"]],
  ["hermes", ["<tool_call>"]]
]

/** Marks that are tokens of a vocabulary whose template names none. */
const IN_VOCABULARY: ReadonlyArray<readonly [ToolFormatName, ReadonlyArray<string>]> = [
  ["harmony", ["<|channel|>", "<|message|>", "<|call|>"]],
  ["pythonic", ["<|tool_call_start|>", "<|tool_call_end|>"]],
  ["kimi", ["<|tool_calls_section_begin|>"]],
  ["deepseek", ["<｜tool▁calls▁begin｜>"]]
]

const BY_MODEL_TYPE: Readonly<Record<string, ToolFormatName>> = {
  gpt_oss: "harmony",
  kimi_k2: "kimi",
  lfm2: "pythonic",
  llama: "llama",
  minimax_m2: "minimax",
  mistral: "mistral",
  mistral3: "mistral",
  qwen2: "hermes",
  qwen3: "hermes",
  qwen3_moe: "hermes"
}

/** By the template, else the vocabulary, else the model's type. Null where the model can't be told to call tools. */
export const chooseToolFormat = ({ hasToken, modelType, template }: AnswerHints): ToolFormatName | null => {
  const named = IN_TEMPLATE.find(([, marks]) => template !== null && marks.every((mark) => template.includes(mark)))
  const known = named ?? IN_VOCABULARY.find(([, marks]) => marks.every(hasToken))
  if (known !== undefined) return known[0]
  return modelType !== null && Object.hasOwn(BY_MODEL_TYPE, modelType) ? (BY_MODEL_TYPE[modelType] ?? null) : null
}

/** Marks inside a call that are special tokens in some vocabularies. */
const INNER_MARKS: Readonly<Partial<Record<ToolFormatName, ReadonlyArray<string>>>> = {
  deepseek: ["<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"],
  gemma4: ['<|"|>'],
  "gemma-function": ["<escape>"],
  glm: ["<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"],
  kimi: ["<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"],
  mistral: ["[ARGS]", "[CALL_ID]"]
}

/** The marks that the text of an answer must still have to be read, though they may be special tokens (spec 02 R6.6). */
export const toolMarks = (name: ToolFormatName): ReadonlyArray<string> => {
  const format: ToolFormat = TOOL_FORMATS[name]
  const inner = INNER_MARKS[name] ?? []
  if (format._tag === "Block") return [format.start, ...(format.end === null ? [] : [format.end]), ...inner]
  return format._tag === "Llama" && format.tag ? [PYTHON_TAG] : inner
}

/** Harmony's calls come with its channels: alone it is a plain text. */
export const toolSplitter = (name: ToolFormatName, tools: Tools): Splitter => {
  const format: ToolFormat = TOOL_FORMATS[name]
  if (format._tag === "Block") return blockSplitter(format, tools)
  if (format._tag === "Harmony") return plainSplitter
  if (format._tag === "List") return listSplitter(tools)
  const text = format.tag ? pythonTagSplitter() : plainSplitter
  return format.whole ? jsonSplitter(text) : text
}
