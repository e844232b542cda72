/** What of a tokenizer.json ends the process that loads or uses it: the native library aborts where it should refuse. Pure. */
import { isObject, type JsonObject } from "../domain/JsonFile.js"
import type { TokenizerParts } from "./TokenBytes.js"

/** The parts that are looked into. */
export interface CheckedParts extends Pick<TokenizerParts, "added_tokens" | "model" | "normalizer" | "pre_tokenizer"> {
  readonly decoder: unknown
  readonly post_processor: unknown
}

const bytes = (text: string): number => Buffer.byteLength(text)

/** No unit of a string has more than three bytes in UTF-8. */
const mayExceed = (length: number, limit: number) => length * 3 > limit

/** Each part of a merge is in the vocabulary, which the library checks; that the merged token fits its buffer it doesn't. */
const mergeProblem = (model: JsonObject): string | null => {
  const { continuing_subword_prefix: prefix, merges, vocab } = model
  if (!Array.isArray(merges) || !isObject(vocab)) return null
  const skipped = typeof prefix === "string" ? bytes(prefix) : 0
  const longest = Object.keys(vocab).reduce(
    (most, token) => (mayExceed(token.length, most) ? Math.max(most, bytes(token)) : most),
    0
  )
  const bad = merges.some((merge: unknown) => {
    const [left, right] = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : []
    if (typeof left !== "string" || typeof right !== "string") return false
    if (skipped > 0 && bytes(right) < skipped) return true
    return mayExceed(left.length + right.length, longest) && bytes(left) + bytes(right) - skipped > longest
  })
  return bad ? "a merge makes a token that the vocabulary hasn't got" : null
}

/** Every step works on the whole text; real ones have up to twenty. */
const MAX_STEPS = 256

/** All parts of a kind, those inside of sequences too, in no order; a few more than MAX_STEPS at most. */
const flat = (part: unknown): ReadonlyArray<JsonObject> => {
  const found: Array<JsonObject> = []
  const open = [part]
  while (open.length > 0 && found.length <= MAX_STEPS) {
    const next = open.pop()
    if (!isObject(next)) continue
    found.push(next)
    for (const key of ["normalizers", "pretokenizers", "decoders", "processors"]) {
      const parts = next[key]
      if (Array.isArray(parts)) open.push(...parts.slice(0, MAX_STEPS + 1))
    }
  }
  return found
}

const UNIT_BYTES = 4
const SIZE_BYTES = 4
const BLOCK = 0xff

/** sentencepiece's table: the size of a trie, its units, then texts that end with a zero byte. No step may leave the trie. */
const charsmapProblem = (base64: unknown): string | null => {
  const problem = "its table of characters is damaged"
  const table = typeof base64 === "string" ? Buffer.from(base64, "base64") : Buffer.alloc(0)
  if (table.length < SIZE_BYTES) return problem
  const size = table.readUInt32LE(0)
  const units = size / UNIT_BYTES
  const texts = table.length - SIZE_BYTES - size
  if (!Number.isInteger(units) || units === 0 || texts < 0) return problem
  for (let i = 0; i < units; i++) {
    const unit = table.readUInt32LE(SIZE_BYTES + i * UNIT_BYTES)
    // The highest bit marks the value of a leaf: where its text begins.
    const isValue = unit >= 2 ** 31
    const offset = (unit >>> 10) << ((unit & (1 << 9)) >>> 6)
    if (isValue ? unit - 2 ** 31 > texts : ((i ^ offset) >>> 0) + BLOCK - (((i ^ offset) >>> 0) & BLOCK) >= units)
      return problem
  }
  return null
}

const MAX_STRIP = 16

const MAX_TEMPLATE_IDS = 1024

