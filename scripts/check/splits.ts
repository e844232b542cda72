/** Random texts of models, cut at random places: the answer read from the parts is that of the whole. */
import { type AnswerStreamOptions, answerMarks, answerStream } from "../../src/chat/AnswerStream.js"
import { REASONING_FORMATS } from "../../src/chat/reasoning/Formats.js"
import { TOOL_FORMATS, type ToolFormatName } from "../../src/chat/toolcalls/Formats.js"
import { makeRandom } from "./Random.js"
import { firstDifference, type Verdict, verdict } from "./Verdict.js"

/** Where a text is cut, in UTF-16 units. */
export type Cut = ReadonlyArray<number>

/** The whole answer read from the parts of a text. */
export const answersOf = (options: AnswerStreamOptions, text: string, cut: Cut, reason: "stop" | "length") => {
  const stream = answerStream(options)
  const places = [0, ...[...cut].sort((a, b) => a - b), text.length]
  const parts = places.slice(1).map((end, index) => text.slice(places[index], end))
  const events = parts.flatMap(stream.push)
  const { events: rest, finishReason } = stream.finish(reason)
  const all = [...events, ...rest]
  const of = (tag: "Reasoning" | "Content") => all.map((event) => (event._tag === tag ? event.text : "")).join("")
  return {
    reasoning: of("Reasoning"),
    content: of("Content"),
    calls: all.flatMap((event) => (event._tag === "ToolCall" ? [{ index: event.index, ...event.call }] : [])),
    finishReason
  }
}

const REASONING = [null, ...Object.values(REASONING_FORMATS)]
const TOOLS = [null, ...Object.keys(TOOL_FORMATS)]
const isFormat = (name: string | null | undefined): name is ToolFormatName =>
  typeof name === "string" && Object.hasOwn(TOOL_FORMATS, name)

const WORDS = [
  "a",
  " ",
  "\n",
  "END",
  "EN",
  "D",
  "{",
  "}",
  "日",
  "😀",
  "to=functions.f",
  "analysis",
  "final",
  "json",
  ";",
  "[",
  "]"
]
const BODIES = [
  '{"name": "f", "arguments": {"a": 1.0}}',
  '{"name": "f", "arguments": "{\\"a\\": \\"</tool_call>\\"}"}',
  '{"name": "f", "parameters": {}}',
  "f[ARGS]{}",
  'f[CALL_ID]x1[ARGS]{"a": "[ARGS]"}',
  "[f(a=1), g(b='x')]",
  "call:f{a:1}",
  "call:f{a:<escape>x, y<escape>}",
  'call:f{a:<|"|>{<|"|>,b:[1,2]}',
  "f<arg_key>a</arg_key><arg_value>1</arg_value>",
  "<function=f><parameter=a>1</parameter></function>",
  "<function=f>\n<parameter=a>\n<parameter=b>\n</parameter>\n</function>",
  '<invoke name="f"><parameter name="a">null</parameter></invoke>',
  "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜>",
  "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|>",
  '[{"name": "f", "arguments": {}, "id": "abc"}]'
]
const PARAMETERS = { type: "object", properties: { a: { anyOf: [{ type: "integer" }, { type: "string" }] } } }

export async function* checkSplits({
  runs,
  seed
}: {
  readonly runs: number
  readonly seed: number
}): AsyncGenerator<Verdict> {
  const { below: random } = makeRandom(seed)
  const pick = <A>(items: ReadonlyArray<A>): A | undefined => items[random(items.length)]
  for (let run = 0; run < runs; run++) {
    const tool = pick(TOOLS)
    const options: AnswerStreamOptions = {
      reasoning: pick(REASONING) ?? null,
      promptOpen: random(2) === 0,
      toolFormat: isFormat(tool) ? tool : null,
      tools: random(2) === 0 ? [] : [{ type: "function", function: { name: "f", parameters: PARAMETERS } }],
      maxCalls: random(3) === 0 ? 1 : Number.POSITIVE_INFINITY,
      stop: random(2) === 0 ? ["END", "a\n"] : [],
      newCallId: () => "call_1"
    }
    const marks = [...answerMarks(options)]
    const pieces = Array.from(
      { length: random(14) },
      () => pick([marks, marks, WORDS, BODIES][random(4)] ?? WORDS) ?? ""
    )
    const text = pieces.join("")
    const cut = Array.from({ length: random(12) }, () => random(text.length + 1))
    const reason = random(2) === 0 ? "stop" : "length"
    yield verdict(`splits ${run}`, () => {
      const whole = answersOf(options, text, [], reason)
      const difference = firstDifference({
        parts: [answersOf(options, text, cut, reason), whole],
        units: [
          answersOf(
            options,
            text,
            Array.from(text, (_, index) => index),
            reason
          ),
          whole
        ]
      })
      return difference === null ? null : `${difference} for ${JSON.stringify({ text, cut, options, reason })}`
    })
  }
}
