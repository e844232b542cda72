/** What a checkpoint without tokenizer.json can be read from: byte-pair vocabularies of two classes. Pure. */
import { isObject, type JsonObject } from "../domain/JsonFile.js"

/** The tokenizer files of a checkpoint, as texts; null for one that it hasn't got. */
export interface TokenizerFiles {
  readonly vocab: string | null
  readonly merges: string | null
  /** Whether there is a `tokenizer.model`. */
  readonly sentencePiece: boolean
  readonly tokenizerConfig: unknown
}

/** tokenizer.json, or why there can't be one and what would help. */
export type Converted = { readonly json: string } | { readonly problem: string }

/** How Qwen2's class splits a text into words. */
const QWEN2_WORDS =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

const byteLevel = (config: JsonObject, useRegex: boolean) => ({
  type: "ByteLevel",
  add_prefix_space: config["add_prefix_space"] === true,
  trim_offsets: true,
  use_regex: useRegex
})

/** What the classes add to the vocabulary; `special`: the names of special tokens that have a default. */
const CLASSES: Readonly<
  Record<string, { readonly special: ReadonlyArray<string>; readonly pipeline: (config: JsonObject) => JsonObject }>
> = {
  GPT2Tokenizer: {
    special: ["bos_token", "eos_token", "unk_token"],
    pipeline: (config) => ({ normalizer: null, pre_tokenizer: byteLevel(config, true) })
  },
  Qwen2Tokenizer: {
    special: ["eos_token", "unk_token", "pad_token"],
    pipeline: (config) => ({
      normalizer: { type: "NFC" },
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [
          { type: "Split", pattern: { Regex: QWEN2_WORDS }, behavior: "Isolated", invert: false },
          byteLevel(config, false)
        ]
      }
    })
  }
}
const END_OF_TEXT = "<|endoftext|>"
const SPECIAL_NAMES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]

const addedToken = (content: string, flags: JsonObject, special: boolean) => ({
  content,
  special,
  single_word: flags["single_word"] === true,
  lstrip: flags["lstrip"] === true,
  rstrip: flags["rstrip"] === true,
  normalized: flags["normalized"] === true
})
type AddedToken = ReturnType<typeof addedToken>

const contentOf = (value: unknown): string | null => {
  const content = isObject(value) ? value["content"] : value
  return typeof content === "string" && content !== "" ? content : null
}

/** `added_tokens_decoder` by id, then the special tokens that it doesn't have. */
const addedTokens = (config: JsonObject, defaults: ReadonlyArray<string>): ReadonlyArray<AddedToken> => {
  const table = isObject(config["added_tokens_decoder"]) ? config["added_tokens_decoder"] : {}
  const listed = Object.entries(table)
    .sort(([a], [b]) => Number(a) - Number(b))
    .flatMap(([, entry]) => {
      const content = contentOf(entry)
      return isObject(entry) && content !== null ? [addedToken(content, entry, entry["special"] === true)] : []
    })
  const named = SPECIAL_NAMES.flatMap((name) => {
    const value = name in config ? config[name] : defaults.includes(name) ? END_OF_TEXT : null
    const content = contentOf(value)
    return content === null ? [] : [addedToken(content, isObject(value) ? value : {}, true)]
  })
  const known = new Set(listed.map(({ content }) => content))
  return [...listed, ...named.filter(({ content }) => !known.has(content) && known.add(content))]
}

const mergesOf = (text: string): ReadonlyArray<string> =>
  text.split("\n").flatMap((line, index) => {
    const merge = line.replace(/\r$/, "")
    return merge === "" || (index === 0 && merge.startsWith("#version")) ? [] : [merge]
  })

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Tells what is missing where a checkpoint can't be read: an approximation would cost quality and nobody would see it. */
export const convertTokenizer = ({ merges, sentencePiece, tokenizerConfig, vocab }: TokenizerFiles): Converted => {
  const config = isObject(tokenizerConfig) ? tokenizerConfig : {}
  if (vocab === null || merges === null) {
    const have = sentencePiece
      ? "tokenizer.model can't be read without it"
      : "there is no vocab.json with merges.txt either"
    return { problem: `missing: ${have}. Save the tokenizer as tokenizer.json with transformers` }
  }
  const name =
    typeof config["tokenizer_class"] === "string" ? config["tokenizer_class"].replace(/Fast$/, "") : "not named"
  const known = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined
  if (known === undefined || config["add_bos_token"] === true || config["add_eos_token"] === true) {
    return { problem: `missing: how texts of class ${name} are split isn't known from vocab.json and merges.txt alone` }
  }
  const vocabulary = parsed(vocab)
  if (!isObject(vocabulary)) return { problem: "missing, and vocab.json is not a JSON object" }
  const json = {
    version: "1.0",
    added_tokens: addedTokens(config, known.special).map((token, index) => {
      const id = vocabulary[token.content]
      return { id: typeof id === "number" ? id : Object.keys(vocabulary).length + index, ...token }
    }),
    ...known.pipeline(config),
    post_processor: null,
    decoder: byteLevel({}, true),
    model: { type: "BPE", vocab: vocabulary, merges: mergesOf(merges) }
  }
  return { json: JSON.stringify(json) }
}
