/** A vocabulary as grammars see it: the bytes of each token, none for tokens that an answer mustn't have. Pure. */
import type { Tokenizer } from "../Tokenizer.js"
import { byteText, HIGH_BYTE } from "./ByteText.js"

export type VocabularySource = Pick<Tokenizer, "bytesOf" | "idOf" | "specialIds" | "vocabularySize">

/** Empty for a token with the control character that byte texts can't have. */
const written = (bytes: Uint8Array | null): string =>
  bytes === null || bytes.includes(HIGH_BYTE) ? "" : byteText(bytes)

const utf8 = new TextEncoder()

/**
 * Each token by its id, as byte text. Special tokens are empty, as their text doesn't
 * reach an answer, but for the `marks`.
 */
export const vocabularyTexts = (
  { bytesOf, idOf, specialIds, vocabularySize }: VocabularySource,
  marks: ReadonlySet<string>
): ReadonlyArray<string> => {
  const texts = Array.from({ length: vocabularySize() }, (_, id) => (specialIds.has(id) ? "" : written(bytesOf(id))))
  for (const mark of marks) {
    const id = idOf(mark)
    if (id !== null) texts[id] = written(utf8.encode(mark))
  }
  return texts
}
