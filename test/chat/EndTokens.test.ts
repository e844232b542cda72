/** Which tokens end an answer: spec 02 §6.2 and §6.3. */
import { assert, describe, it } from "@effect/vitest"
import { type EndSources, endTokens } from "../../src/chat/EndTokens.js"

/** Tokens by their place; those that begin with `<` are special. */
const sources = (tokens: ReadonlyArray<string>, change: Partial<EndSources> = {}): EndSources => ({
  generationConfig: null,
  config: null,
  specialTokens: {},
  template: null,
  idOf: (token) => (tokens.includes(token) ? tokens.indexOf(token) : null),
  isSpecial: (id) => tokens[id]?.startsWith("<") === true,
  ...change
})
const ends = (tokens: ReadonlyArray<string>, change: Partial<EndSources> = {}) =>
  [...endTokens(sources(tokens, change))].map((id) => tokens[id] ?? id)

describe("end tokens", () => {
  it("are the union of every configuration, without what isn't a token id", () => {
    const ids = endTokens(
      sources([], {
        generationConfig: { eos_token_id: [1, 2, "3", -1, 2.5] },
        config: { eos_token_id: 4, text_config: { eos_token_id: [5, null] } }
      })
    )
    assert.deepStrictEqual([...ids], [1, 2, 4, 5])
  })

  it("are none when nothing says", () => {
    assert.deepStrictEqual(ends([], { config: [] }), [])
  })

  it("have the EOS token, and the padding token where it isn't the unknown one", () => {
    assert.deepStrictEqual(ends(["a", "<b>"], { specialTokens: { eos_token: "a", pad_token: "<b>" } }), ["a", "<b>"])
    assert.deepStrictEqual(ends(["<b>"], { specialTokens: { unk_token: "<b>", pad_token: "<b>" } }), [])
  })

  it("have the known marks that are special tokens", () => {
    assert.deepStrictEqual(ends(["<|im_end|>", "<|endoftext|>", "<|eot_id|>"]).sort(), [
      "<|endoftext|>",
      "<|eot_id|>",
      "<|im_end|>"
    ])
    assert.deepStrictEqual(endTokens({ ...sources(["<|im_end|>"]), isSpecial: () => false }).size, 0)
  })

  it("have the marks of the template that mean the end of a turn, not of something inside of it", () => {
    const inner = [
      "<|end_header_id|>",
      "<|tool_call_end|>",
      "<|vision_end|>",
      "<end_of_image>",
      "<|fim_end|>",
      "</think>"
    ]
    const turn = ["<end_of_utterance>", "<|turn_end|>"]
    const tokens = [...inner, ...turn, "<|sender|>"]
    assert.deepStrictEqual(ends(tokens, { template: tokens.join("x") }), turn)
    assert.deepStrictEqual(ends(tokens), [])
  })

  it("of harmony are the return and the call, never the end of a message", () => {
    const tokens = ["<|end|>", "<|return|>", "<|call|>"]
    assert.deepStrictEqual(ends(tokens), ["<|end|>"])
    const harmony = [...tokens, "<|channel|>", "<|message|>"]
    assert.deepStrictEqual(ends(harmony, { config: { eos_token_id: 0 }, template: tokens.join("") }), tokens.slice(1))
  })
})
