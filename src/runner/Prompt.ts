/** A request's input to the tokens a model is given. */
import { Effect } from "effect"
import { type ChatTemplate, compileTemplate, fallbackPrompt, templateProblem } from "../chat/ChatTemplate.js"
import { CheckpointInvalid, InvalidRequest, TemplateRefused } from "../domain/Errors.js"
import type { GenerateInput, Message } from "../domain/Generation.js"
import type { CheckpointText } from "./CheckpointText.js"
import type { PromptError } from "./Protocol.js"
import { withTimeLimit } from "./TimeLimit.js"

/** A template that takes longer loops for ever; real ones need milliseconds. */
const TEMPLATE_LIMIT_MILLIS = 5_000
/** A tokenizer's own regular expressions may take for ever too; a prompt of 10 MB needs seconds. */
const ENCODE_LIMIT = "60 seconds"

/** Turns inputs of one model into token ids. The template is compiled by the first chat and kept. */
export const makePrompter = (text: CheckpointText) => {
  let compiled: ChatTemplate | null = null
  const render = (source: string, messages: ReadonlyArray<Message>): string =>
    withTimeLimit(TEMPLATE_LIMIT_MILLIS, () => {
      compiled ??= compileTemplate(source, text.specialTokens)
      return compiled(messages)
    })

  const rendered = (source: string, messages: ReadonlyArray<Message>) =>
    Effect.try({
      try: () => render(source, messages),
      catch: (error) => new TemplateRefused({ model: text.model, problem: templateProblem(error) })
    })

  const encode = (prompt: string, addSpecialTokens: boolean) =>
    text.tokenizer.encode(prompt, { addSpecialTokens }).pipe(
      Effect.timeoutFail({
        duration: ENCODE_LIMIT,
        onTimeout: () =>
          new CheckpointInvalid({
            model: text.model,
            file: "tokenizer.json",
            problem: "reading a prompt takes too long"
          })
      })
    )

  const encoded = (input: GenerateInput) => {
    const { template } = text
    if (input._tag === "Raw" || (input._tag === "Prompt" && template === null)) return encode(input.text, true)
    const messages: ReadonlyArray<Message> =
      input._tag === "Chat" ? input.messages : [{ role: "user", content: input.text }]
    return template === null
      ? encode(fallbackPrompt(messages), true)
      : Effect.flatMap(rendered(template, messages), (prompt) => encode(prompt, false))
  }

  return (input: GenerateInput): Effect.Effect<ReadonlyArray<number>, PromptError> =>
    Effect.flatMap(encoded(input), (ids) => {
      if (ids.length > 0) return Effect.succeed(ids)
      return text.emptyPromptId === null
        ? Effect.fail(new InvalidRequest({ param: null, problem: "the prompt is empty" }))
        : Effect.succeed([text.emptyPromptId])
    })
}
