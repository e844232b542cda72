/** What `/v1/completions` and `/v1/embeddings` take for text: one or many, plain or as token ids (spec 03 §12, §15). Pure. */

/** A text, or the ids of its tokens in the model's vocabulary. */
export type TextInput = string | ReadonlyArray<number>

/** In the order of the request, at least one; or what is wrong with it. */
export type TextInputs = { readonly inputs: ReadonlyArray<TextInput> } | { readonly problem: string }

/** Most inputs of one request, as OpenAI's. */
export const MAX_INPUTS = 2_048

const isId = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value) && value >= 0
const isIds = (value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.length > 0 && value.every(isId)
const isTexts = (value: ReadonlyArray<unknown>): value is ReadonlyArray<string> =>
  value.every((item) => typeof item === "string")

const isLists = (value: ReadonlyArray<unknown>): value is ReadonlyArray<ReadonlyArray<number>> => value.every(isIds)

const within = (inputs: ReadonlyArray<TextInput>): TextInputs =>
  inputs.length <= MAX_INPUTS ? { inputs } : { problem: `has more than ${MAX_INPUTS} inputs` }

/** A prompt: a string (also an empty one), several, the ids of one, or the ids of several. */
export const completionInputs = (prompt: unknown): TextInputs => {
  if (typeof prompt === "string") return { inputs: [prompt] }
  if (!Array.isArray(prompt) || prompt.length === 0)
    return { problem: "must be a string, an array of strings, or token ids" }
  const prompts: ReadonlyArray<unknown> = prompt
  if (isIds(prompts)) return { inputs: [prompts] }
  if (isTexts(prompts) || isLists(prompts)) return within(prompts)
  return { problem: "must have only strings, only token ids, or only arrays of token ids, none of them empty" }
}

/** One text or several, none empty. Ids are refused: clients send those of another model's vocabulary. */
export const embeddingInputs = (input: unknown): TextInputs => {
  const inputs: ReadonlyArray<unknown> = Array.isArray(input) ? input : [input]
  if (inputs.length > 0 && (isIds(inputs) || isLists(inputs))) {
    return {
      problem: "has token ids, which may be of another vocabulary: send text (check_embedding_ctx_length=False)"
    }
  }
  if (inputs.length === 0 || !isTexts(inputs) || inputs.includes("")) {
    return { problem: "must be a string or an array of strings, none of them empty" }
  }
  return within(inputs)
}

/** The first id that the vocabulary hasn't got; null when all are in it. */
export const unknownId = (ids: ReadonlyArray<number>, hasToken: (id: number) => boolean): number | null =>
  ids.find((id) => !hasToken(id)) ?? null

/** `prompt_tokens` of a request: each input counts once, however many answers it gets. */
export const promptTokens = (encoded: ReadonlyArray<ReadonlyArray<number>>): number =>
  encoded.reduce((sum, ids) => sum + ids.length, 0)
