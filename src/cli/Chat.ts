/** Interactive `run`: a conversation until the user leaves (spec 01 §12.5, spec 02 §5.4). */
import { Effect, Ref } from "effect"
import { errorMessage, isKnifeError } from "../domain/ErrorTable.js"
import type { GenerateOptions, Message } from "../domain/Generation.js"
import { generate, load } from "../operations/Run.js"
import type { RunnableModel } from "../services/Runner.js"
import { type Answer, type FollowOptions, follow, INTERRUPTED, noAnswer } from "./Answer.js"
import { Output } from "./Output.js"
import { type Lines, Stdio } from "./Stdio.js"

type History = ReadonlyArray<Message>

export interface ChatOptions extends FollowOptions {
  /** The generation that continues a conversation. */
  readonly request: (messages: History) => GenerateOptions
}

const EXIT_WORDS: ReadonlyArray<string> = ["exit", "quit", "q"]

type Ending = "done" | "interrupted" | "failed"

/** One answer; a failure is told and the session goes on. */
const answerTo = (model: RunnableModel, messages: History, options: ChatOptions) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio
    const output = yield* Output
    const answer = yield* Ref.make<Answer>(noAnswer)
    const ending = yield* follow(generate(model, options.request(messages)), answer, options).pipe(
      Effect.as<Ending>("done"),
      Effect.raceFirst(Effect.as(stdio.signal("work"), "interrupted" as const)),
      Effect.catchIf(isKnifeError, (error) =>
        Effect.as(output.note(`[ERROR] ${errorMessage(error)}`), "failed" as const)
      )
    )
    return { ending, ...(yield* Ref.get(answer)) }
  })

/** What the conversation is after a line; null when it is over. */
const turn = (model: RunnableModel, lines: Lines, history: History, options: ChatOptions) =>
  Effect.gen(function* () {
    const stdio = yield* Stdio
    const output = yield* Output
    const typed = yield* Effect.raceFirst(
      Effect.map(lines.ask("You: "), (line) => ({ line, interrupted: false })),
      Effect.as(stdio.signal("work"), { line: null, interrupted: true })
    )
    if (typed.line === null) {
      yield* output.piece(typed.interrupted ? "\nChat interrupted. Goodbye!\n" : "\nGoodbye!\n")
      return null
    }
    const content = typed.line.trim()
    if (EXIT_WORDS.includes(content.toLowerCase())) {
      yield* output.piece("Goodbye!\n")
      return null
    }
    if (content === "") return history
    const messages: History = [...history, { role: "user", content }]
    yield* output.piece("\nAssistant: ")
    const { content: answered, ending, reasoning, text } = yield* answerTo(model, messages, options)
    if (ending === "failed") return history
    // What was streamed carries the marker; a batch answers with what it has (spec 01 §12.5).
    if (ending === "interrupted") yield* output.piece(options.live ? `\n${INTERRUPTED}\n` : `${text}\n`)
    const reply = ending === "interrupted" && options.live ? `${answered}\n${INTERRUPTED}` : answered
    yield* output.piece("\n")
    const thought = reasoning === "" ? {} : { reasoning }
    return [...messages, { role: "assistant" as const, content: reply.trim(), ...thought }]
  })

/** Ends when the user leaves, also by Ctrl-C at the prompt or at the end of the input. */
export const chat = (model: string, options: ChatOptions) =>
  Effect.scoped(
    Effect.gen(function* () {
      const stdio = yield* Stdio
      const output = yield* Output
      const target = yield* load(model)
      const lines = yield* stdio.lines
      yield* output.piece("Starting interactive chat. Type 'exit' or 'quit' to end.\n\n")
      let history: History | null = []
      while (history !== null) history = yield* turn(target, lines, history, options)
    })
  )
