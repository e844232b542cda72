/**
 * Token ids to text as early as possible: what was returned is never revised, and a replacement character comes only when
 * no further token can turn it into a real one. Decoding token by token can't do that.
 */
import { byteLevelBytes } from "./ByteLevel.js"
import { cleanUpStream, cleanUpWord } from "./CleanUp.js"
import { type DecoderPlan, planDecoder } from "./DecoderPlan.js"
import { utf8Stream } from "./Utf8Stream.js"
import { wholeDecoder } from "./WholeDecoder.js"

/** One stream of tokens. `push` returns the text that became certain, `finish` what is left at the end. */
export interface Detokenizer {
  readonly push: (id: number) => string
  readonly finish: () => string
}

/** What detokenizing needs from a tokenizer. */
export interface DetokenizerSource {
  /** The `decoder` of tokenizer.json. */
  readonly decoder: unknown
  /** Whether `clean_up_tokenization_spaces` acts. */
  readonly cleanUp: boolean
  /** The token as it is written in the vocabulary; null for an id that isn't in it. */
  readonly token: (id: number) => string | null
  /** Special tokens don't become text (spec 02 R6.6), but those that a caller wants to see. */
  readonly isSpecial: (id: number) => boolean
  /** The tokenizer's own decoder for a whole list of tokens: used for the kinds that have no streaming form here. */
  readonly decodeAll: (tokens: ReadonlyArray<string>) => string
}

/** Starts a stream. Special tokens for which `shows` is true become text; none by default. */
export type StartDetokenizer = (shows?: (id: number) => boolean) => Detokenizer

/** How a tokenizer's tokens are read, decided once. */
export interface Detokenizers {
  readonly start: StartDetokenizer
  /** The UTF-8 of a token in the middle of a text, possibly parts of a character; null for an id without a token. */
  readonly bytesOf: (id: number) => Uint8Array | null
}

const utf8 = new TextEncoder()

export const detokenizers = (source: DetokenizerSource): Detokenizers => {
  const plan = planDecoder(source.decoder)
  const read = reader(plan)
  const pieces = new Map<number, Piece>()
  const pieceOf = (id: number): Piece | null => {
    const known = pieces.get(id)
    if (known !== undefined) return known
    const token = source.token(id)
    if (token === null) return null
    const piece = { ...read(token), token, special: source.isSpecial(id) }
    pieces.set(id, piece)
    return piece
  }
  const start: StartDetokenizer = (shows) => {
    const decoder = decode(plan, source)
    return {
      push: (id) => {
        const piece = pieceOf(id)
        if (piece === null || (piece.special && shows?.(id) !== true)) return ""
        return decoder.push(piece)
      },
      finish: decoder.finish
    }
  }
  const bytesOf = (id: number) => {
    const piece = pieceOf(id)
    if (piece === null) return null
    if (piece.bytes !== null) return piece.bytes
    return utf8.encode(piece.text ?? "")
  }
  return { start, bytesOf }
}

/** A word after others, or a part of one. */
const spaced = (token: string, prefix: string): string =>
  token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`

/** What a token stands for: bytes that may be parts of a character, or text. */
interface Piece {
  readonly token: string
  readonly special: boolean
  /** Null where the token isn't bytes. */
  readonly bytes: Uint8Array | null
  /** The token's text by itself; null where its bytes aren't whole characters. */
  readonly text: string | null
}

interface TokenDecoder {
  readonly push: (piece: Pick<Piece, "bytes" | "text" | "token">) => string
  readonly finish: () => string
}

type WordsPlan = Extract<DecoderPlan, { readonly _tag: "Words" }>
type MetaspacePlan = Extract<DecoderPlan, { readonly _tag: "Metaspace" }>

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const textOf = (bytes: Uint8Array): string | null => {
  try {
    return strict.decode(bytes)
  } catch {
    return null
  }
}

const reader = (plan: DecoderPlan): ((token: string) => Pick<Piece, "bytes" | "text">) => {
  const ofBytes = (bytes: Uint8Array) => ({ bytes, text: textOf(bytes) })
  switch (plan._tag) {
    case "ByteLevel":
      return (token) => ofBytes(byteLevelBytes(token))
    case "Pieces":
      return (token) => {
        const byte = plan.byteFallback ? BYTE_TOKEN.exec(token)?.[1] : undefined
        return byte === undefined
          ? { bytes: null, text: plan.replace(token) }
          : ofBytes(Uint8Array.of(Number.parseInt(byte, 16)))
      }
    case "Metaspace":
      return (token) => ({ bytes: null, text: token.replaceAll(plan.replacement, " ") })
    case "Words":
      return (token) => ({ bytes: null, text: wordText(plan, spaced(token, plan.prefix)) })
    case "Whole":
      return (token) => ({ bytes: null, text: token })
  }
}

const decode = (plan: DecoderPlan, source: DetokenizerSource): TokenDecoder => {
  const cleaned = (decoder: TokenDecoder) => (source.cleanUp ? cleanedUp(decoder) : decoder)
  switch (plan._tag) {
    case "ByteLevel":
      return cleaned(bytes("subpart"))
    case "Pieces":
      return cleaned(stripStart(plan.stripStart, bytes("each")))
    case "Words":
      return cleaned(words(plan))
    case "Metaspace":
      return cleaned(metaspace(plan))
    case "Whole":
      return cleaned(whole(source.decodeAll))
  }
}

/**
 * Bytes joined to characters. Bytes that another token ends before they are a character are bad, in the order of the text.
 * Where a decoder makes a whole run of byte tokens bad by one bad byte, what was sent of it stays: text can't be taken back.
 */
const bytes = (bad: "each" | "subpart"): TokenDecoder => {
  const stream = utf8Stream(bad)
  return {
    push: ({ bytes, text }) => {
      if (text !== null && !stream.holds()) return text
      return bytes === null ? stream.finish() + (text ?? "") : stream.push(bytes)
    },
    finish: stream.finish
  }
}

const wordText = ({ cleanUp }: WordsPlan, word: string): string => (cleanUp ? cleanUpWord(word) : word)

/** The first token is taken as it is, without a space before it and with its prefix. */
const words = (plan: WordsPlan): TokenDecoder => firstOf((token) => wordText(plan, token))

/** The first token's text is another one than later. */
const firstOf = (firstText: (token: string) => string): TokenDecoder => {
  let first = true
  return {
    push: ({ text, token }) => {
      if (!first) return text ?? ""
      first = false
      return firstText(token)
    },
    finish: () => ""
  }
}

const metaspace = ({ dropFirst, replacement }: MetaspacePlan): TokenDecoder =>
  firstOf((token) => token.replaceAll(replacement, dropFirst ? "" : " "))

const whole = (decodeAll: DetokenizerSource["decodeAll"]): TokenDecoder => {
  const { finish, push } = wholeDecoder(decodeAll)
  return { push: ({ token }) => push(token), finish }
}

const cleanedUp = (decoder: TokenDecoder): TokenDecoder => {
  const clean = cleanUpStream()
  return {
    push: (piece) => clean.push(decoder.push(piece)),
    finish: () => clean.push(decoder.finish()) + clean.finish()
  }
}

/** Drops up to `count` spaces at the start of the whole text, not of each token. */
const stripStart = (count: number, decoder: TokenDecoder): TokenDecoder => {
  let left = count
  const strip = (text: string): string => {
    if (left === 0) return text
    let start = 0
    while (left > 0 && text[start] === " ") {
      start++
      left--
    }
    if (start < text.length) left = 0
    return text.slice(start)
  }
  return { push: (piece) => strip(decoder.push(piece)), finish: () => strip(decoder.finish()) }
}
