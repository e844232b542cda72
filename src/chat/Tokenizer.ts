/** The native tokenizer of one checkpoint. Loading the package is left to the first use: only the engine process pays. */
import { Effect, Option, Schema } from "effect"
import type { Tokenizer as NativeTokenizer } from "tokenizers"
import { CheckpointInvalid } from "../domain/Errors.js"
import { isObject } from "../domain/JsonFile.js"
import { type AddedToken, addedTokens, type TokenFiles } from "./AddedTokens.js"
import { cleanUp } from "./CleanUp.js"
import { controlNames, type Span, type Substitute, substitution, withNames } from "./ControlTokens.js"
import { detokenizers, type StartDetokenizer } from "./Detokenizer.js"
import { maxBytesPerToken } from "./TokenBytes.js"
import { tokenizerProblem } from "./TokenizerCheck.js"
import { cleansUpSpaces } from "./TokenizerConfig.js"

/** Text in, ids out, and back. */
export interface Tokenizer {
  /**
   * Token ids of a text. With `addSpecialTokens` the tokenizer adds what it puts around a plain text (usually BOS); a
   * rendered chat template has it already (spec 02 R5.4). In the `plain` parts the texts of control tokens are ordinary
   * text (spec 03 §0.1(10)); everything else is encoded as without them.
   */
  readonly encode: (text: string, options: EncodeOptions) => Effect.Effect<ReadonlyArray<number>, CheckpointInvalid>
  /** Two texts in one, as rerankers take them, with which of the two each token belongs to. An empty second one is none. */
  readonly encodePair: (
    text: string,
    pair: string
  ) => Effect.Effect<
    { readonly ids: ReadonlyArray<number>; readonly typeIds: ReadonlyArray<number> },
    CheckpointInvalid
  >
  /** The text of a whole list of ids. Ids outside the vocabulary are skipped. */
  readonly decode: (ids: ReadonlyArray<number>, options: { readonly skipSpecialTokens: boolean }) => string
  /** The id of a token, null when the vocabulary hasn't got it. */
  readonly idOf: (token: string) => number | null
  readonly isSpecial: (id: number) => boolean
  readonly specialIds: ReadonlySet<number>
  /** The UTF-8 that a token adds to a text, possibly parts of a character; null for an id without a token. */
  readonly bytesOf: (id: number) => Uint8Array | null
  /** One more than the highest id. Not every id below it has a token. */
  readonly vocabularySize: () => number
  /** The most bytes of a text that one token stands for, on the average of a prompt; null where there is no limit. */
  readonly maxBytesPerToken: number | null
  /** Starts a stream of answer tokens. */
  readonly detokenizer: StartDetokenizer
}

export interface EncodeOptions {
  readonly addSpecialTokens: boolean
  readonly plain?: ReadonlyArray<Span>
}

const OwnToken = Schema.Struct({
  content: Schema.String,
  special: Schema.Boolean,
  normalized: Schema.optional(Schema.Boolean),
  single_word: Schema.optional(Schema.Boolean),
  lstrip: Schema.optional(Schema.Boolean),
  rstrip: Schema.optional(Schema.Boolean)
})

/** What is read from tokenizer.json beside the native tokenizer, which doesn't tell. */
const TokenizerJson = Schema.Struct({
  model: Schema.Unknown,
  normalizer: Schema.Unknown,
  pre_tokenizer: Schema.Unknown,
  post_processor: Schema.Unknown,
  decoder: Schema.Unknown,
  added_tokens: Schema.optionalWith(Schema.Array(OwnToken), { default: () => [] })
})
const decodeTokenizerJson = Schema.decodeUnknownOption(Schema.parseJson(TokenizerJson))
const parseObject = Schema.decodeUnknownSync(
  Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
)

/** Letters that nobody can guess. */
const newSecret = (): string =>
  Array.from(globalThis.crypto.getRandomValues(new Uint8Array(24)), (byte) =>
    String.fromCharCode(0x61 + (byte % 26))
  ).join("")

/** Left over from training in some files; a prompt must be encoded whole. */
const uncut = (native: NativeTokenizer): NativeTokenizer => {
  native.disableTruncation()
  native.disablePadding()
  return native
}

/** A text and the tokenizer that takes it. */
type Choose = (text: string, plain: ReadonlyArray<Span>) => readonly [NativeTokenizer, string]

/** The second tokenizer is made by the first text that needs it. */
const chooser = (
  native: NativeTokenizer,
  added: ReadonlyArray<AddedToken>,
  makeSecond: (names: ReadonlyMap<string, string>) => NativeTokenizer
): Choose => {
  const names = controlNames(added, newSecret())
  let substitute: Substitute | null = null
  let second: NativeTokenizer | null = null
  return (text, plain) => {
    if (plain.length === 0) return [native, text]
    substitute ??= substitution(added, names, (part) => native.getNormalizer()?.normalizeString(part) ?? part)
    const substituted = substitute(text, plain)
    if (substituted === null) return [native, text]
    second ??= makeSecond(names)
    return [second, substituted]
  }
}

