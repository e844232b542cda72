/** Messages to the text a model was trained on. Templates come with the model and are hostile: run them under a time limit. */
import { Template } from "@huggingface/jinja"
import type { Message } from "../domain/Generation.js"

/** Most characters a template may have; real ones have up to 20,000. */
export const MAX_TEMPLATE_CHARS = 1_000_000

/** What the template raises itself, with `raise_exception`: the only text of a failure that is meant for users. */
export class TemplateRaised extends Error {}

const raise = (message: unknown) => {
  throw new TemplateRaised(String(message))
}

/** Most items of a `range`; real templates count messages with it. */
const MAX_RANGE = 100_000

/** The template asks for more than any real one does. */
export class TemplateExcessive extends Error {}

/** As Python's for numbers, and empty for anything else, as the interpreter's own; that one makes lists of any length. */
const range = (first: unknown, end?: unknown, step: unknown = 1): ReadonlyArray<number> => {
  const [start, stop] = end === undefined ? [0, first] : [first, end]
  if (typeof start !== "number" || typeof stop !== "number" || typeof step !== "number") return []
  if (step === 0) throw new Error("step must not be zero")
  const length = Math.max(0, Math.ceil((stop - start) / step))
  if (length > MAX_RANGE) throw new TemplateExcessive(`a range of more than ${MAX_RANGE} numbers`)
  return Array.from({ length }, (_, i) => start + i * step)
}

/**
 * The interpreter's own `raise_exception` throws what its failures throw, and its `range` has no limit; they can't be
 * declared again, only set.
 */
const OVERRIDE = "{% set raise_exception = mlxk_raise_exception %}{% set range = mlxk_range %}"

/** A compiled template. Throws TemplateRaised, and whatever its interpreter throws where the template is wrong. */
export type ChatTemplate = (messages: ReadonlyArray<Message>) => string

/** Throws when the template is too long or isn't Jinja. */
export const compileTemplate = (source: string, specialTokens: Readonly<Record<string, string>>): ChatTemplate => {
  if (source.length > MAX_TEMPLATE_CHARS) throw new Error(`longer than ${MAX_TEMPLATE_CHARS} characters`)
  const template = new Template(source)
  template.parsed.body.unshift(...new Template(OVERRIDE).parsed.body)
  return (messages) =>
    template.render({
      ...specialTokens,
      mlxk_raise_exception: raise,
      mlxk_range: range,
      messages: messages.map(({ content, role }) => ({ role, content })),
      add_generation_prompt: true,
      tools: null,
      documents: null
    })
}

const NAMES: Readonly<Record<Message["role"], string>> = { system: "System", user: "Human", assistant: "Assistant" }

/** The prompt of a model without a template (spec 02 §5.2). */
export const fallbackPrompt = (messages: ReadonlyArray<Message>): string =>
  [...messages.map(({ content, role }) => `${NAMES[role]}: ${content}`), "Assistant: "].join("\n\n")

/** Longest part of a template's own error text that is shown. */
const MAX_PROBLEM_CHARS = 200

/** Why a template gives no prompt, as one short line: what it raises is written by the model's author. */
export const templateProblem = (error: unknown): string => {
  const text = error instanceof TemplateRaised ? error.message.replaceAll(/[\p{Cc}\s]+/gu, " ").trim() : ""
  return text === "" ? "it fails on them" : text.slice(0, MAX_PROBLEM_CHARS)
}
