/** Checkpoints without tokenizer.json: converted where the class is known, else refused with what is missing. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeTokenizer } from "../../src/chat/Tokenizer.js"
import { convertTokenizer, type TokenizerFiles } from "../../src/chat/TokenizerFiles.js"

const read = (family: string, file: string) =>
  JSON.parse(readFileSync(new URL(`../golden/tokenizers/${family}/${file}`, import.meta.url), "utf8"))

const filesOf = (family: string, tokenizerClass: string): TokenizerFiles => {
  const { model } = read(family, "tokenizer.json")
  const merges: ReadonlyArray<ReadonlyArray<string>> = model.merges
  return {
    vocab: JSON.stringify(model.vocab),
    merges: `#version: 0.2\n${merges.map((merge) => merge.join(" ")).join("\n")}\n`,
    sentencePiece: false,
    specialTokensMap: null,
    addedTokens: null,
    tokenizerConfig: { ...read(family, "tokenizer_config.json"), tokenizer_class: tokenizerClass }
  }
}
const NO_FILES = { tokenizerConfig: null, specialTokensMap: null, addedTokens: null }
const problem = (files: Partial<TokenizerFiles>): string => {
  const none = { vocab: null, merges: null, sentencePiece: false, ...NO_FILES }
  const converted = convertTokenizer({ ...none, ...files })
  return "problem" in converted ? converted.problem : ""
}

describe("tokenizer files", () => {
  it("of Qwen2's class give the ids of its tokenizer.json", async () => {
    const converted = convertTokenizer(filesOf("qwen3", "Qwen2Tokenizer"))
    assert.isTrue("json" in converted)
    if (!("json" in converted)) return
    const tokenizer = await Effect.runPromise(makeTokenizer("m", converted.json))
    const cases: ReadonlyArray<{ readonly text: string; readonly ids: ReadonlyArray<number> }> = read(
      "qwen3",
      "cases.json"
    ).encode
    for (const { ids, text } of cases) {
      assert.deepStrictEqual(
        await Effect.runPromise(tokenizer.encode(text, { addSpecialTokens: false })),
        [...ids],
        text
      )
    }
  })

  it("have the special tokens of the class and of the files beside them", () => {
    const files = filesOf("qwen3", "GPT2Tokenizer")
    const converted = convertTokenizer({
      ...files,
      tokenizerConfig: { tokenizer_class: "GPT2Tokenizer" },
      addedTokens: { "<n>": 1 }
    })
    const { added_tokens } = JSON.parse("json" in converted ? converted.json : "{}")
    const contents: ReadonlyArray<unknown> = added_tokens.map(({ content }: { readonly content: string }) => content)
    assert.deepStrictEqual(contents, ["<n>", "<|endoftext|>"])
  })

  it("name what is missing where they can't be converted", () => {
    assert.include(problem({}), "vocab.json")
    assert.include(problem({ sentencePiece: true }), "tokenizer.model")
    assert.include(problem({ ...filesOf("qwen3", "Qwen2Tokenizer"), merges: null }), "merges.txt")
    assert.include(problem(filesOf("qwen3", "BartTokenizer")), "BartTokenizer")
    assert.include(problem({ ...filesOf("qwen3", "Qwen2Tokenizer"), vocab: "{" }), "vocab.json")
    assert.include(problem({ ...filesOf("qwen3", "Qwen2Tokenizer"), tokenizerConfig: null }), "not named")
  })
})
