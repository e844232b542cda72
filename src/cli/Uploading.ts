/** `push` as it runs: progress and notes on the way, one result, and what is known when it fails or is stopped. */
import { Clock, Effect, Ref, Stream } from "effect"
import { ErrorEnvelope, FailedWithData, renderFailure } from "../domain/Envelope.js"
import { UploadFailed } from "../domain/Errors.js"
import { PushData, type PushEvent } from "../domain/Push.js"
import { type PushOptions, push, pushBase } from "../operations/Push.js"
import { Remote } from "../services/Remote.js"
import { Settings } from "../services/Settings.js"
import { Output } from "./Output.js"
import { makeProgress } from "./Progress.js"
import { nothingSent, progressOf, sending } from "./Sending.js"
import { pushNote, pushText } from "./views/Push.js"

/** What is known so far, for a failure's `data` (spec 01 §13.4), and at last the result. */
const known = (data: PushData, event: PushEvent): PushData => {
  switch (event._tag) {
    case "Counted":
      return { ...data, local_files_count: event.files }
    case "RepoCreated":
      return { ...data, created_repo: true }
    case "Finished":
      return event.data
    default:
      return data
  }
}

/** After Ctrl-C: what is stored is not sent again, and that is said; in JSON mode by the one document. */
const interrupted = (data: PushData) =>
  Effect.gen(function* () {
    const output = yield* Output
    const error = new UploadFailed({ repo: data.repo_id, problem: "it was interrupted" })
    if (!output.json) return yield* output.note(`push: ${error.message}`)
    const failure = new FailedWithData({ error, data: { ...data } })
    yield* output.document(ErrorEnvelope, renderFailure("push", failure).envelope)
  })

const makeView = (repo: string, verbose: boolean) =>
  Effect.gen(function* () {
    const output = yield* Output
    const bar = yield* makeProgress(false)
    const state = yield* Ref.make(nothingSent)
    const show = (event: PushEvent) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const current = yield* Ref.updateAndGet(state, (before) => sending(before, event, now))
        const progress = event._tag === "Sent" ? progressOf(current, repo, now) : null
        if (progress !== null) {
          yield* Ref.set(state, { ...current, shownAt: now })
          yield* bar.show(progress)
        }
        const note = output.json ? null : pushNote(event, verbose)
        if (note !== null) yield* Effect.zipRight(bar.clear, output.note(note))
      })
    return { show, clear: bar.clear }
  })

export const uploading = (options: PushOptions, verbose: boolean) =>
  Effect.gen(function* () {
    const output = yield* Output
    const { hub } = yield* Settings
    const view = yield* makeView(options.repo, verbose)
    const state = yield* Ref.make(pushBase(options, hub.endpoint))
    const told = (event: PushEvent) =>
      Effect.zipRight(
        Ref.update(state, (data) => known(data, event)),
        view.show(event)
      )
    yield* push(options).pipe(
      Stream.provideSomeLayer(yield* Remote),
      Stream.runForEach(told),
      Effect.ensuring(view.clear),
      Effect.catchAll((error) =>
        Effect.flatMap(Ref.get(state), (data) => new FailedWithData({ error, data: { ...data } }))
      ),
      Effect.onInterrupt(() => Effect.flatMap(Ref.get(state), (data) => Effect.ignore(interrupted(data))))
    )
    yield* output.result(PushData, yield* Ref.get(state), (data) => pushText(data, verbose))
  })
