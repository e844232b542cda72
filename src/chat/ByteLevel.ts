/** The alphabet in which byte-level BPE vocabularies write bytes: one printable character per byte (GPT-2's table). Pure. */

const isPrintable = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)

/** The character of each byte: itself when printable, else the next one from U+0100 on. */
export const BYTE_ALPHABET: ReadonlyArray<string> = (() => {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++))
})()

/** Bytes as this text. */
export const byteLevelText = (bytes: Uint8Array): string => Array.from(bytes, (byte) => BYTE_ALPHABET[byte]).join("")

const byteOfCharacter = new Map(BYTE_ALPHABET.map((character, byte) => [character, byte]))

const utf8 = new TextEncoder()

/** The bytes a token stands for. One character outside the alphabet makes the whole token plain text, as in the original. */
export const byteLevelBytes = (token: string): Uint8Array => {
  const bytes = new Uint8Array(token.length)
  for (let i = 0; i < token.length; i++) {
    const byte = byteOfCharacter.get(token[i] ?? "")
    if (byte === undefined) return utf8.encode(token)
    bytes[i] = byte
  }
  return bytes
}
