/**
 * Token ids to text as early as possible: what was returned is never revised, and a replacement character comes only when
 * no further token can turn it into a real one. Decoding token by token can't do that.
 */
import { byteLevelBytes } from "./ByteLevel.js"
import { type DecoderPlan, planDecoder } from "./DecoderPlan.js"

/** One stream of tokens. `push` returns the text that became certain, `finish` what is left at the end. */
export interface Detokenizer {
  readonly push: (id: number) => string
  readonly finish: () => string
}

/** What detokenizing needs from a tokenizer. */
export interface DetokenizerSource {
  /** The `decoder` of tokenizer.json. */
  readonly decoder: unknown
  /** The token as it is written in the vocabulary; null for an id that isn't in it. */
  readonly token: (id: number) => string | null
  /** Special tokens never become text (spec 02 R6.6). */
  readonly isSpecial: (id: number) => boolean
  /** The tokenizer's own decoder for a whole list of tokens: used for the kinds that have no streaming form here. */
  readonly decodeAll: (tokens: ReadonlyArray<string>) => string
}

/** Decides once how a tokenizer's tokens are read; each call of the result starts a stream. */
export const detokenizers = (source: DetokenizerSource): (() => Detokenizer) => {
  const plan = planDecoder(source.decoder)
  return () => {
    const { finish, push } = decode(plan, source)
    return {
      push: (id) => {
        const token = source.isSpecial(id) ? null : source.token(id)
        return token === null ? "" : push(token)
      },
      finish
    }
  }
}

interface TokenDecoder {
  readonly push: (token: string) => string
  readonly finish: () => string
}

const decode = (plan: DecoderPlan, source: DetokenizerSource): TokenDecoder => {
  switch (plan._tag) {
    case "ByteLevel":
      return byteLevel()
    case "Pieces":
      return stripStart(plan.stripStart, plan.byteFallback ? byteFallback(plan.replace) : pieces(plan.replace))
    case "Whole":
      return whole(source.decodeAll)
  }
}

const byteLevel = (): TokenDecoder => {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  return {
    push: (token) => decoder.decode(byteLevelBytes(token), { stream: true }),
    finish: () => decoder.decode()
  }
}

const pieces = (replace: (token: string) => string): TokenDecoder => ({ push: replace, finish: () => "" })

const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/
const REPLACEMENT = "\ufffd"

/**
 * `<0xE4>` tokens are bytes. A run of them is text only when the whole run is valid UTF-8, else every byte of it is one
 * replacement character, so a run is held until an ordinary token ends it or until it can't become valid any more.
 */
const byteFallback = (replace: (token: string) => string): TokenDecoder => {
  let run = newRun()
  const endRun = () => {
    const text = run.end()
    run = newRun()
    return text
  }
  return {
    push: (token) => {
      const byte = BYTE_TOKEN.exec(token)?.[1]
      if (byte !== undefined) return run.push(Number.parseInt(byte, 16))
      return endRun() + replace(token)
    },
    finish: endRun
  }
}

/** The bytes of one run, and how much of its text is out already. */
const newRun = () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let bytes = 0
  let sent = 0
  let text: string | null = "" // null: the run is invalid
  const decoded = (byte: Uint8Array | null): string | null => {
    try {
      return byte === null ? decoder.decode() : decoder.decode(byte, { stream: true })
    } catch {
      return null
    }
  }
  const extend = (more: string | null) => {
    text = text === null || more === null ? null : text + more
  }
  /** What both outcomes begin with is certain: the run's own replacement characters at its start. */
  const certain = (): string => {
    if (text === null) return REPLACEMENT.repeat(bytes)
    let literal = 0
    while (text[literal] === REPLACEMENT) literal++
    return text.slice(0, literal)
  }
  const take = (whole: string): string => {
    const fresh = whole.slice(sent)
    sent = whole.length
    return fresh
  }
  return {
    push: (byte: number): string => {
      bytes++
      if (text !== null) extend(decoded(Uint8Array.of(byte)))
      return take(certain())
    },
    end: (): string => {
      if (text !== null) extend(decoded(null))
      return take(text ?? certain())
    }
  }
}

/** Drops up to `count` spaces at the start of the whole text, not of each token. */
const stripStart = (count: number, decoder: TokenDecoder): TokenDecoder => {
  let left = count
  const strip = (text: string): string => {
    let start = 0
    while (left > 0 && text[start] === " ") {
      start++
      left--
    }
    if (start < text.length) left = 0
    return text.slice(start)
  }
  return { push: (token) => strip(decoder.push(token)), finish: () => strip(decoder.finish()) }
}

/** A list decoded whole may change at its end when tokens join: text is held until that many further tokens agree. */
const HELD_TOKENS = 4

/** So many tokens are context enough for a decoder to treat the next one as it would in the whole list. */
const CONTEXT_TOKENS = 32
/** Tokens that are decoded again for each new one, at most: it bounds the work per token. */
const MAX_WINDOW = 128

/**
 * Any other decoder: decodes the last tokens again and again and returns what didn't change. A window that is full begins
 * anew with its last tokens.
 */
const whole = (decodeAll: (tokens: ReadonlyArray<string>) => string): TokenDecoder => {
  let tokens: Array<string> = []
  let sent = "" // the part of the window's text that is out already
  const release = (text: string): string => {
    if (!text.startsWith(sent)) return ""
    const fresh = text.slice(sent.length)
    sent = text
    return fresh
  }
  const settled = () => decodeAll(tokens.slice(0, -HELD_TOKENS))
  const shrink = (): string => {
    const rest = release(settled()) // whatever it ends with: nothing is lost where the text never settles
    tokens = tokens.slice(-(CONTEXT_TOKENS + HELD_TOKENS))
    sent = settled()
    return rest
  }
  return {
    push: (token) => {
      tokens.push(token)
      if (tokens.length > MAX_WINDOW) return shrink()
      const stable = tokens.length > HELD_TOKENS ? settled() : ""
      const now = decodeAll(tokens)
      return now.startsWith(stable) && !stable.endsWith(REPLACEMENT) ? release(stable) : ""
    },
    finish: () => release(decodeAll(tokens))
  }
}
