/** `detok/toolcalls.json`: content and calls of a stream of texts. */
import { Schema } from "effect"
import type { AnswerPart } from "../../src/chat/AnswerPart.js"
import { harmonySplitter } from "../../src/chat/reasoning/HarmonySplitter.js"
import { TOOL_FORMATS, type ToolFormatName, toolSplitter } from "../../src/chat/toolcalls/Formats.js"
import { firstDifference, namesIn, readCases, type Verdict, verdict } from "./Verdict.js"

const isFormat = (name: string): name is ToolFormatName => Object.hasOwn(TOOL_FORMATS, name)

const Cases = Schema.Struct({
  cases: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      format: Schema.String.pipe(Schema.filter(isFormat)),
      segments: Schema.Array(Schema.String),
      tools: Schema.NullOr(Schema.Array(Schema.Unknown)),
      content: Schema.String,
      calls: Schema.Array(
        Schema.Struct({ name: Schema.String, arguments: Schema.Unknown, id: Schema.optional(Schema.String) })
      ),
      content_deltas: Schema.Array(Schema.String),
      content_tail: Schema.String,
      calls_after: Schema.Array(Schema.Int)
    })
  )
})
type Case = (typeof Cases.Type)["cases"][number]

const contentOf = (parts: ReadonlyArray<AnswerPart>): string =>
  parts.map((part) => (part._tag === "Content" ? part.text : "")).join("")

const callsOf = (parts: ReadonlyArray<AnswerPart>) =>
  parts.flatMap((part) => {
    if (part._tag !== "ToolCall") return []
    const { arguments: args, id, name } = part.call
    return [{ name, arguments: JSON.parse(args), ...(id === null ? {} : { id }) }]
  })

const check = (expected: Case): string | null => {
  const { format, segments, tools } = expected
  const splitter = format === "harmony" ? harmonySplitter({ calls: true }) : toolSplitter(format, tools ?? [])
  const parts = segments.map(splitter.push)
  const rest = splitter.finish()
  const all = [...parts.flat(), ...rest]
  return firstDifference({
    content: [contentOf(all), expected.content],
    calls: [callsOf(all), expected.calls],
    deltas: [parts.map(contentOf), expected.content_deltas],
    tail: [contentOf(rest), expected.content_tail],
    "calls after": [parts.map((_, k) => callsOf(parts.slice(0, k + 1).flat()).length), expected.calls_after]
  })
}

export async function* checkToolCalls(directory: string): AsyncGenerator<Verdict> {
  if (!namesIn(directory, "detok").includes("toolcalls.json")) return
  for (const expected of readCases(Cases, directory, "detok", "toolcalls.json").cases) {
    yield verdict(`detok/toolcalls ${expected.name}`, () => check(expected))
  }
}
