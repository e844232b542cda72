/** How much text one token can stand for: tells that a prompt is too long without encoding it. Pure. */
import { isObject, type JsonObject } from "../domain/JsonFile.js"
import { BYTE_ALPHABET, byteLevelBytes } from "./ByteLevel.js"

/** Parts of tokenizer.json as they were parsed. */
export interface TokenizerParts {
  readonly model: unknown
  readonly normalizer: unknown
  readonly pre_tokenizer: unknown
  readonly added_tokens: unknown
}

/** The most that composing characters shortens UTF-8: three Hangul letters of three bytes become a syllable of three. */
const COMPOSED = 3

const utf8Length = (text: string): number => Buffer.byteLength(text)

/** A part and those inside it, where it is a sequence. */
const flat = (part: unknown, key: "normalizers" | "pretokenizers"): ReadonlyArray<unknown> => {
  if (part === null || part === undefined) return []
  if (!isObject(part) || part["type"] !== "Sequence") return [part]
  const parts = part[key]
  return Array.isArray(parts) ? parts.flatMap((inner) => flat(inner, key)) : [null]
}

const typeOf = (part: unknown): unknown => (isObject(part) ? part["type"] : null)

/** By what factor a normalizer can shorten a text; null where there is no limit. */
const shrinking = (part: unknown): number | null => {
  if (!isObject(part)) return null
  switch (part["type"]) {
    case "Prepend":
    case "ByteLevel":
      return 1
    case "NFC":
    case "NFD":
      return COMPOSED
    case "Replace": {
      const { content, pattern } = part
      const from = isObject(pattern) ? pattern["String"] : null
      const grows = typeof from === "string" && typeof content === "string" && utf8Length(content) >= utf8Length(from)
      return grows ? 1 : null
    }
    default:
      return null
  }
}

const KEEPING: ReadonlySet<unknown> = new Set(["ByteLevel", "Metaspace", "Digits"])

/** Whether all text gets to the model, however it is split. */
const keeps = (part: unknown): boolean =>
  KEEPING.has(typeOf(part)) || (isObject(part) && part["type"] === "Split" && part["behavior"] !== "Removed")

const BYTE_TOKENS = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`)

/** Whether unknown text becomes at least one token per character or byte: it is dropped or joined otherwise. */
const coversAll = (model: JsonObject, vocabulary: JsonObject, byteLevel: boolean): boolean => {
  const has = (tokens: ReadonlyArray<string>) => tokens.every((token) => Object.hasOwn(vocabulary, token))
  if (byteLevel && has(BYTE_ALPHABET)) return true
  if (model["byte_fallback"] === true && has(BYTE_TOKENS)) return true
  return typeof model["unk_token"] === "string" && model["fuse_unk"] !== true
}

const longest = (tokens: ReadonlyArray<string>, length: (token: string) => number): number =>
  // No unit of a string has more than three bytes, so most tokens need no second look.
  tokens.reduce((most, token) => (token.length * 3 <= most ? most : Math.max(most, length(token))), 0)

/**
 * The most bytes of a text that one token stands for. Null where there is no such number: the tokenizer drops text, or joins
 * any length of it to one token, or is of a kind that isn't known here to do neither.
 */
export const maxBytesPerToken = ({ added_tokens, model, normalizer, pre_tokenizer }: TokenizerParts): number | null => {
  if (!isObject(model) || model["type"] !== "BPE" || !isObject(model["vocab"])) return null
  const vocabulary = model["vocab"]
  const normalizers = flat(normalizer, "normalizers")
  const splitters = flat(pre_tokenizer, "pretokenizers")
  const byteLevel = [...normalizers, ...splitters].some((part) => typeOf(part) === "ByteLevel")
  if (!splitters.every(keeps) || !coversAll(model, vocabulary, byteLevel)) return null
  const added = Array.isArray(added_tokens) ? added_tokens.filter(isObject) : []
  // These swallow any length of white space beside them.
  if (added.some(({ lstrip, rstrip }) => lstrip === true || rstrip === true)) return null
  const factor = normalizers.reduce<number | null>((product, part) => {
    const own = shrinking(part)
    return product === null || own === null ? null : product * own
  }, 1)
  if (factor === null) return null
  const contents = added.flatMap(({ content }) => (typeof content === "string" ? [content] : []))
  const length = byteLevel ? (token: string) => byteLevelBytes(token).length : utf8Length
  return factor * Math.max(1, longest(Object.keys(vocabulary), length), longest(contents, utf8Length))
}
