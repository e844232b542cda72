/** A vocabulary as grammars see it: the bytes of each token, none for tokens that an answer mustn't have. Pure. */
import { byteLevelText } from "../ByteLevel.js"
import type { Tokenizer } from "../Tokenizer.js"

export type VocabularySource = Pick<Tokenizer, "bytesOf" | "idOf" | "specialIds" | "vocabularySize">

const utf8 = new TextEncoder()

/**
 * Each token by its id, its bytes in the byte-level alphabet. Special tokens are empty, as their text doesn't
 * reach an answer, but for the `marks`.
 */
export const vocabularyTexts = (
  { bytesOf, idOf, specialIds, vocabularySize }: VocabularySource,
  marks: ReadonlySet<string>
): ReadonlyArray<string> => {
  const texts = Array.from({ length: vocabularySize() }, (_, id) =>
    specialIds.has(id) ? "" : byteLevelText(bytesOf(id) ?? new Uint8Array())
  )
  for (const mark of marks) {
    const id = idOf(mark)
    if (id !== null) texts[id] = byteLevelText(utf8.encode(mark))
  }
  return texts
}
