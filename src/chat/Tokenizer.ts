/** The native tokenizer of one checkpoint. Loading the package is left to the first use: only the engine process pays. */
import { Effect, Option, Schema } from "effect"
import { CheckpointInvalid } from "../domain/Errors.js"
import { type Detokenizer, detokenizers } from "./Detokenizer.js"
import { maxBytesPerToken } from "./TokenBytes.js"

/** Text in, ids out, and back. */
export interface Tokenizer {
  /**
   * Token ids of a text. With `addSpecialTokens` the tokenizer adds what it puts around a plain text (usually BOS); a
   * rendered chat template has it already (spec 02 R5.4). Texts of control tokens are read as control tokens wherever they
   * stand, in user content too: telling them apart (spec 03 §0.1(10)) is still to come.
   */
  readonly encode: (
    text: string,
    options: { readonly addSpecialTokens: boolean }
  ) => Effect.Effect<ReadonlyArray<number>, CheckpointInvalid>
  /** The id of a token, null when the vocabulary hasn't got it. */
  readonly idOf: (token: string) => number | null
  readonly isSpecial: (id: number) => boolean
  /** The most bytes of a text that one token stands for; null where that can't be told. */
  readonly maxBytesPerToken: number | null
  /** Starts a stream of answer tokens. */
  readonly detokenizer: () => Detokenizer
}

const AddedToken = Schema.Struct({
  content: Schema.String,
  special: Schema.Boolean,
  lstrip: Schema.Unknown,
  rstrip: Schema.Unknown
})

/** What is read from tokenizer.json beside the native tokenizer, which doesn't tell. */
const TokenizerJson = Schema.Struct({
  model: Schema.Unknown,
  normalizer: Schema.Unknown,
  pre_tokenizer: Schema.Unknown,
  decoder: Schema.Unknown,
  added_tokens: Schema.optionalWith(Schema.Array(AddedToken), { default: () => [] })
})
const decodeTokenizerJson = Schema.decodeUnknownOption(Schema.parseJson(TokenizerJson))

/** Makes a tokenizer of the text of tokenizer.json. */
export const makeTokenizer = (model: string, text: string): Effect.Effect<Tokenizer, CheckpointInvalid> =>
  Effect.gen(function* () {
    const { Tokenizer: Native } = yield* Effect.promise(() => import("tokenizers"))
    const invalid = () => new CheckpointInvalid({ model, file: "tokenizer.json", problem: "not a valid tokenizer" })
    // Native first: it bounds the nesting, so that JSON.parse sees no hostile depth.
    const native = yield* Effect.try({ try: () => Native.fromString(text), catch: invalid })
    const parts = yield* Option.match(decodeTokenizerJson(text), {
      onNone: invalid,
      onSome: Effect.succeed
    })
    const { added_tokens, decoder } = parts
    // Left over from training in some files; a prompt must be encoded whole.
    native.disableTruncation()
    native.disablePadding()
    // The library numbers added tokens itself where the vocabulary lacks them, so the file's own ids don't count.
    const special = new Set(
      added_tokens.flatMap(({ content, special }) => (special ? [native.tokenToId(content)] : []))
    )
    const isSpecial = (id: number) => special.has(id)
    const nativeDecoder = native.getDecoder()
    return {
      encode: (prompt, { addSpecialTokens }) =>
        Effect.tryPromise({
          try: () => native.encode(prompt, null, { addSpecialTokens }),
          catch: () => new CheckpointInvalid({ model, file: "tokenizer.json", problem: "it cannot encode a prompt" })
        }).pipe(Effect.map((encoding) => encoding.getIds())),
      idOf: (token) => native.tokenToId(token),
      isSpecial,
      maxBytesPerToken: maxBytesPerToken(parts),
      detokenizer: detokenizers({
        decoder,
        isSpecial,
        token: (id) => native.idToToken(id),
        decodeAll: (tokens) => nativeDecoder?.decode([...tokens]) ?? tokens.join(" ")
      })
    }
  })
