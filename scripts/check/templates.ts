/** `templates/features.json` and `templates/chats.json`: templates against transformers' own rendering. */
import { join } from "node:path"
import { Schema } from "effect"
import { compileChat } from "../../src/chat/ChatPrompt.js"
import { TemplateFailure } from "../../src/chat/jinja/Failure.js"
import { fromJson } from "../../src/chat/jinja/FromJson.js"
import { compile } from "../../src/chat/jinja/Template.js"
import { raw, userText } from "../../src/chat/jinja/Text.js"
import { firstDifference, namesIn, readCases, type Verdict, verdict } from "./Verdict.js"

const Result = {
  expected: Schema.optional(Schema.String),
  error: Schema.optional(
    Schema.Struct({ kind: Schema.String, message: Schema.String, line: Schema.NullOr(Schema.Int) })
  )
}
const Json = Schema.Record({ key: Schema.String, value: Schema.Unknown })

const Features = Schema.Struct({
  now: Schema.String,
  context: Schema.optionalWith(Json, { default: () => ({}) }),
  cases: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      template: Schema.String,
      context: Schema.optional(Json),
      now: Schema.optional(Schema.String),
      ...Result
    })
  )
})

const Conversation = Schema.Struct({
  name: Schema.String,
  messages: Schema.Array(Json),
  tools: Schema.optional(Schema.Array(Schema.Unknown)),
  documents: Schema.optional(Schema.Unknown),
  add_generation_prompt: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  continue_final_message: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  kwargs: Schema.optionalWith(Json, { default: () => ({}) })
})
export const Chats = Schema.Struct({
  now: Schema.String,
  templates: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      special_tokens: Schema.Record({ key: Schema.String, value: Schema.String }),
      template: Schema.String
    })
  ),
  conversations: Schema.Array(Conversation),
  cases: Schema.Array(Schema.Struct({ template: Schema.String, conversation: Schema.String, ...Result }))
})

interface Outcome {
  readonly text?: string
  readonly kind?: string
  readonly line?: number | null
  readonly raised?: string
}

/** The text, or how it failed: the words of a failure only count where the template chose them. */
const outcome = (render: () => string): Outcome => {
  try {
    return { text: render() }
  } catch (error) {
    if (!(error instanceof TemplateFailure)) throw error
    const { kind, line = null, message } = error
    return kind === "raise" ? { kind, line, raised: message } : { kind, line }
  }
}

const expectedOutcome = ({ error, expected }: (typeof Features.Type)["cases"][number]): Outcome => {
  if (error === undefined) return { text: expected ?? "" }
  const { kind, line, message } = error
  return kind === "raise" ? { kind, line, raised: message } : { kind, line }
}

/** Cases have data of their own, or share that of the file. */
function* checkFeatures(file: string): Generator<Verdict> {
  const { cases, context, now } = readCases(Features, file)
  for (const expected of cases) {
    yield verdict(`features/${expected.name}`, () => {
      const data = Object.entries(expected.context ?? context)
      const variables = new Map(data.map(([name, value]) => [name, fromJson(value, userText, userText)] as const))
      const got = outcome(() =>
        raw(compile(expected.template)(variables, { now: () => new Date(expected.now ?? now), inputChars: 0 }))
      )
      return firstDifference({ outcome: [got, expectedOutcome(expected)] })
    })
  }
}

function* checkChats(file: string): Generator<Verdict> {
  const { cases, conversations, now, templates } = readCases(Chats, file)
  const compiled = new Map(
    templates.map(({ name, special_tokens, template }) => [name, compileChat(template, special_tokens)] as const)
  )
  const byName = new Map(conversations.map((conversation) => [conversation.name, conversation] as const))
  for (const { conversation, error, expected, template } of cases) {
    const name = `chats/${template}/${conversation}`
    yield verdict(name, () => {
      const render = compiled.get(template)
      const chat = byName.get(conversation)
      if (render === undefined || chat === undefined) return "no such template or conversation"
      const { documents, kwargs, messages, tools = null } = chat
      const got = outcome(() =>
        raw(
          render(
            {
              messages,
              tools,
              templateArguments: documents === undefined ? kwargs : { documents, ...kwargs },
              addGenerationPrompt: chat.add_generation_prompt,
              continueFinalMessage: chat.continue_final_message
            },
            () => new Date(now)
          )
        )
      )
      return firstDifference({ outcome: [got, expectedOutcome({ name, template, error, expected })] })
    })
  }
}

export async function* checkTemplates(directory: string): AsyncGenerator<Verdict> {
  const folder = join(directory, "templates")
  const files = namesIn(folder)
  if (files.includes("features.json")) yield* checkFeatures(join(folder, "features.json"))
  if (files.includes("chats.json")) yield* checkChats(join(folder, "chats.json"))
}
