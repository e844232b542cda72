/** Bytes as ASCII text, in which xgrammar matches all of them right. Pure. */

/** The first byte that isn't ASCII. */
export const ASCII_END = 0x80

/** Stands before the seven low bits of a byte beyond ASCII. The control character itself can't be written. */
export const HIGH_BYTE = 1

export const byteText = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) {
    text += byte < ASCII_END ? String.fromCharCode(byte) : String.fromCharCode(HIGH_BYTE, byte - ASCII_END)
  }
  return text
}
