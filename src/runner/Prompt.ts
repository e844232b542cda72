/** A request's input to the tokens a model is given. */
import { type Duration, Effect, Fiber, Option } from "effect"
import {
  type ChatTemplate,
  compileTemplate,
  fallbackPrompt,
  isExcessive,
  type PromptText,
  templateProblem
} from "../chat/ChatTemplate.js"
import type { TemplateSource } from "../chat/TokenizerConfig.js"
import {
  CheckpointInvalid,
  ContextLengthExceeded,
  InvalidRequest,
  TemplateRefused,
  ToolsNotSupported
} from "../domain/Errors.js"
import type { ChatOptions, GenerateInput } from "../domain/Generation.js"
import type { CheckpointText } from "./CheckpointText.js"
import { Unstoppable } from "./Lifetime.js"
import type { PromptError } from "./Protocol.js"
import { TimeLimitExceeded, withTimeLimit } from "./TimeLimit.js"

/** A template that takes longer loops for ever; real ones need milliseconds. */
const TEMPLATE_LIMIT_MILLIS = 5_000
/** A tokenizer's own regular expressions may take for ever too; a prompt of 10 MB needs seconds. */
const ENCODE_LIMIT = "60 seconds"

/** An encoder that nobody waits for any more may finish within this time; loading the model again would take longer. */
const ABANDONED_LIMIT = "2 seconds"

const tooSlow = () => new Unstoppable(`the tokenizer has not encoded a prompt in ${ENCODE_LIMIT}`)
const abandoned = () => new Unstoppable("the tokenizer is still encoding a prompt that nobody waits for")

/** Most characters of a prompt that a template adds: to all, to each message, and for each character of a request. */
const TEMPLATE_CHARS = { chat: 2 ** 20, message: 2 ** 10, character: 64 }

const mostRendered = (chat: ChatOptions): number =>
  TEMPLATE_CHARS.chat +
  TEMPLATE_CHARS.message * chat.messages.length +
  TEMPLATE_CHARS.character * JSON.stringify(chat).length

const now = () => new Date()

/** Dies when `effect` takes longer, from uninterruptible regions too. */
const within =
  (duration: Duration.DurationInput, onTimeout: () => Unstoppable) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.interruptible(effect).pipe(
      Effect.timeoutOption(duration),
      Effect.flatMap(Option.match({ onNone: () => Effect.die(onTimeout()), onSome: Effect.succeed }))
    )

/** What a model is given. */
export interface Prompt {
  /** At least one. */
  readonly ids: ReadonlyArray<number>
  /** What the ids are the tokens of. */
  readonly text: string
}

/** A template that can show tools names them. */
const SHOWS_TOOLS = /\btools\b/

/** Turns inputs of one model into prompts. A template is compiled by the first chat that needs it, and kept. */
export const makePrompter = (text: CheckpointText) => {
  const compiled = new Map<TemplateSource, ChatTemplate>()

  const rendered = (template: TemplateSource, chat: ChatOptions) => {
    const { file, source } = template
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
      const render =
        compiled.get(template) ??
        (yield* limited(
          () => compileTemplate(source, text.specialTokens),
          (error) => broken(`not a valid chat template: ${templateProblem(error)}`)
        ))
      compiled.set(template, render)
      const prompt = yield* limited(
        () => render(chat, now),
        (error) =>
          isExcessive(error)
            ? broken(`the chat template asks for too much: ${templateProblem(error)}`)
            : new TemplateRefused({ model: text.model, problem: templateProblem(error) })
      )
      if (prompt.text.length <= mostRendered(chat)) return prompt
      return yield* broken(`the chat template makes a prompt of ${prompt.text.length} characters`)
    })
  }

  /** A text of so many bytes has at least so many tokens: one that can't fit costs no encoding. */
  const checkLength = (prompt: string) => {
    const { contextLength, tokenizer } = text
    const promptTokens = Math.ceil(Buffer.byteLength(prompt) / (tokenizer.maxBytesPerToken ?? Number.POSITIVE_INFINITY))
    return promptTokens > contextLength ? new ContextLengthExceeded({ contextLength, promptTokens }) : Effect.void
  }

  /** The native encoder's thread can't be stopped: when it takes too long, or nobody waits for it, the process ends. */
  const encodeWhole = ({ plain, text: prompt }: PromptText, addSpecialTokens: boolean) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const encoding = yield* text.tokenizer
          .encode(prompt, { addSpecialTokens, plain })
          .pipe(within(ENCODE_LIMIT, tooSlow), Effect.forkDaemon)
        return yield* restore(Fiber.join(encoding)).pipe(
          Effect.onInterrupt(() =>
            // Not a child of this fiber: another interruption would reach a child even from here.
            Fiber.await(encoding).pipe(
              within(ABANDONED_LIMIT, abandoned),
              Effect.forkDaemon,
              Effect.flatMap(Fiber.join)
            )
          )
        )
      })
    )

  const encode = (prompt: PromptText, addSpecialTokens: boolean) =>
    Effect.zipRight(checkLength(prompt.text), encodeWhole(prompt, addSpecialTokens)).pipe(
      Effect.map((ids) => ({ ids, text: prompt.text }))
    )

  const encoded = (input: GenerateInput): Effect.Effect<Prompt, PromptError> => {
    const { template, toolTemplate } = text
    // Who writes the whole prompt may write control tokens.
    if (input._tag === "Raw" || (input._tag === "Prompt" && template === null)) {
      return encode({ text: input.text, plain: [] }, true)
    }
    const chat: ChatOptions = input._tag === "Chat" ? input : { messages: [{ role: "user", content: input.text }] }
    const chosen = chat.tools === undefined ? template : (toolTemplate ?? template)
    if (chat.tools !== undefined && (text.toolFormat === null || chosen === null || !SHOWS_TOOLS.test(chosen.source))) {
      return Effect.fail(new ToolsNotSupported({ model: text.model }))
    }
    return chosen === null
      ? encode(fallbackPrompt(chat), true)
      : Effect.flatMap(rendered(chosen, chat), (prompt) => encode(prompt, false))
  }

  return (input: GenerateInput): Effect.Effect<Prompt, PromptError> =>
    Effect.flatMap(encoded(input), (prompt) => {
      if (prompt.ids.length > 0) return Effect.succeed(prompt)
      return text.emptyPromptId === null
        ? Effect.fail(new InvalidRequest({ param: null, problem: "the prompt is empty" }))
        : Effect.succeed({ ...prompt, ids: [text.emptyPromptId] })
    })
}
