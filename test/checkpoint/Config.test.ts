import { assert, describe, it } from "@effect/vitest"
import { contextLength, DEFAULT_CONTEXT_LENGTH, metadata } from "../../src/checkpoint/Config.js"

describe("contextLength", () => {
  it.each([
    [{ max_position_embeddings: 2048 }, 2048],
    [{ n_positions: 1024, seq_len: 7 }, 1024],
    [{ context_length: "8192" }, 8192],
    [{ max_sequence_length: 5 }, 5],
    [{ seq_len: 6 }, 6],
    [{ max_position_embeddings: 0, n_positions: -1, context_length: "many", seq_len: 12 }, 12],
    [{ max_position_embeddings: Number.NaN, max_sequence_length: Infinity, seq_len: 1.5 }, 4096],
    [{ max_position_embeddings: true, n_positions: [2048], seq_len: null }, 4096],
    [{ text_config: { max_position_embeddings: 999 } }, 999],
    [{ n_positions: 10, text_config: { max_position_embeddings: 999 } }, 10],
    [{ text_config: [4] }, 4096],
    [{}, 4096],
    [null, 4096],
    [[2048], 4096]
  ])("of %j is %d", (config, expected) => {
    assert.strictEqual(contextLength(config), expected)
  })

  it("falls back to a documented number", () => {
    assert.strictEqual(DEFAULT_CONTEXT_LENGTH, 4096)
  })
})

describe("metadata", () => {
  it("has only what the config has, zero and null included", () => {
    assert.deepStrictEqual(metadata({ model_type: "llama", vocab_size: 0, hidden_size: null, other: 1 }), {
      model_type: "llama",
      vocab_size: 0,
      hidden_size: null
    })
  })

  it.each([
    [{ quantization_config: { bits: 8 }, quantization: { bits: 4 } }, { quantization: "8bit" }],
    [{ quantization: { bits: 4 } }, { quantization: "4bit" }],
    [{ quantization_config: null, quantization: { bits: 4 } }, { quantization: "4bit" }],
    [{ quantization_config: "int8", vocab_size: 1 }, { vocab_size: 1 }],
    [{ quantization_config: { method: "x" }, vocab_size: 1 }, { vocab_size: 1 }],
    [{ architectures: ["A", "B"] }, { architecture: "A" }],
    [{ architectures: "Llama" }, { architecture: "Llama" }],
    [{ architectures: [] }, null],
    [{ max_position_embeddings: 7 }, { context_length: 7 }],
    [{ foo: 1 }, null],
    [null, null]
  ])("of %j is %j", (config, expected) => {
    assert.deepStrictEqual(metadata(config), expected)
  })
})
