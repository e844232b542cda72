/** The text of an answer read as reasoning, content and calls, however it is cut. */
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { checkReasoning } from "../../scripts/check/reasoning.js"
import { answersOf, type Cut, checkSplits } from "../../scripts/check/splits.js"
import { checkToolCalls } from "../../scripts/check/toolcalls.js"
import { collect } from "../../scripts/check/Verdict.js"
import { type AnswerStreamOptions, answerMarks, answerStream } from "../../src/chat/AnswerStream.js"
import { chooseReasoning, promptOpens, REASONING_FORMATS } from "../../src/chat/reasoning/Formats.js"
import { chooseToolFormat } from "../../src/chat/toolcalls/Formats.js"

const golden = fileURLToPath(new URL("../golden", import.meta.url))

const options: AnswerStreamOptions = {
  reasoning: REASONING_FORMATS.think,
  promptOpen: false,
  toolFormat: "hermes",
  tools: [],
  maxCalls: Number.POSITIVE_INFINITY,
  stop: [],
  newCallId: () => "call_1"
}
const CALL = '<tool_call>{"name": "f", "arguments": {"n": 12345678901234567890, "s": "END"}}</tool_call>'

const read = (change: Partial<AnswerStreamOptions>, text: string, cut: Cut = [], reason: "stop" | "length" = "stop") =>
  answersOf({ ...options, ...change }, text, cut, reason)

