/** Streaming for a decoder that only takes whole lists of tokens: the last tokens are decoded again for each new one. */
import { REPLACEMENT } from "./Utf8Stream.js"

/** A list decoded whole may change at its end when tokens join: text is held until that many further tokens agree. */
const HELD_TOKENS = 4

/** So many tokens are context enough for a decoder to treat the next one as it would in the whole list. */
const CONTEXT_TOKENS = 32
/** Tokens that are decoded again for each new one, at most: it bounds the work per token. */
const MAX_WINDOW = 128

/**
 * Decodes the last tokens again and again and returns what didn't change. A window that is full begins anew with its last
 * tokens.
 */
export const wholeDecoder = (decodeAll: (tokens: ReadonlyArray<string>) => string) => {
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
    push: (token: string): string => {
      tokens.push(token)
      if (tokens.length > MAX_WINDOW) return shrink()
      const stable = tokens.length > HELD_TOKENS ? settled() : ""
      const now = decodeAll(tokens)
      return now.startsWith(stable) && !stable.endsWith(REPLACEMENT) ? release(stable) : ""
    },
    finish: (): string => release(decodeAll(tokens))
  }
}
