/** Which tokens end an answer (spec 02 §6.2, §6.3). A union of every source: a terminator that is missed never ends. Pure. */
import { isObject, type JsonObject } from "../domain/JsonFile.js"

export interface EndSources {
  readonly generationConfig: unknown
  readonly config: unknown
  /** The special tokens' texts by name, as `specialTokens` reads them. */
  readonly specialTokens: Readonly<Record<string, string>>
  /** The chat template's text; null without one. */
  readonly template: string | null
  readonly idOf: (token: string) => number | null
  readonly isSpecial: (id: number) => boolean
}

const isTokenId = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0

/** One id or a list; entries that are none are skipped. */
const idsIn = (file: unknown): ReadonlyArray<number> => {
  const value = isObject(file) ? file["eos_token_id"] : undefined
  return (Array.isArray(value) ? value : [value]).filter(isTokenId)
}

/** They end a turn or a text in every family that has them as special tokens. */
const END_MARKERS: ReadonlyArray<string> = [
  "</s>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<|im_end|>",
  "<|eot_id|>",
  "<|eom_id|>",
  "<end_of_turn>",
  "<|END_OF_TURN_TOKEN|>",
  "<｜end▁of▁sentence｜>"
]

/** Harmony's own. `<|end|>`, which ends answers elsewhere, only ends a message there: more follow. */
const HARMONY_TAGS: ReadonlyArray<string> = ["<|channel|>", "<|message|>"]
const HARMONY_ENDS: ReadonlyArray<string> = ["<|return|>", "<|call|>"]
const MESSAGE_END = "<|end|>"

/** What a template may write in marks, and the words that mean an end, but of something inside of a turn. */
const MARK = /<[^<>\s]{1,60}>/g
const END = /(?:^|[^a-z])(?:end|eot|eom|stop|finish|done|endof[a-z]*|im_end)(?:[^a-z]|$)/i
const INNER =
  /action|audio|box|call|channel|fim|function|header|image|message|object|prompt|quad|query|response|role|system|think|thought|tool|user|video|vision/i

const templateEnds = (template: string | null): ReadonlyArray<string> =>
  [...new Set(template?.match(MARK) ?? [])].filter((mark) => END.test(mark) && !INNER.test(mark))

export const endTokens = (sources: EndSources): ReadonlySet<number> => {
  const { config, generationConfig, idOf, isSpecial, specialTokens, template } = sources
  const special = (token: string | undefined): ReadonlyArray<number> => {
    const id = token === undefined ? null : idOf(token)
    return id !== null && isSpecial(id) ? [id] : []
  }
  const textConfig: JsonObject = isObject(config) ? { eos_token_id: textEos(config) } : {}
  const harmony = HARMONY_TAGS.every((tag) => special(tag).length > 0)
  const { eos_token, pad_token, unk_token } = specialTokens
  // The EOS token counts even where tokenizer.json doesn't mark it as special.
  const eos = eos_token === undefined ? null : idOf(eos_token)
  const ends = new Set([
    ...[generationConfig, config, textConfig].flatMap(idsIn),
    ...(eos === null ? [] : [eos]),
    ...(pad_token === unk_token ? [] : special(pad_token)),
    ...[...END_MARKERS, ...templateEnds(template), MESSAGE_END, ...(harmony ? HARMONY_ENDS : [])].flatMap(special)
  ])
  if (harmony) for (const id of special(MESSAGE_END)) ends.delete(id)
  return ends
}

/** Models of several kinds of input have the one of texts in a part of its own. */
const textEos = (config: JsonObject): unknown => {
  const text = config["text_config"]
  return isObject(text) ? text["eos_token_id"] : undefined
}
