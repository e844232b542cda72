/** What of a tokenizer.json ends the process that loads or uses it: the native library aborts where it should refuse. Pure. */
import { isObject, type JsonObject } from "../domain/JsonFile.js"
import type { TokenizerParts } from "./TokenBytes.js"

/** The parts that are looked into. */
export interface CheckedParts extends Pick<TokenizerParts, "model" | "normalizer" | "pre_tokenizer"> {
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

/** All parts of a kind, those inside of sequences too. */
const flat = (part: unknown): ReadonlyArray<JsonObject> => {
  if (!isObject(part)) return []
  const inner = ["normalizers", "pretokenizers", "decoders", "processors"].flatMap((key) => {
    const parts = part[key]
    return Array.isArray(parts) ? parts.flatMap(flat) : []
  })
  return [part, ...inner]
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

/** What a template names must be known to it. */
const templateProblem = ({ pair, single, special_tokens: known }: JsonObject): string | null => {
  const pieces = [single, pair].flatMap((list) => (Array.isArray(list) ? list : [])).filter(isObject)
  const named = pieces.flatMap(({ SpecialToken: token }) => (isObject(token) ? [token["id"]] : []))
  const unknown = named.some((id) => typeof id === "string" && !(isObject(known) && Object.hasOwn(known, id)))
  const second =
    Array.isArray(single) &&
    single.some((piece) => isObject(piece) && isObject(piece["Sequence"]) && piece["Sequence"]["id"] === "B")
  return unknown || second ? "its post-processor names what it hasn't got" : null
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

const growthProblem = (normalizers: ReadonlyArray<JsonObject>): string | null => {
  const growth = normalizers.reduce((product, { content, pattern }) => {
    const from = isObject(pattern) ? pattern["String"] : undefined
    if (typeof content !== "string") return product
    return product * Math.max(1, bytes(content) / Math.max(1, typeof from === "string" ? bytes(from) : 1))
  }, 1)
  return growth > MAX_GROWTH ? "its normalizer makes text too long" : null
}

/** Why a tokenizer.json is refused; null when nothing is known against it. */
export const tokenizerProblem = ({
  decoder,
  model,
  normalizer,
  post_processor,
  pre_tokenizer
}: CheckedParts): string | null => {
  const parts = [normalizer, pre_tokenizer, decoder, post_processor].flatMap(flat)
  for (const part of parts) {
    const problem = partProblem(part)
    if (problem !== null) return problem
  }
  return growthProblem(flat(normalizer)) ?? (isObject(model) && model["type"] === "BPE" ? mergeProblem(model) : null)
}
