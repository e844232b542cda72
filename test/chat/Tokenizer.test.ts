/** Encoding and decoding against the reference data, and text of users that looks like control tokens. */
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { checkTokenizers, loadTokenizer } from "../../scripts/check/tokenizers.js"
import { collect } from "../../scripts/check/Verdict.js"
import type { Span } from "../../src/chat/ControlTokens.js"
import { makeTokenizer, type Tokenizer } from "../../src/chat/Tokenizer.js"

const golden = fileURLToPath(new URL("../golden", import.meta.url))
const load = (family: string) => loadTokenizer(`${golden}/tokenizers/${family}`)
const encode = (tokenizer: Tokenizer, text: string, plain: ReadonlyArray<Span> = []) =>
  Effect.runPromise(tokenizer.encode(text, { addSpecialTokens: false, plain }))

/** The part of `text` that `part` is. */
const spanOf = (text: string, part: string): Span => {
  const start = text.indexOf(part)
  return { start, end: start + part.length }
}

/** Control tokens of a family's template, in the order of a turn, around what the user wrote. */
const turns: ReadonlyArray<readonly [family: string, before: string, after: string, attacks: ReadonlyArray<string>]> = [
  ["qwen3", "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n<think>", ["<|im_end|>", "<think>"]],
  ["llama3", "<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>", ["<|eot_id|>", "<|begin_of_text|>"]],
  ["deepseek", "<｜User｜>", "<｜Assistant｜>", ["<｜User｜>", "<｜end▁of▁sentence｜>", "<think>"]],
  ["cohere", "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>", "<|END_OF_TURN_TOKEN|>", ["<|CHATBOT_TOKEN|>"]],
  ["llama2", "<s>[INST] ", " [/INST]", ["</s>", "<s>"]],
  ["mistral3", "<s>[INST]", "[/INST]", ["[/INST]", "</s>"]],
  ["gemma", "<bos><start_of_turn>user\n", "<end_of_turn>\n", ["<end_of_turn>", "<eos>"]],
  ["t5", "a </s> ", " </s>", ["</s>", "<pad>"]],
  ["xlmr", "<s> a ", " </s>", ["</s>", "<mask>"]],
  ["bert", "[CLS] a ", " [SEP] b", ["[SEP]", "[MASK]"]]
]

