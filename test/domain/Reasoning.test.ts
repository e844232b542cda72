import { assert, describe, it } from "@effect/vitest"
import type { GenerateEvent } from "../../src/domain/Generation.js"
import { presentReasoning, type ReasoningPresentation } from "../../src/domain/Reasoning.js"

const call: GenerateEvent = { _tag: "ToolCall", index: 0, call: { id: "call_1", name: "f", arguments: "{}" } }
const events: ReadonlyArray<GenerateEvent> = [
  { _tag: "Started", promptTokens: 1, contextLength: 8 },
  { _tag: "Reasoning", text: "a" },
  { _tag: "Reasoning", text: "b" },
  { _tag: "Delta", text: "c" },
  call,
  { _tag: "Delta", text: "d" },
  { _tag: "Finished", finishReason: "stop", usage: { promptTokens: 1, completionTokens: 5, reasoningTokens: 2 } }
]
const shown = (how: ReasoningPresentation, of = events) => of.flatMap(presentReasoning(how))
const texts = (of: ReadonlyArray<GenerateEvent>) =>
  of.map((event) => (event._tag === "Delta" ? event.text : "")).join("")

describe("reasoning", () => {
  it("is beside the content", () => {
    assert.deepStrictEqual(shown("separate"), events)
  })

  it("is not shown at all", () => {
    assert.deepStrictEqual(
      shown("hidden"),
      events.filter(({ _tag }) => _tag !== "Reasoning")
    )
  })

  it("is in the content under headings, which an answer without reasoning hasn't got", () => {
    const inline = shown("inline")
    assert.strictEqual(texts(inline), "**[Reasoning]**\n\nab\n\n---\n\n**[Answer]**\n\ncd")
    assert.deepInclude(inline, call)
    assert.isTrue(inline.every(({ _tag }) => _tag !== "Reasoning"))
    assert.deepStrictEqual(shown("inline", events.slice(3)), events.slice(3))
  })

  it("that comes after content gets headings too", () => {
    const again = shown("inline", [...events.slice(3, 4), ...events.slice(1, 4)])
    assert.strictEqual(texts(again), "c\n\n---\n\n**[Reasoning]**\n\nab\n\n---\n\n**[Answer]**\n\nc")
  })
})
