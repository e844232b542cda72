/** `pull` and `update` as they run: progress on the way, one result, and what is known when it fails or is stopped. */
import { Effect, Ref, Stream } from "effect"
import { ErrorEnvelope, FailedWithData, renderFailure } from "../domain/Envelope.js"
import { DownloadFailed } from "../domain/Errors.js"
import { PullsData } from "../domain/Outdated.js"
import { PullData, type PullEvent } from "../domain/Pull.js"
import { advance, failedPull, noPull, type PullError } from "../operations/Pull.js"
import { Output } from "./Output.js"
import { makeProgress } from "./Progress.js"
import { pullText } from "./views/Pull.js"

export interface Pulling<R> {
  /** As typed. */
  readonly name: string
  readonly events: Stream.Stream<PullEvent, PullError, R>
}

/** The outcome of one model; the error is null when it succeeded. */
interface Outcome {
  readonly data: PullData
  readonly error: PullError | null
}

/** After Ctrl-C: what is there stays, and that is said; in JSON mode by the one document. */
const interrupted = (command: string, name: string, data: PullData) =>
  Effect.gen(function* () {
    const output = yield* Output
    const repo = data.model ?? name
    const error = new DownloadFailed({ repo, file: null, problem: "it was interrupted" })
    if (!output.json) return yield* output.note(`${command}: interrupted; '${command} ${name}' goes on from here`)
    const failure = new FailedWithData({ error, data: { ...failedPull(data, error) } })
    yield* output.document(ErrorEnvelope, renderFailure(command, failure).envelope)
  })

const follow = <R>(command: string, { events, name }: Pulling<R>, ndjson: boolean) =>
  Effect.gen(function* () {
    const view = yield* makeProgress(ndjson)
    const state = yield* Ref.make(noPull)
    const seen = (event: PullEvent) =>
      Effect.zipRight(
        Ref.update(state, (data) => advance(data, event)),
        view.show(event)
      )
    return yield* Stream.runForEach(events, seen).pipe(
      Effect.ensuring(view.clear),
      Effect.zipRight(Ref.get(state)),
      Effect.map((data): Outcome => ({ data, error: null })),
      Effect.catchAll((error) =>
        Effect.map(Ref.get(state), (data): Outcome => ({ data: failedPull(data, error), error }))
      ),
      Effect.onInterrupt(() =>
        Effect.flatMap(Ref.get(state), (data) => Effect.ignore(interrupted(command, name, data)))
      )
    )
  })

const inList = (command: string, { data, error }: Outcome) => ({
  ...data,
  error:
    error === null ? null : (({ message, type }) => ({ type, message }))(renderFailure(command, error).envelope.error)
})

const summary = (outcomes: ReadonlyArray<Outcome>): PullsData => {
  const failed = outcomes.filter(({ error }) => error !== null).length
  return {
    model: null,
    download_status: failed === 0 ? "success" : "failed",
    message: failed === 0 ? `${outcomes.length} models done` : `${failed} of ${outcomes.length} models failed`,
    expanded_name: null,
    models: outcomes.map((outcome) => inList("pull", outcome))
  }
}

/** One model: its own document. */
export const followOne = <R>(command: string, pulling: Pulling<R>, ndjson: boolean) =>
  Effect.gen(function* () {
    const output = yield* Output
    const { data, error } = yield* follow(command, pulling, ndjson)
    if (error !== null) return yield* new FailedWithData({ error, data: { ...data } })
    yield* output.result(PullData, data, pullText)
  })

/** Several models, one after the other; one that fails doesn't keep the others from coming. */
export const followAll = <R>(command: string, list: ReadonlyArray<Pulling<R>>, ndjson: boolean) =>
  Effect.gen(function* () {
    const output = yield* Output
    const outcomes = yield* Effect.forEach(list, (pulling) =>
      Effect.tap(follow(command, pulling, ndjson), ({ data, error }) =>
        output.json || error !== null ? Effect.void : output.piece(pullText(data))
      )
    )
    const data = summary(outcomes)
    const failures = outcomes.flatMap(({ error }) => (error === null ? [] : [error]))
    const [first, ...others] = failures
    if (first === undefined) return yield* output.result(PullsData, data, () => "")
    if (!output.json) yield* Effect.forEach(others, (error) => output.note(`${command}: Error: ${error.message}`))
    return yield* new FailedWithData({ error: first, data: { ...data } })
  })
