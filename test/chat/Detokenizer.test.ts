/**
 * Streams of tokens against golden/detok: the text that is certain after every token, worked out by brute force over
 * continuations with the original tokenizers.
 */
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { checkDetok } from "../../scripts/check/detok.js"
import { collect } from "../../scripts/check/Verdict.js"
import { cleanUp, cleanUpStream } from "../../src/chat/CleanUp.js"
import { detokenizers } from "../../src/chat/Detokenizer.js"

const golden = fileURLToPath(new URL("../golden", import.meta.url))

const never = () => false
const source = { cleanUp: false, isSpecial: never }
const words = ["to", "##ken", "##izer", "and", "text"]
const unknown = { type: "CTC", pad_token: "<pad>", word_delimiter_token: "|", cleanup: true }
const joined = (list: ReadonlyArray<string>) => list.join(" ").replaceAll(" ##", "")

/** The fallback bytes of a text with the tokens of ids after them. */
const fallback = detokenizers({
  ...source,
  decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
  token: (id) => (id < 256 ? `<0x${id.toString(16).toUpperCase().padStart(2, "0")}>` : (words[id - 256] ?? null)),
  decodeAll: joined
})
const sent = (ids: ReadonlyArray<number>) => {
  const { finish, push } = fallback.start()
  return [...ids.map(push), finish()]
}

describe("detokenizer", () => {
  it("sends the text of every reference stream as early as it is certain", async () => {
    const verdicts = await collect(checkDetok(golden))
    assert.deepStrictEqual(
      verdicts.filter(({ problem }) => problem !== null),
      []
    )
    assert.isAbove(verdicts.length, 1_500)
  })

  it("sends a character of fallback bytes at once, and bad bytes one by one as soon as they are bad", () => {
    assert.deepStrictEqual(sent([0xe4, 0xb8, 0xad, 0xff, 0xe4, 0xb8]), ["", "", "中", "\ufffd", "", "", "\ufffd\ufffd"])
    assert.deepStrictEqual(sent([0xf0, 0x9f, 0x41, 260]), ["", "", "\ufffd\ufffdA", "text", ""])
    assert.deepStrictEqual(sent([0xe0, 0x80, 0xed, 0xa0]), ["", "\ufffd\ufffd", "", "\ufffd\ufffd", ""])
  })

  it("cleans up spaces as late as it must, and gives the text of the whole", () => {
    const parts = [" n", "'", " ", "t", " .", " x", "   ", "v", "ve", " ' ", "s", "!", "r", "e"]
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.constantFrom(...parts), { maxLength: 40 }), (texts) => {
        const stream = cleanUpStream()
        const sent = texts.map(stream.push)
        assert.strictEqual(sent.join("") + stream.finish(), cleanUp(texts.join("")))
      }),
      { numRuns: 2_000 }
    )
  })

  it("falls back to decoding whole lists for a decoder it doesn't know, and loses nothing", () => {
    const { start } = detokenizers({ ...source, decoder: unknown, token: (id) => words[id] ?? null, decodeAll: joined })
    const { finish, push } = start()
    const ids = [0, 1, 2, 3, 4, 3, 0, 1, 2]
    assert.strictEqual(ids.map(push).join("") + finish(), "tokenizer and text and tokenizer")
  })

  it("decodes no more than a window for each token, and the joined text is that of the whole list", () => {
    let longest = 0
    const decodeAll = (list: ReadonlyArray<string>) => {
      longest = Math.max(longest, list.length)
      return joined(list)
    }
    const { start } = detokenizers({ ...source, decoder: unknown, token: (id) => words[id] ?? null, decodeAll })
    const ids = Array.from({ length: 5_000 }, (_, i) => (i * i + 3 * i) % 5)
    const { finish, push } = start()
    const text = ids.map(push).join("") + finish()
    assert.isAtMost(longest, 200)
    assert.strictEqual(text, decodeAll(ids.map((id) => words[id] ?? "")))
  })
})
