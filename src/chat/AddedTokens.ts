/**
 * The added tokens of a checkpoint: those of tokenizer.json, and those that the files beside it add or change, as transformers
 * puts them together. Pure.
 */
import { isObject, type JsonObject } from "../domain/JsonFile.js"
import { SPECIAL_TOKEN_NAMES } from "./TokenizerConfig.js"

/** An entry of `added_tokens`, without its id: the native library gives new tokens the next ones in this order. */
export interface AddedToken {
  readonly content: string
  readonly special: boolean
  readonly normalized: boolean
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
}

/** Parsed files beside tokenizer.json; null for one that the checkpoint hasn't got. */
export interface TokenFiles {
  readonly tokenizerConfig: unknown
  /** special_tokens_map.json, of older checkpoints */
  readonly specialTokensMap: unknown
  /** added_tokens.json, of older checkpoints */
  readonly addedTokens: unknown
}

const contentOf = (value: unknown): string | null => {
  const content = isObject(value) ? value["content"] : value
  return typeof content === "string" && content !== "" ? content : null
}

/** A token that is a text or an object with flags; the flags of a text are those of a special token. */
const tokensOf = (value: unknown, isSpecial: boolean): ReadonlyArray<AddedToken> => {
  const content = contentOf(value)
  if (content === null) return []
  const flags = isObject(value) ? value : { special: true }
  const special = isSpecial || flags["special"] === true
  const given = flags["normalized"]
  return [
    {
      content,
      special,
      normalized: typeof given === "boolean" ? given : flags["special"] !== true,
      single_word: flags["single_word"] === true,
      lstrip: flags["lstrip"] === true,
      rstrip: flags["rstrip"] === true
    }
  ]
}

const asObject = (value: unknown): JsonObject => (isObject(value) ? value : {})
const valuesOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : Object.values(asObject(value))

/** Further special tokens, by the name in use or the older one. */
const extrasOf = (config: JsonObject): ReadonlyArray<unknown> => {
  const extras = valuesOf(config["extra_special_tokens"])
  return extras.length > 0 ? extras : valuesOf(config["additional_special_tokens"])
}

/** The texts of tokens with a name of a model's own: `image_token` and so on. */
const ownNames = (config: JsonObject): ReadonlyArray<unknown> =>
  Object.keys(config).flatMap((name) =>
    name.endsWith("_token") && !SPECIAL_TOKEN_NAMES.includes(name) ? [config[name]] : []
  )

const byId = (table: JsonObject, id: (entry: readonly [string, unknown]) => unknown) =>
  Object.entries(table).sort((a, b) => Number(id(a)) - Number(id(b)))

const sameFlags = (a: AddedToken, b: AddedToken): boolean =>
  a.special === b.special &&
  a.normalized === b.normalized &&
  a.single_word === b.single_word &&
  a.lstrip === b.lstrip &&
  a.rstrip === b.rstrip

/**
 * `own`: the added tokens of tokenizer.json. A table in tokenizer_config.json changes the flags of those that it lists; where it
 * has none, the older files count. Tokens with a name are special whatever their flags say. All that is new comes last.
 * `defaults`: named tokens of the tokenizer's class.
 */
export const addedTokens = (
  own: ReadonlyArray<AddedToken>,
  files: TokenFiles,
  defaults: JsonObject = {}
): ReadonlyArray<AddedToken> => {
  const config = asObject(files.tokenizerConfig)
  const table = config["added_tokens_decoder"]
  const older = isObject(table) ? {} : asObject(files.specialTokensMap)
  const names = { ...defaults, ...config, ...older }
  const named = SPECIAL_TOKEN_NAMES.map((name) => names[name])
  const extras = [...extrasOf(config), ...valuesOf(older["extra_special_tokens"])]
  const special = new Set([...named, ...extras].map(contentOf))
  const listed = isObject(table)
    ? byId(table, ([id]) => id).flatMap(([, entry]) => (isObject(entry) ? tokensOf(entry, false) : []))
    : byId(asObject(files.addedTokens), ([, id]) => id).flatMap(([content]) =>
        tokensOf({ content, special: special.has(content) }, false)
      )
  const result = new Map(own.map((token) => [token.content, token] as const))
  const known = new Map(
    (isObject(table) ? listed : [...listed, ...own]).map((token) => [token.content, token] as const)
  )
  const add = (token: AddedToken) => {
    const before = result.get(token.content)
    // Once special, always skipped.
    const after = { ...token, special: token.special || before?.special === true }
    if (before === undefined || !sameFlags(before, after)) result.set(token.content, after)
  }
  for (const token of known.values()) add(token)
  const further = extras.length > 0 ? extras : extrasOf(older)
  for (const name of named) {
    const token = known.get(contentOf(name) ?? "")
    if (token !== undefined) add({ ...token, special: true })
  }
  for (const token of [...named, ...ownNames(names), ...further].flatMap((value) => tokensOf(value, true))) {
    if (!result.has(token.content)) add(token)
  }
  return [...result.values()]
}
