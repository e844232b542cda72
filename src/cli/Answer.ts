/** Following one generation: what came, what was shown, how it ended. `run` and the chat share it. */
import { Clock, Effect, Ref, Stream } from "effect"
import type { OutputFailed } from "../domain/Errors.js"
import type { GenerateEvent } from "../domain/Generation.js"
import { Output } from "./Output.js"
import type { PipeClosed } from "./Stdio.js"

/** Said where an answer was cut off by Ctrl-C (spec 01 §12.5). */
export const INTERRUPTED = "[Generation interrupted by user]"

type Finished = Extract<GenerateEvent, { readonly _tag: "Finished" }>

/** `finished` is null while the answer is not complete. */
export interface Answer {
  readonly text: string
  readonly finished: Finished | null
}

export const noAnswer: Answer = { text: "", finished: null }

export interface FollowOptions {
  /** Show each piece as it comes. */
  readonly live: boolean
  /** Say on stderr what is going on (spec 01 §12.7). */
  readonly verbose: boolean
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
    yield* Stream.runForEach(events, (event) =>
      Effect.gen(function* () {
        switch (event._tag) {
          case "Started": {
            const now = yield* Clock.currentTimeMillis
            yield* Ref.set(started, now)
            yield* note(`Ready after ${((now - asked) / 1000).toFixed(1)} s`)
            return yield* note(`Context length ${event.contextLength}, prompt ${event.promptTokens} tokens`)
          }
          case "Delta": {
            yield* Ref.update(answer, ({ finished, text }) => ({ finished, text: text + event.text }))
            return yield* options.live ? output.piece(event.text) : Effect.void
          }
          case "Finished":
            return yield* Ref.update(answer, ({ text }) => ({ text, finished: event }))
        }
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
