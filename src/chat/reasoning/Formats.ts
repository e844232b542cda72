/** How models mark their reasoning, and which of the ways a checkpoint uses. Pure. */
import type { Splitter } from "../AnswerPart.js"
import { HARMONY_TAGS, harmonySplitter } from "./HarmonySplitter.js"
import { type InReasoning, type TagFormat, tagSplitter } from "./TagSplitter.js"

export type ReasoningFormat = TagFormat | { readonly _tag: "Harmony" }

const tags = (open: string, close: string, drop: ReadonlyArray<string> = []): TagFormat => ({
  _tag: "Tags",
  open,
  close,
  drop
})

export const REASONING_FORMATS = {
  harmony: { _tag: "Harmony" },
  cohere: tags("<|START_THINKING|>", "<|END_THINKING|>", ["<|START_RESPONSE|>", "<|END_RESPONSE|>"]),
  seed: tags("<seed:think>", "</seed:think>"),
  mistral: tags("[THINK]", "[/THINK]"),
  gemma: tags("<|channel>thought", "<channel|>"),
  marked: tags("<|think:start|>", "<|think:end|>"),
  longcat: tags("<longcat_think>", "</longcat_think>"),
  think: tags("<think>", "</think>"),
  thinking: tags("<thinking>", "</thinking>")
} satisfies Readonly<Record<string, ReasoningFormat>>

/** What tells how a checkpoint's answers are to be read. */
export interface AnswerHints {
  /** The chat template's text; null without one. */
  readonly template: string | null
  /** `model_type` of config.json; null when it says none. */
  readonly modelType: string | null
  /** Whether the vocabulary has a text as one token. */
  readonly hasToken: (text: string) => boolean
}

/**
 * By the vocabulary and the template, not by the model's name (spec 02 R5.5): harmony where its tags are tokens, else the
 * first pair of tags that the template writes, else the first that are tokens. Null for a model that doesn't reason.
 */
export const chooseReasoning = ({ hasToken, template }: AnswerHints): ReasoningFormat | null => {
  if (["<|channel|>", "<|message|>"].every(hasToken)) return REASONING_FORMATS.harmony
  const { harmony: _, ...tagged } = REASONING_FORMATS
  const formats = Object.values(tagged)
  return (
    formats.find(({ close, open }) => template !== null && (template.includes(open) || template.includes(close))) ??
    formats.find(({ close, open }) => hasToken(open) && hasToken(close)) ??
    null
  )
}

/** Whether a rendered prompt ends inside the reasoning, so that the answer has only the closing tag. */
export const promptOpens = (format: ReasoningFormat, prompt: string): boolean =>
  format._tag === "Tags" && prompt.trimEnd().endsWith(format.open)

/** The marks that the text of an answer must still have to be read, though they may be special tokens (spec 02 R6.6). */
export const reasoningMarks = (format: ReasoningFormat): ReadonlyArray<string> =>
  format._tag === "Harmony" ? HARMONY_TAGS : [format.open, format.close, ...format.drop]

export const reasoningSplitter = (
  format: ReasoningFormat,
  options: { readonly promptOpen: boolean; readonly calls: boolean }
): Splitter & InReasoning =>
  format._tag === "Harmony" ? harmonySplitter(options) : tagSplitter(format, options.promptOpen)
