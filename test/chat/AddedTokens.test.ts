/** Added tokens of the files beside tokenizer.json, as transformers puts them together. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { TokenFiles } from "../../src/chat/AddedTokens.js"
import { makeTokenizer } from "../../src/chat/Tokenizer.js"

const json = readFileSync(new URL("../golden/tokenizers/qwen3/tokenizer.json", import.meta.url), "utf8")
const NONE: TokenFiles = { tokenizerConfig: null, specialTokensMap: null, addedTokens: null }
const load = (files: Partial<TokenFiles>) => Effect.runPromise(makeTokenizer("m", json, { ...NONE, ...files }))
const flags = { lstrip: false, rstrip: false, single_word: false, normalized: false, special: true }

describe("tokens that tokenizer.json hasn't got", () => {
  it("get the next ids in the order of the table, the names and the further ones", async () => {
    const { idOf, vocabularySize } = await load({})
    const next = vocabularySize()
    const tokenizer = await load({
      tokenizerConfig: {
        added_tokens_decoder: {
          [next + 7]: { ...flags, content: "<b>", special: false },
          [next + 2]: { ...flags, content: "<a>", rstrip: true }
        },
        eos_token: "<end>",
        image_token: "<image>",
        additional_special_tokens: ["<x>", { content: "<y>", special: true }]
      }
    })
    const added = ["<a>", "<b>", "<end>", "<image>", "<x>", "<y>"]
    assert.deepStrictEqual(added.map(idOf), [null, null, null, null, null, null])
    assert.deepStrictEqual(
      added.map(tokenizer.idOf),
      added.map((_, i) => next + i)
    )
    const encoded = Effect.runPromise(tokenizer.encode("<a>  <b><end>", { addSpecialTokens: false }))
    assert.deepStrictEqual(await encoded, [next, next + 1, next + 2])
    assert.strictEqual(tokenizer.decode([next, next + 1, next + 2], { skipSpecialTokens: true }), "<b>")
  })

  it("come from the older files where there is no table", async () => {
    const { vocabularySize } = await load({})
    const next = vocabularySize()
    const older = { specialTokensMap: { eos_token: { ...flags, content: "<e>" } }, addedTokens: { "<n>": 1, "<e>": 0 } }
    const tokenizer = await load({ tokenizerConfig: { eos_token: "<old>" }, ...older })
    assert.deepStrictEqual(["<e>", "<n>", "<old>"].map(tokenizer.idOf), [next, next + 1, null])
    assert.deepStrictEqual([next, next + 1].map(tokenizer.isSpecial), [true, false])
    const table = await load({ tokenizerConfig: { added_tokens_decoder: {} }, ...older })
    assert.isNull(table.idOf("<e>"))
  })

  it("are refused where there is no end of them", async () => {
    const addedTokens = Object.fromEntries(Array.from({ length: 200_000 }, (_, id) => [`<${id}>`, id]))
    const error = await Effect.runPromise(Effect.flip(makeTokenizer("m", json, { ...NONE, addedTokens })))
    assert.strictEqual(error.problem, "it has too many added tokens")
  })

  it("stay plain in a user's text", async () => {
    const tokenizer = await load({ tokenizerConfig: { eos_token: "<|new|>" } })
    const text = "<|new|>a<|new|>"
    const plain = [{ start: 7, end: text.length }]
    const ids = await Effect.runPromise(tokenizer.encode(text, { addSpecialTokens: false, plain }))
    const id = tokenizer.idOf("<|new|>") ?? -1
    assert.deepStrictEqual([ids[0], ids.lastIndexOf(id)], [id, 0])
  })
})

describe("tokens that tokenizer.json has", () => {
  it("take the flags of the table, and are special where they have a name", async () => {
    const think = (await load({})).idOf("<think>") ?? -1
    const spaced = (special: object) =>
      load({ tokenizerConfig: { added_tokens_decoder: { [think]: { ...flags, content: "<think>", ...special } } } })
    const tokenizer = await spaced({ lstrip: true })
    assert.isTrue(tokenizer.isSpecial(think))
    const ids = await Effect.runPromise(tokenizer.encode("  <think>", { addSpecialTokens: false }))
    assert.deepStrictEqual(ids, [think])
    assert.isFalse((await spaced({ special: false })).isSpecial(think))
    assert.isTrue((await load({ tokenizerConfig: { eos_token: "<think>" } })).isSpecial(think))
  })
})
