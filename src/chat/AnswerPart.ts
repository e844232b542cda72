/** What an answer consists of, as it is read from the text of its tokens. */

/** A function the model wants called. */
export interface ToolCall {
  /** The model's own, where its format has one. */
  readonly id: string | null
  readonly name: string
  /** The text of a JSON object. Numbers are as the model wrote them, however long. */
  readonly arguments: string
}

export type AnswerPart =
  | { readonly _tag: "Reasoning"; readonly text: string }
  | { readonly _tag: "Content"; readonly text: string }
  | { readonly _tag: "ToolCall"; readonly call: ToolCall }

/**
 * Reads a stream of text. `push` returns what became certain, in the order of the text, `finish` what is left at the end.
 * Texts of one kind are to be joined; no part is empty. How the stream is cut makes no difference to the whole.
 */
export interface Splitter {
  readonly push: (text: string) => ReadonlyArray<AnswerPart>
  readonly finish: () => ReadonlyArray<AnswerPart>
}

export const content = (text: string): ReadonlyArray<AnswerPart> => (text === "" ? [] : [{ _tag: "Content", text }])
export const reasoning = (text: string): ReadonlyArray<AnswerPart> => (text === "" ? [] : [{ _tag: "Reasoning", text }])

/** White space of the marks' own formats: the layout of a template, not of a language. */
const SPACE = new Set([" ", "\t", "\r", "\n"])

export const trimStart = (text: string): string => {
  let start = 0
  while (SPACE.has(text.charAt(start))) start++
  return text.slice(start)
}

export const trimEnd = (text: string): string => {
  let end = text.length
  while (end > 0 && SPACE.has(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

export const isBlank = (text: string): boolean => trimStart(text) === ""

export const trim = (text: string): string => trimEnd(trimStart(text))

/** Length of the longest end of `text` that is a proper beginning of `mark`. */
export const partialLength = (text: string, mark: string): number => {
  for (let length = Math.min(text.length, mark.length - 1); length > 0; length--) {
    if (mark.startsWith(text.slice(-length))) return length
  }
  return 0
}
