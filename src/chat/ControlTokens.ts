/**
 * Keeps the text of control tokens plain where a user wrote it (spec 03 §0.1(10)): such text is common in questions about
 * models, and an attack elsewhere. A second tokenizer knows the control tokens by names that nobody can write; the places
 * where the template itself wrote a control token get that name. Pure.
 */
import { isObject, type JsonObject } from "../domain/JsonFile.js"
import type { AddedToken } from "./AddedTokens.js"

/** A part of a text, in UTF-16 units. */
export interface Span {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** HTML that some vocabularies have as tokens: ordinary text, with no meaning for the dialogue. */
const HTML =
  /^<\/?(?:a|abbr|b|blockquote|body|br|caption|center|code|d[dlt]|div|em|h[1-6r]|head|html|i|img|li|main|ol|p|pre|s|section|small|span|strong|su[bp]|table|t[bdhr]|tbody|tfoot|thead|title|u|ul)\s*\/?>$/i
const BYTE = /^<0x[0-9A-Fa-f]{2}>$/
const DELIMITED = /^[<[].*[>\]]$/su

/** Whether a token means something beyond its text: it is special, or written like a mark. White space and HTML aren't. */
export const isControl = ({ content, special }: Pick<AddedToken, "content" | "special">): boolean =>
  !BYTE.test(content) && (special || (DELIMITED.test(content) && !HTML.test(content)))

/** The name of a control token in the second tokenizer: letters only, which every normalizer leaves as they are. */
const nameOf = (secret: string, index: number): string =>
  secret + [...String(index).padStart(6, "0")].map((digit) => "abcdefghij"[Number(digit)]).join("")

/** The names of the control tokens of `added`. `secret`: lower-case letters that can't be guessed. */
export const controlNames = (added: ReadonlyArray<AddedToken>, secret: string): ReadonlyMap<string, string> =>
  new Map(added.flatMap((token, index) => (isControl(token) ? [[token.content, nameOf(secret, index)] as const] : [])))

const renamedVocabulary = (vocabulary: unknown, names: ReadonlyMap<string, string>): unknown => {
  const renamed = (token: string) => names.get(token) ?? token
  if (isObject(vocabulary)) {
    return Object.fromEntries(Object.entries(vocabulary).map(([token, id]) => [renamed(token), id]))
  }
  if (!Array.isArray(vocabulary)) return vocabulary
  return vocabulary.map((entry: unknown) =>
    Array.isArray(entry) && typeof entry[0] === "string" ? [renamed(entry[0]), ...entry.slice(1)] : entry
  )
}

/** Merges that would make a control token of ordinary ones, or go on from one, are left out. */
const keptMerges = (merges: unknown, names: ReadonlyMap<string, string>): unknown => {
  if (!Array.isArray(merges)) return merges
  return merges.filter((merge: unknown) => {
    const parts: ReadonlyArray<unknown> =
      typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : []
    return !names.has(parts.join("")) && !parts.some((part) => typeof part === "string" && names.has(part))
  })
}

/** A parsed tokenizer.json in which control tokens have other names and the same ids. */
export const withNames = (json: JsonObject, names: ReadonlyMap<string, string>): JsonObject => {
  const { added_tokens, model } = json
  const token = (content: unknown) => (typeof content === "string" ? (names.get(content) ?? content) : content)
  return {
    ...json,
    added_tokens: Array.isArray(added_tokens)
      ? added_tokens.map((entry: unknown) => (isObject(entry) ? { ...entry, content: token(entry["content"]) } : entry))
      : added_tokens,
    model: isObject(model)
      ? {
          ...model,
          vocab: renamedVocabulary(model["vocab"], names),
          ...("merges" in model ? { merges: keptMerges(model["merges"], names) } : {}),
          ...("unk_token" in model ? { unk_token: token(model["unk_token"]) } : {})
        }
      : model
  }
}

interface Match extends Span {
  readonly content: string
}

/** The longest of some tokens that stands at a place of a text and is accepted; null when there is none. */
type FindAt = (text: string, start: number, accepts: (match: Match) => boolean) => Match | null

const finder = (contents: Iterable<string>): FindAt => {
  const known = new Set(contents)
  const lengths = new Map<string, Array<number>>()
  for (const content of known) {
    const own = lengths.get(content.charAt(0)) ?? []
    if (!own.includes(content.length)) own.push(content.length)
    lengths.set(
      content.charAt(0),
      own.sort((a, b) => b - a)
    )
  }
  return (text, start, accepts) => {
    for (const length of lengths.get(text.charAt(start)) ?? []) {
      const match = { start, end: start + length, content: text.slice(start, start + length) }
      if (known.has(match.content) && accepts(match)) return match
    }
    return null
  }
}

/** All of them in a part of a text, from the left, each after the end of the one before. */
const findAll = (find: FindAt, text: string, part: Span, accepts: (match: Match) => boolean): ReadonlyArray<Match> => {
  const matches: Array<Match> = []
  for (let start = part.start; start < part.end; ) {
    const match = find(text, start, (match) => match.end <= part.end && accepts(match))
    if (match !== null) matches.push(match)
    start = match?.end ?? start + 1
  }
  return matches
}

const overlaps = (match: Span, spans: ReadonlyArray<Span>): boolean =>
  spans.some(({ end, start }) => match.start < end && start < match.end)

/**
 * A text for the second tokenizer: control tokens outside of the spans by their names, everything else as it is. Null where
 * no control token's text touches a span: the first tokenizer does the same then.
 */
export type Substitute = (text: string, plain: ReadonlyArray<Span>) => string | null

export const substitution = (
  added: ReadonlyArray<AddedToken>,
  names: ReadonlyMap<string, string>,
  /** What the tokenizer makes of a text before it looks for the tokens that are `normalized`. */
  normalize: (text: string) => string
): Substitute => {
  const contents = (normalized: boolean) =>
    added.flatMap((token) => (token.normalized === normalized && token.content !== "" ? [token.content] : []))
  const reach = Math.max(0, ...[...names.keys()].map(({ length }) => length - 1))
  const findControl = finder(names.keys())
  const late = contents(true).filter((content) => names.has(content))
  const findLate = finder(late.flatMap((content) => [content, normalize(content)]))
  const [findFirst, findSecond] = [finder(contents(false)), finder(contents(true))]
  const any = () => true

  const touches = (text: string, span: Span): boolean => {
    const region = { start: Math.max(0, span.start - reach), end: Math.min(text.length, span.end + reach) }
    for (let start = region.start; start < span.end; start++) {
      if (findControl(text, start, (match) => overlaps(match, [span])) !== null) return true
    }
    // Other characters may become such a text: too many found does no harm.
    if (late.length === 0) return false
    const normalized = normalize(text.slice(region.start, region.end))
    return findAll(findLate, normalized, { start: 0, end: normalized.length }, any).length > 0
  }

  return (text, plain) => {
    if (!plain.some((span) => touches(text, span))) return null
    // Where a user wrote it, the second tokenizer doesn't know a control token, but it may know a shorter ordinary one.
    const accepts = (match: Match) => !(names.has(match.content) && overlaps(match, plain))
    const matches = findAll(findFirst, text, { start: 0, end: text.length }, accepts)
    const end: Match = { start: text.length, end: text.length, content: "" }
    // The tokenizer looks for the others after it normalized what is left.
    const all = [...matches, end].flatMap((match, index) => [
      ...findAll(findSecond, text, { start: matches[index - 1]?.end ?? 0, end: match.start }, accepts),
      match
    ])
    let result = ""
    let done = 0
    for (const match of all) {
      const name = names.get(match.content)
      if (name === undefined) continue
      result += text.slice(done, match.start) + name
      done = match.end
    }
    return result + text.slice(done)
  }
}
