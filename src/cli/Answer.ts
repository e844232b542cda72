/** Following one generation: what came, what was shown, how it ended. `run` and the chat share it. */
import { Clock, Effect, Ref, Stream } from "effect"
import type { OutputFailed } from "../domain/Errors.js"
import type { GenerateEvent } from "../domain/Generation.js"
import { presentReasoning, type ReasoningPresentation } from "../domain/Reasoning.js"
import { Output } from "./Output.js"
import type { PipeClosed } from "./Stdio.js"

/** Said where an answer was cut off by Ctrl-C (spec 01 §12.5). */
export const INTERRUPTED = "[Generation interrupted by user]"

type Finished = Extract<GenerateEvent, { readonly _tag: "Finished" }>

export interface Answer {
  /** All that is shown of it. */
  readonly text: string
  readonly content: string
  readonly reasoning: string
  /** Null while the answer is not complete. */
  readonly finished: Finished | null
}

export const noAnswer: Answer = { text: "", content: "", reasoning: "", finished: null }

/** With one event more; `shown` is what is shown of it. */
const withEvent = (answer: Answer, event: GenerateEvent, shown: string): Answer => {
  const text = answer.text + shown
  switch (event._tag) {
    case "Delta":
      return { ...answer, text, content: answer.content + event.text }
    case "Reasoning":
      return { ...answer, text, reasoning: answer.reasoning + event.text }
    case "Finished":
      return { ...answer, finished: event }
    default:
      return answer
  }
}

export interface FollowOptions {
  /** Show each piece as it comes. */
  readonly live: boolean
  /** Say on stderr what is going on (spec 01 §12.7). */
  readonly verbose: boolean
  readonly reasoning: Exclude<ReasoningPresentation, "separate">
}

const finishNotes = ({ finishReason, usage }: Finished, seconds: number, { verbose }: FollowOptions) => {
  const speed = seconds > 0 ? ` (${(usage.completionTokens / seconds).toFixed(1)} tokens/s)` : ""
  return [
    ...(verbose ? [`Generated ${usage.completionTokens} tokens in ${seconds.toFixed(1)} s${speed}`] : []),
    ...(finishReason === "length" ? [`Note: the answer is cut off after ${usage.completionTokens} tokens`] : [])
  ]
}

/**
 * Runs a generation to its end; `answer` holds what came so far, so that an interrupted one isn't lost. In JSON mode a cut
 * answer is said by its `finish_reason` alone.
 */
export const follow = <E, R>(
  events: Stream.Stream<GenerateEvent, E, R>,
  answer: Ref.Ref<Answer>,
  options: FollowOptions
): Effect.Effect<void, E | PipeClosed | OutputFailed, R | Output> =>
  Effect.gen(function* () {
    const output = yield* Output
    const asked = yield* Clock.currentTimeMillis
    const started = yield* Ref.make(asked)
    const note = (text: string) => (options.verbose ? output.note(text) : Effect.void)
    const present = presentReasoning(options.reasoning)
    yield* Stream.runForEach(events, (event) =>
      Effect.gen(function* () {
        if (event._tag === "Started") {
          const now = yield* Clock.currentTimeMillis
          yield* Ref.set(started, now)
          yield* note(`Ready after ${((now - asked) / 1000).toFixed(1)} s`)
          return yield* note(`Context length ${event.contextLength}, prompt ${event.promptTokens} tokens`)
        }
        const shown = present(event)
          .map((part) => (part._tag === "Delta" ? part.text : ""))
          .join("")
        yield* Ref.update(answer, (before) => withEvent(before, event, shown))
        if (options.live && shown !== "") yield* output.piece(shown)
      })
    )
    const { finished } = yield* Ref.get(answer)
    if (finished === null || output.json) return
    const seconds = ((yield* Clock.currentTimeMillis) - (yield* Ref.get(started))) / 1000
    // The answer's last line ends before a note begins.
    if (options.live) yield* output.piece("\n")
    else yield* output.piece(`${(yield* Ref.get(answer)).text}\n`)
    yield* Effect.forEach(finishNotes(finished, seconds, options), output.note)
  })