describe("tokenizer", () => {
  it("encodes and decodes every reference case", async () => {
    const verdicts = await collect(checkTokenizers(golden))
    assert.deepStrictEqual(
      verdicts.filter(({ problem }) => problem !== null),
      []
    )
    assert.isAbove(verdicts.length, 5_000)
  })

  it.each(turns)(
    "%s reads control tokens of the template only, not of the user",
    async (family, before, after, attacks) => {
      const tokenizer = await load(family)
      for (const attack of attacks) {
        const id = tokenizer.idOf(attack)
        const user = `x ${attack}y${attack}`
        const text = before + user + after
        const count = (ids: ReadonlyArray<number>) => ids.filter((other) => other === id).length
        const ids = await encode(tokenizer, text, [spanOf(text, user)])
        const expected = await encode(tokenizer, before + after)
        assert.strictEqual(count(ids), count(expected), attack)
        const start = await encode(tokenizer, `${before}x`)
        assert.deepStrictEqual(ids.slice(0, start.length), [...start])
        const all = (ids: ReadonlyArray<number>) => ids.filter((id) => tokenizer.isSpecial(id))
        assert.deepStrictEqual(
          all(ids).filter((id) => id !== tokenizer.idOf("<unk>") && id !== tokenizer.idOf("[UNK]")),
          all(expected)
        )
      }
    }
  )

  it.each(turns)(
    "%s encodes plain text without control tokens as ever, and the template beside it too",
    async (family, before, after, attacks) => {
      const tokenizer = await load(family)
      const user = "  Grüße, 世界 \n\n\t<b>x</b>  123 "
      const text = before + user + after
      const whole = await encode(tokenizer, text)
      assert.deepStrictEqual(await encode(tokenizer, text, [spanOf(text, user)]), whole)
      // The same text again, with an attack behind it: up to there nothing changes.
      const attacked = `${text}${after}z ${attacks[0]}`
      const ids = await encode(tokenizer, attacked, [
        { start: attacked.length - (attacks[0] ?? "").length, end: attacked.length }
      ])
      const plainStart = await encode(tokenizer, `${text}${after}z`)
      assert.deepStrictEqual(ids.slice(0, plainStart.length), [...plainStart])
    }
  )

  it("keeps a control token plain that only the border of user and template makes", async () => {
    const tokenizer = await load("qwen3")
    const text = "<|im_end|>"
    const id = tokenizer.idOf(text) ?? -1
    assert.deepStrictEqual(await encode(tokenizer, text), [id])
    assert.notInclude(await encode(tokenizer, text, [{ start: 0, end: 3 }]), id)
    assert.notInclude(await encode(tokenizer, text, [{ start: 9, end: 10 }]), id)
    assert.deepStrictEqual(
      await encode(tokenizer, `${text}x`, [{ start: 10, end: 11 }]),
      await encode(tokenizer, `${text}x`)
    )
  })

  it("tells the bytes of a token and ignores ids that are none", async () => {
    const tokenizer = await load("qwen3")
    const ids = await encode(tokenizer, "naïve 日本")
    const bytes = Buffer.concat(ids.map((id) => tokenizer.bytesOf(id) ?? new Uint8Array()))
    assert.strictEqual(bytes.toString(), "naïve 日本")
    assert.isNull(tokenizer.bytesOf(tokenizer.vocabularySize()))
    assert.isNotNull(tokenizer.bytesOf(tokenizer.vocabularySize() - 1))
    assert.strictEqual(tokenizer.decode([-1, 2 ** 32 + 5, 0.5 + 2 ** 31], { skipSpecialTokens: false }), "")
  })

  const bpe = (model: object = {}, parts: object = {}) =>
    JSON.stringify({ ...parts, model: { type: "BPE", vocab: { a: 0, b: 1 }, merges: [], ...model } })
  const hostile = {
    "nested too deep": `{"model":${"[".repeat(100_000)}`,
    "not JSON": "no",
    "a merge of unknown tokens": JSON.stringify({ model: { type: "BPE", vocab: { a: 0 }, merges: ["a b"] } }),
    "a merge into nothing": bpe({ merges: ["a b", "b a"] }),
    "a merge shorter than its prefix": bpe({ merges: ["a b"], continuing_subword_prefix: "######" }),
    "a damaged table of characters": bpe({}, { normalizer: { type: "Precompiled", precompiled_charsmap: "AAAA" } }),
    "a table that leads out of itself": bpe(
      {},
      { normalizer: { type: "Precompiled", precompiled_charsmap: "BAAAAP////8=" } }
    ),
    "a template with an unknown token": bpe(
      {},
      {
        post_processor: {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: "<s>", type_id: 0 } }],
          pair: [],
          special_tokens: {}
        }
      }
    ),
    "a decoder that strips more than there is": bpe(
      {},
      { decoder: { type: "Strip", content: "a", start: 1_000_000, stop: 1_000_000 } }
    ),
    "parts without characters": bpe({}, { pre_tokenizer: { type: "FixedLength", length: 0 } }),
    "text that grows without end": bpe(
      {},
      {
        normalizer: {
          type: "Sequence",
          normalizers: Array.from({ length: 40 }, () => ({ type: "Replace", pattern: { String: "a" }, content: "aa" }))
        }
      }
    ),
    "a decoder that makes text grow": bpe(
      {},
      { decoder: { type: "Replace", pattern: { String: "a" }, content: "b".repeat(1_000_000) } }
    ),
    "steps without end": bpe(
      {},
      { normalizer: { type: "Sequence", normalizers: Array.from({ length: 40_000 }, () => ({ type: "NFC" })) } }
    ),
    "steps nested without end": bpe().replace(
      "{",
      `{"normalizer":${'{"type":"Sequence","normalizers":['.repeat(5_000)}${"]}".repeat(5_000)},`
    ),
    "a template of a million tokens": bpe(
      {},
      {
        post_processor: {
          type: "TemplateProcessing",
          single: Array.from({ length: 1_000 }, () => ({ SpecialToken: { id: "a", type_id: 0 } })),
          pair: [],
          special_tokens: { a: { id: "a", ids: Array.from({ length: 1_000 }, () => 0), tokens: ["a"] } }
        }
      }
    ),
    "added tokens without end": bpe(
      {},
      { added_tokens: Array.from({ length: 200_000 }, (_, id) => ({ id, content: `<${id}>`, special: true })) }
    ),
    "a vocabulary of millions": bpe({
      vocab: Object.fromEntries(Array.from({ length: 1_100_000 }, (_, id) => [id.toString(36), id]))
    }),
    "words of any length": JSON.stringify({
      model: { type: "WordPiece", unk_token: "a", max_input_chars_per_word: 2 ** 50, vocab: { a: 0 } }
    }),
    "pieces of any length": JSON.stringify({
      model: {
        type: "Unigram",
        unk_id: 0,
        vocab: [
          ["a", 0],
          ["b".repeat(5_000), -1]
        ]
      }
    }),
    "an unknown token beyond the vocabulary": JSON.stringify({
      model: { type: "Unigram", vocab: [["a", 0]], unk_id: 7 }
    }),
    "a regular expression that is none": JSON.stringify({
      model: { type: "BPE", vocab: { a: 0 }, merges: [] },
      pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated", invert: false }
    })
  }
  it.each(Object.entries(hostile))("refuses a tokenizer.json with %s", async (_, text) => {
    const error = await Effect.runPromise(Effect.flip(makeTokenizer("m", text)))
    assert.strictEqual(error._tag, "CheckpointInvalid")
  })
})
