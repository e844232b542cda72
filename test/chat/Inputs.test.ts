/** Inputs of completions and embeddings (spec 03 §12, §15). */
import { assert, describe, it } from "@effect/vitest"
import { completionInputs, embeddingInputs, MAX_INPUTS, promptTokens, unknownId } from "../../src/chat/Inputs.js"

const many = (length: number) => Array.from({ length }, () => "a")
const isProblem = (inputs: object) => "problem" in inputs

describe("inputs", () => {
  it.each([
    ["a text", "a", ["a"]],
    ["an empty text", "", [""]],
    ["texts", ["a", ""], ["a", ""]],
    ["ids", [1, 2], [[1, 2]]],
    ["lists of ids", [[1], [2, 3]], [[1], [2, 3]]],
    ["as many as there may be", many(MAX_INPUTS), many(MAX_INPUTS)]
  ])("of a completion are %s", (_, prompt, inputs) => {
    assert.deepStrictEqual(completionInputs(prompt), { inputs })
  })

  it.each([
    ["none", []],
    ["nothing", undefined],
    ["a number", 1],
    ["text and ids", ["a", 1]],
    ["text and a list of ids", ["a", [1]]],
    ["an empty list of ids", [[1], []]],
    ["a fraction", [1.5]],
    ["a negative id", [-1]],
    ["too many", many(MAX_INPUTS + 1)]
  ])("of a completion are not %s", (_, prompt) => {
    assert.isTrue(isProblem(completionInputs(prompt)))
  })

  it("of embeddings are texts, none empty, and no ids", () => {
    assert.deepStrictEqual(embeddingInputs("a"), { inputs: ["a"] })
    assert.deepStrictEqual(embeddingInputs(["a", "b"]), { inputs: ["a", "b"] })
    for (const wrong of [[], "", ["a", ""], [1], [[1, 2]], 1, null, many(MAX_INPUTS + 1)]) {
      assert.isTrue(isProblem(embeddingInputs(wrong)), JSON.stringify(wrong)?.slice(0, 40))
    }
    assert.include(JSON.stringify(embeddingInputs([[1, 2]])), "check_embedding_ctx_length=False")
  })

  it("are counted exactly and must be in the vocabulary", () => {
    assert.strictEqual(promptTokens([[1, 2], [], [3]]), 3)
    assert.strictEqual(
      unknownId([1, 9, 2], (id) => id < 5),
      9
    )
    assert.isNull(unknownId([1, 2], (id) => id < 5))
  })
})
