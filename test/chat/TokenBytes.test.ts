import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { BYTE_ALPHABET } from "../../src/chat/ByteLevel.js"
import { maxBytesPerToken } from "../../src/chat/TokenBytes.js"
import { makeTokenizer } from "../../src/chat/Tokenizer.js"
import { idTokenizerJson, tokenizerJson } from "../support/Checkpoint.js"

const vocabulary = (tokens: ReadonlyArray<string>) => Object.fromEntries(tokens.map((token, id) => [token, id]))
const byteLevel = {
  model: { type: "BPE", vocab: vocabulary([...BYTE_ALPHABET, "ĠĠĠĠ"]) },
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel" },
  added_tokens: []
}
const split = (behavior: string) => ({ type: "Split", pattern: { Regex: "x" }, behavior })
const sequence = (...pretokenizers: ReadonlyArray<unknown>) => ({ type: "Sequence", pretokenizers })
const replace = (from: string, content: string) => ({ type: "Replace", pattern: { String: from }, content })
const pieces = { ...byteLevel, model: { type: "BPE", vocab: vocabulary(["<unk>", "▁abc"]), unk_token: "<unk>" } }

describe("the most bytes a token stands for", () => {
  it.each([
    ["a character of the byte alphabet is one", {}, 4],
    ["an added token counts by its text", { added_tokens: [{ content: "<|éé|>" }] }, 8],
    ["composing can shorten text", { normalizer: { type: "NFC" } }, 12],
    ["a split keeps text", { pre_tokenizer: sequence(split("Isolated"), { type: "ByteLevel" }) }, 4],
    ["a split may remove text", { pre_tokenizer: sequence(split("Removed"), { type: "ByteLevel" }) }, null],
    ["white space is removed", { pre_tokenizer: { type: "WhitespaceSplit" } }, null],
    ["a replacement that grows", { normalizer: { type: "Sequence", normalizers: [replace(" ", "▁")] } }, 4],
    ["a replacement that shrinks", { normalizer: replace("  ", " ") }, null],
    ["a normalizer nobody knows", { normalizer: { type: { toString: null } } }, null],
    ["a sequence that is none", { normalizer: { type: "Sequence", normalizers: 5 } }, null],
    ["an added token that swallows white space", { added_tokens: [{ content: "<a>", rstrip: true }] }, null],
    ["bytes without a token are dropped", { model: { type: "BPE", vocab: vocabulary(["a"]) } }, null],
    ["another kind of model", { model: { type: "WordLevel", vocab: vocabulary(BYTE_ALPHABET) } }, null],
    ["no vocabulary", { model: { type: "BPE", vocab: null } }, null]
  ])("%s", (_, change, expected) => {
    assert.strictEqual(maxBytesPerToken({ ...byteLevel, ...change }), expected)
  })

  it("without a byte alphabet unknown characters must stay apart", () => {
    const model = { ...pieces.model, fuse_unk: true }
    const plain = { ...pieces, pre_tokenizer: { type: "Metaspace" } }
    assert.strictEqual(maxBytesPerToken(plain), 6)
    assert.isNull(maxBytesPerToken({ ...plain, model }))
  })

  it.effect("is read from tokenizer.json", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* makeTokenizer("m", tokenizerJson)).maxBytesPerToken, 13)
      assert.strictEqual((yield* makeTokenizer("m", idTokenizerJson)).maxBytesPerToken, 1024)
    })
  )

  it.effect("is read from a tokenizer that leaves out what may be left out", () =>
    Effect.gen(function* () {
      const { model } = JSON.parse(tokenizerJson)
      const bare = yield* makeTokenizer("m", JSON.stringify({ version: "1.0", model }))
      assert.strictEqual(bare.maxBytesPerToken, 1024)
    })
  )
})
