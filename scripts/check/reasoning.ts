/** `detok/reasoning.json`: reasoning and answer of a stream of texts, as early as they are certain. */
import { Schema } from "effect"
import type { AnswerPart } from "../../src/chat/AnswerPart.js"
import { REASONING_FORMATS, reasoningSplitter } from "../../src/chat/reasoning/Formats.js"
import { firstDifference, namesIn, readCases, type Verdict, verdict } from "./Verdict.js"

const Delta = Schema.Struct({
  reasoning: Schema.optionalWith(Schema.String, { default: () => "" }),
  content: Schema.optionalWith(Schema.String, { default: () => "" })
})
const Cases = Schema.Struct({
  cases: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      format: Schema.Literal("think", "seed", "mistral", "cohere", "harmony"),
      prompt_open: Schema.Boolean,
      segments: Schema.Array(Schema.String),
      reasoning: Schema.String,
      content: Schema.String,
      deltas: Schema.Array(Delta),
      tail: Delta
    })
  )
})
type Case = (typeof Cases.Type)["cases"][number]

const joined = (parts: ReadonlyArray<AnswerPart>) => {
  const of = (tag: "Reasoning" | "Content") => parts.map((part) => (part._tag === tag ? part.text : "")).join("")
  return { reasoning: of("Reasoning"), content: of("Content") }
}

const check = (expected: Case): string | null => {
  const splitter = reasoningSplitter(REASONING_FORMATS[expected.format], {
    promptOpen: expected.prompt_open,
    calls: true
  })
  const parts = expected.segments.map(splitter.push)
  const rest = splitter.finish()
  const { content, reasoning } = joined([...parts.flat(), ...rest])
  return firstDifference({
    reasoning: [reasoning, expected.reasoning],
    content: [content, expected.content],
    deltas: [parts.map(joined), expected.deltas],
    tail: [joined(rest), expected.tail]
  })
}

export async function* checkReasoning(directory: string): AsyncGenerator<Verdict> {
  if (!namesIn(directory, "detok").includes("reasoning.json")) return
  for (const expected of readCases(Cases, directory, "detok", "reasoning.json").cases) {
    yield verdict(`detok/reasoning ${expected.name}`, () => check(expected))
  }
}
