/** What a checkpoint without tokenizer.json can be read from: byte-pair vocabularies of two classes. Pure. */
import { isObject, type JsonObject } from "../domain/JsonFile.js"
import { addedTokens, type TokenFiles } from "./AddedTokens.js"

/** The tokenizer files of a checkpoint, `vocab` and `merges` as texts; null for one that it hasn't got. */
export interface TokenizerFiles extends TokenFiles {
  readonly vocab: string | null
  readonly merges: string | null
  /** Whether there is a `tokenizer.model`. */
  readonly sentencePiece: boolean
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
export const convertTokenizer = (files: TokenizerFiles): Converted => {
  const { merges, sentencePiece, tokenizerConfig, vocab } = files
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
    added_tokens: addedTokens([], files, Object.fromEntries(known.special.map((name) => [name, END_OF_TEXT]))).map(
      (token) => ({ id: 0, ...token })
    ),
    ...known.pipeline(config),
    post_processor: null,
    decoder: byteLevel({}, true),
    model: { type: "BPE", vocab: vocabulary, merges: mergesOf(merges) }
  }
  return { json: JSON.stringify(json) }
}