const withDefaults = ({
  content,
  lstrip = false,
  normalized,
  rstrip = false,
  single_word = false,
  special
}: typeof OwnToken.Type): AddedToken => ({
  content,
  special,
  normalized: normalized ?? !special,
  single_word,
  lstrip,
  rstrip
})

/** Another tokenizer.json with these added tokens. */
const withAdded = (text: string, added: ReadonlyArray<AddedToken>): string =>
  JSON.stringify({ ...parseObject(text), added_tokens: added.map((token) => ({ id: 0, ...token })) })

const MAX_ID = 2 ** 31

/** Some tokenizers drop text or join any length of it, so nothing can be proved of them; but no prompt is like that throughout. */
const PLAUSIBLE_BYTES_PER_TOKEN = 1024

const NONE: TokenFiles = { tokenizerConfig: null, specialTokensMap: null, addedTokens: null }

/** Makes a tokenizer of the text of tokenizer.json and the files beside it. */
export const makeTokenizer = (
  model: string,
  text: string,
  files: TokenFiles = NONE
): Effect.Effect<Tokenizer, CheckpointInvalid> =>
  Effect.gen(function* () {
    const { Tokenizer: Native } = yield* Effect.promise(() => import("tokenizers"))
    const problem = (problem: string) => new CheckpointInvalid({ model, file: "tokenizer.json", problem })
    const invalid = () => problem("not a valid tokenizer")
    const parts = yield* Option.match(decodeTokenizerJson(text), { onNone: invalid, onSome: Effect.succeed })
    const own = parts.added_tokens.map(withDefaults)
    const added = addedTokens(own, files)
    const known = tokenizerProblem({ ...parts, added_tokens: added })
    if (known !== null) return yield* problem(known)
    const json = added.every((token) => own.includes(token)) ? text : withAdded(text, added)
    const native = yield* Effect.try({ try: () => uncut(Native.fromString(json)), catch: invalid })
    const { decoder } = parts
    const choose = chooser(native, added, (names) =>
      uncut(Native.fromString(JSON.stringify(withNames(parseObject(json), names))))
    )
    const encode = (prompt: string, pair: string | null, { addSpecialTokens, plain = [] }: EncodeOptions) =>
      Effect.tryPromise({
        try: () => {
          const [chosen, substituted] = choose(prompt, plain)
          return chosen.encode(substituted, pair, { addSpecialTokens })
        },
        catch: () => problem("it cannot encode a prompt")
      })
    // The library numbers added tokens itself where the vocabulary lacks them, so the file's own ids don't count.
    const specialIds = new Set(
      added.flatMap(({ content, special }) => (special ? (native.tokenToId(content) ?? []) : []))
    )
    const isSpecial = (id: number) => specialIds.has(id)
    // The library takes any number modulo 2^32.
    const token = (id: number) => (id >= 0 && id < MAX_ID ? native.idToToken(id) : null)
    const nativeDecoder = native.getDecoder()
    const decodeAll = (tokens: ReadonlyArray<string>) => nativeDecoder?.decode([...tokens]) ?? tokens.join(" ")
    // Byte-pair models ignore the setting, as in the original.
    const cleans = cleansUpSpaces(files.tokenizerConfig) && !(isObject(parts.model) && parts.model["type"] === "BPE")
    const { bytesOf, start } = detokenizers({ decoder, cleanUp: cleans, isSpecial, token, decodeAll })
    return {
      encode: (prompt, options) => Effect.map(encode(prompt, null, options), (encoding) => encoding.getIds()),
      encodePair: (prompt, pair) =>
        Effect.map(encode(prompt, pair === "" ? null : pair, { addSpecialTokens: true }), (encoding) => ({
          ids: encoding.getIds(),
          typeIds: encoding.getTypeIds()
        })),
      decode: (ids, { skipSpecialTokens }) => {
        const tokens = ids.flatMap((id) => (skipSpecialTokens && isSpecial(id) ? [] : (token(id) ?? [])))
        return cleans ? cleanUp(decodeAll(tokens)) : decodeAll(tokens)
      },
      idOf: (token) => native.tokenToId(token),
      isSpecial,
      specialIds,
      bytesOf,
      vocabularySize: () => Object.values(native.getVocab(true)).reduce((most, id) => Math.max(most, id + 1), 0),
      maxBytesPerToken: maxBytesPerToken({ ...parts, added_tokens: added }) ?? PLAUSIBLE_BYTES_PER_TOKEN,
      detokenizer: start
    }
  })
