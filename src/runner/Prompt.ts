/** A request's input to the tokens a model is given. */
import { Effect, Fiber } from "effect"
import { type ChatTemplate, compileTemplate, fallbackPrompt, templateProblem } from "../chat/ChatTemplate.js"
import type { TemplateSource } from "../chat/TokenizerConfig.js"
import { CheckpointInvalid, InvalidRequest, TemplateRefused } from "../domain/Errors.js"
import type { GenerateInput, Message } from "../domain/Generation.js"
import type { CheckpointText } from "./CheckpointText.js"
import type { PromptError } from "./Protocol.js"
import { TimeLimitExceeded, withTimeLimit } from "./TimeLimit.js"

/** A template that takes longer loops for ever; real ones need milliseconds. */
const TEMPLATE_LIMIT_MILLIS = 5_000
/** A tokenizer's own regular expressions may take for ever too; a prompt of 10 MB needs seconds. */
const ENCODE_LIMIT = "60 seconds"

class EncodeTimeout extends Error {
  override readonly message = `the tokenizer has not encoded a prompt in ${ENCODE_LIMIT}`
}

/** Turns inputs of one model into token ids. The template is compiled by the first chat and kept. */
export const makePrompter = (text: CheckpointText) => {
  let compiled: ChatTemplate | null = null
  const rendered = ({ file, source }: TemplateSource, messages: ReadonlyArray<Message>) => {
    const broken = (problem: string) => new CheckpointInvalid({ model: text.model, file, problem })
    /** The file is to blame for what never ends, whatever the messages are. */
    const limited = <A, E>(compute: () => A, failed: (error: unknown) => E) =>
      Effect.try({
        try: () => withTimeLimit(TEMPLATE_LIMIT_MILLIS, compute),
        catch: (error) =>
          error instanceof TimeLimitExceeded
            ? broken(`the chat template takes longer than ${TEMPLATE_LIMIT_MILLIS / 1000} s`)
            : failed(error)
      })
    return Effect.gen(function* () {
      const template =
        compiled ??
        (yield* limited(
          () => compileTemplate(source, text.specialTokens),
          () => broken("not a valid chat template")
        ))
      compiled = template
      return yield* limited(
        () => template(messages),
        (error) => new TemplateRefused({ model: text.model, problem: templateProblem(error) })
      )
    })
  }

  /** The native encoder's thread can't be stopped: an interruption waits for it, and one that hangs ends the process. */
  const encode = (prompt: string, addSpecialTokens: boolean) =>
    text.tokenizer.encode(prompt, { addSpecialTokens }).pipe(
      Effect.timeoutFail({ duration: ENCODE_LIMIT, onTimeout: () => new EncodeTimeout() }),
      Effect.catchIf((error) => error instanceof EncodeTimeout, Effect.die),
      // Not a child of this fiber: an interruption would reach a child even from here.
      Effect.interruptible,
      Effect.forkDaemon,
      Effect.flatMap(Fiber.join),
      Effect.uninterruptible
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