describe("answer stream", () => {
  it.each([
    ["reasoning", checkReasoning, 60],
    ["tool calls", checkToolCalls, 100]
  ] as const)("reads the %s of every reference case as early as it is certain", async (_, check, least) => {
    const verdicts = await collect(check(golden))
    assert.deepStrictEqual(
      verdicts.filter(({ problem }) => problem !== null),
      []
    )
    assert.isAbove(verdicts.length, least)
  })

  it("gives the same answer however its text is cut", async () => {
    const verdicts = await collect(checkSplits({ runs: 2_000, seed: 7 }))
    assert.deepStrictEqual(
      verdicts.filter(({ problem }) => problem !== null),
      []
    )
  })

  it.each([
    ["white space in reasoning", { promptOpen: true }, "a", "\n"],
    ["white space before an answer", {}, "", " "],
    ["white space before a call", { reasoning: null }, "a", "\n"],
    ["a call without an end", { reasoning: null }, "<tool_call>", "ab"],
    ["white space before a message", { reasoning: REASONING_FORMATS.harmony }, "", " "],
    ["a recipient without an end", { reasoning: REASONING_FORMATS.harmony }, "to=", "a"],
    ["JSON without an end", { reasoning: null, toolFormat: "llama" }, "{", "ab"],
    ["a name without arguments", { reasoning: null, toolFormat: "mistral" }, "[TOOL_CALLS]", "a"],
    ["calls without arguments", { reasoning: null, toolFormat: "kimi" }, "<|tool_calls_section_begin|>", " "],
    ["open braces", { reasoning: null, toolFormat: "gemma4" }, "<|tool_call>", "call:f{"]
  ] as const)("reads each part of a long answer once: %s", (_, change, start, unit) => {
    const stream = answerStream({ ...options, ...change })
    const parts = [start, ...Array.from({ length: 100_000 }, () => unit.repeat(4))]
    const events = [...parts.flatMap(stream.push), ...stream.finish("length").events]
    assert.isAtMost(
      events.reduce((sum, event) => sum + ("text" in event ? event.text.length : 0), 0),
      parts.join("").length
    )
    assert.isFalse(events.some(({ _tag }) => _tag === "ToolCall"))
  })

  it("applies stop strings to the content only", () => {
    const answer = read({ stop: ["END"] }, `<think>the END</think>a${CALL}bENDc${CALL}`)
    assert.deepStrictEqual(answer, {
      reasoning: "the END",
      content: "a\nb",
      calls: [{ index: 0, id: "call_1", name: "f", arguments: '{"n": 12345678901234567890, "s": "END"}' }],
      finishReason: "tool_calls"
    })
    assert.deepInclude(read({ stop: ["b"], toolFormat: null }, "abc"), { content: "a", finishReason: "stop" })
  })

  it("tells a generation to end at a stop string and at the most calls", () => {
    const stream = answerStream({ ...options, stop: ["x"], maxCalls: 1 })
    stream.push("a")
    assert.isFalse(stream.stopped())
    stream.push(CALL)
    assert.isTrue(stream.stopped())
    assert.deepStrictEqual(stream.push(CALL), [])
    assert.deepStrictEqual(stream.finish("length").finishReason, "tool_calls")
    const stopping = answerStream({ ...options, stop: ["x"] })
    stopping.push("<think>x</think>yx")
    assert.isTrue(stopping.stopped())
    assert.strictEqual(stopping.matchedStop(), "x")
  })

  it("keeps a call that the limit cut off as content, and says so", () => {
    const cut = 'a <tool_call>{"name": "f", "argu'
    assert.deepStrictEqual(read({}, cut, [], "length"), {
      reasoning: "",
      content: cut,
      calls: [],
      finishReason: "length"
    })
    const whole = read({}, `${CALL}<tool_call>{"name"`, [], "length")
    assert.strictEqual(whole.finishReason, "length")
    assert.lengthOf(whole.calls, 1)
  })

  it("leaves markup of calls in the content where no tools may be called", () => {
    assert.deepInclude(read({ toolFormat: null }, CALL), { content: CALL, finishReason: "stop" })
    const harmony = "<|channel|>commentary to=functions.f<|message|>{}<|call|>"
    const none = { reasoning: REASONING_FORMATS.harmony, toolFormat: null }
    assert.deepInclude(read(none, harmony), { content: "{}", finishReason: "stop" })
    assert.deepInclude(read({ ...none, toolFormat: "harmony" }, harmony), { content: "", finishReason: "tool_calls" })
  })

  it("knows while tokens are reasoning", () => {
    const stream = answerStream({ ...options, promptOpen: true })
    assert.isTrue(stream.inReasoning())
    stream.push("x")
    assert.isTrue(stream.inReasoning())
    stream.push("</think>")
    assert.isFalse(stream.inReasoning())
    assert.isFalse(answerStream(options).inReasoning())
  })

  it("names the marks that an answer's text must show", () => {
    const marks = answerMarks({ reasoning: REASONING_FORMATS.cohere, toolFormat: "kimi" })
    for (const mark of ["<|START_THINKING|>", "<|END_RESPONSE|>", "<|tool_call_begin|>"]) assert.isTrue(marks.has(mark))
    assert.isTrue(answerMarks({ reasoning: REASONING_FORMATS.harmony, toolFormat: null }).has("<|call|>"))
  })

  it.each([
    ["a vocabulary with harmony's tags", "", ["<|channel|>", "<|message|>"], "harmony", null],
    ["think tags in the template", "{{ '</think>' }}", [], "think", null],
    ["think tags in the vocabulary", "", ["<think>", "</think>"], "think", null],
    ["nothing", "{{ messages }}", ["<think>"], null, null],
    ["calls in tags", "<tool_call>\n{", ["<think>", "</think>"], "think", "hermes"],
    ["calls with parameters in tags", "<tool_call>\n<function=x>", [], null, "qwen3-coder"],
    ["calls with keys", "<tool_call><arg_key>", [], null, "glm"],
    ["a seed", "<seed:think>", [], "seed", null]
  ] as const)("is read by what the checkpoint has: %s", (_, template, tokens, reasoning, tools) => {
    const hints = { template, modelType: null, hasToken: (text: string) => tokens.some((token) => token === text) }
    assert.strictEqual(chooseReasoning(hints), reasoning === null ? null : REASONING_FORMATS[reasoning])
    assert.strictEqual(chooseToolFormat(hints), reasoning === "harmony" ? null : tools)
  })

  it("knows a prompt that opens the reasoning", () => {
    assert.isTrue(promptOpens(REASONING_FORMATS.think, "<|im_start|>assistant\n<think>\n"))
    assert.isFalse(promptOpens(REASONING_FORMATS.think, "<|im_start|>assistant\n<think>\n\n</think>\n\n"))
    assert.isFalse(promptOpens(REASONING_FORMATS.harmony, "<|start|>assistant"))
  })

  it("reads any text without failing", () => {
    const format = FastCheck.constantFrom(
      ...(["mistral", "pythonic", "gemma4", "llama", "minimax", "deepseek"] as const)
    )
    const text = FastCheck.string({
      unit: FastCheck.constantFrom(..."[]{}()<>|\"'\\=,:;ax1 \n".split("")),
      maxLength: 60
    })
    FastCheck.assert(
      FastCheck.property(format, text, (toolFormat, body) => {
        const marks = [...answerMarks({ reasoning: null, toolFormat })]
        read({ toolFormat, reasoning: null }, `${marks[0] ?? ""}${body}${marks[1] ?? ""}`)
      }),
      { numRuns: 2_000 }
    )
  })
})