/** What a template names must be known to it, and it may not put more around a text than any text has. */
const templateProblem = ({ pair, single, special_tokens: known }: JsonObject): string | null => {
  const pieces = [single, pair].flatMap((list) => (Array.isArray(list) ? list : [])).filter(isObject)
  const named = pieces.flatMap(({ SpecialToken: token }) => (isObject(token) ? [token["id"]] : []))
  const unknown = named.some((id) => typeof id === "string" && !(isObject(known) && Object.hasOwn(known, id)))
  const second =
    Array.isArray(single) &&
    single.some((piece) => isObject(piece) && isObject(piece["Sequence"]) && piece["Sequence"]["id"] === "B")
  if (unknown || second) return "its post-processor names what it hasn't got"
  const added = named.reduce<number>((sum, id) => {
    const token = isObject(known) && typeof id === "string" ? known[id] : undefined
    return sum + (isObject(token) && Array.isArray(token["ids"]) ? token["ids"].length : 1)
  }, 0)
  return added > MAX_TEMPLATE_IDS ? "its post-processor adds too many tokens" : null
}

const partProblem = (part: JsonObject): string | null => {
  switch (part["type"]) {
    case "Precompiled":
      return charsmapProblem(part["precompiled_charsmap"])
    case "TemplateProcessing":
      return templateProblem(part)
    case "FixedLength":
      return part["length"] === 0 ? "it splits text into parts without characters" : null
    case "Strip": {
      const counts = [part["start"], part["stop"]]
      const excessive = counts.some((count) => typeof count === "number" && count > MAX_STRIP)
      return excessive || (part["start"] !== 0 && part["stop"] !== 0 && "content" in part) ? "it strips too much" : null
    }
    default:
      return null
  }
}

/** By what factor replacements may lengthen a text, at most. */
const MAX_GROWTH = 64

const growthProblem = (steps: ReadonlyArray<JsonObject>): string | null => {
  const growth = steps.reduce((product, { content, pattern }) => {
    const from = isObject(pattern) ? pattern["String"] : undefined
    if (typeof content !== "string") return product
    return product * Math.max(1, bytes(content) / Math.max(1, typeof from === "string" ? bytes(from) : 1))
  }, 1)
  return growth > MAX_GROWTH ? "it makes text too long" : null
}

/** The library's time grows with the square of the number of added tokens; those of speech models have 65,536. */
const MAX_ADDED = 2 ** 17
/** Four times the largest published one. */
const MAX_VOCABULARY = 2 ** 20
/** Words that are tried at every length, or pieces at every place: real ones are 100 and 64 long at most. */
const MAX_PIECE = 1024

const sizeProblem = (added: unknown, model: JsonObject): string | null => {
  const { max_input_chars_per_word: wordLength, vocab } = model
  if (Array.isArray(added) && added.length > MAX_ADDED) return "it has too many added tokens"
  const size = Array.isArray(vocab) ? vocab.length : isObject(vocab) ? Object.keys(vocab).length : 0
  if (size > MAX_VOCABULARY) return "its vocabulary is too large"
  if (typeof wordLength === "number" && wordLength > MAX_PIECE) return "it looks for words that are too long"
  const long = (entry: unknown) => Array.isArray(entry) && typeof entry[0] === "string" && entry[0].length > MAX_PIECE
  return Array.isArray(vocab) && vocab.some(long) ? "a piece of its vocabulary is too long" : null
}

/** Why a tokenizer.json is refused; null when nothing is known against it. */
export const tokenizerProblem = (checked: CheckedParts): string | null => {
  const { added_tokens, decoder, model, normalizer, post_processor, pre_tokenizer } = checked
  const parts = [normalizer, pre_tokenizer, decoder, post_processor].flatMap(flat)
  if (parts.length > MAX_STEPS) return "it has too many steps"
  for (const part of parts) {
    const problem = partProblem(part)
    if (problem !== null) return problem
  }
  const growth = growthProblem(flat(normalizer)) ?? growthProblem(flat(decoder))
  if (growth !== null || !isObject(model)) return growth
  return sizeProblem(added_tokens, model) ?? (model["type"] === "BPE" ? mergeProblem(model) : null)
}
