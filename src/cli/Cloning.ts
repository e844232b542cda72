/** `clone` as it runs: progress on the way, one result, and what is known when it fails or is stopped. */
import { Effect, Ref, Stream } from "effect"
import { CloneData, type CloneEvent } from "../domain/Clone.js"
import { ErrorEnvelope, FailedWithData, renderFailure } from "../domain/Envelope.js"
import { CloneCancelled } from "../domain/Errors.js"
import { advance, type CloneOptions, clone, cloneBase, failedClone } from "../operations/Clone.js"
import { Remote } from "../services/Remote.js"
import { Output } from "./Output.js"
import { makeProgress } from "./Progress.js"
import { cloneText } from "./views/Clone.js"

interface State {
  readonly data: CloneData
  /** Where the download lies; null before there is one. */
  readonly stage: string | null
}

const next = ({ data, stage }: State, event: CloneEvent): State => ({
  data: advance(data, event),
  stage: event._tag === "Staged" ? event.directory : stage
})

/** After Ctrl-C: the download stays, and that is said; in JSON mode by the one document. */
const interrupted = ({ data, stage }: State) =>
  Effect.gen(function* () {
    const output = yield* Output
    const error = new CloneCancelled({ directory: stage })
    if (!output.json) return yield* output.note(`clone: ${error.message}`)
    const failure = new FailedWithData({ error, data: { ...failedClone(data, error) } })
    yield* output.document(ErrorEnvelope, renderFailure("clone", failure).envelope)
  })

/** What the view of a pull can show too. */
const shown = (
  view: Effect.Effect.Success<ReturnType<typeof makeProgress>>,
  event: CloneEvent
): Effect.Effect<void> => {
  switch (event._tag) {
    case "Target":
    case "Staged":
    case "Checking":
    case "Copying":
    case "Finished":
      return Effect.void
    default:
      return view.show(event)
  }
}

export const cloning = (options: CloneOptions, quiet: boolean) =>
  Effect.gen(function* () {
    const output = yield* Output
    const view = yield* makeProgress(false)
    const state = yield* Ref.make<State>({ data: cloneBase(options), stage: null })
    const told = (event: CloneEvent) =>
      Effect.zipRight(
        Ref.update(state, (before) => next(before, event)),
        quiet ? Effect.void : shown(view, event)
      )
    yield* clone(options).pipe(
      Stream.provideSomeLayer(yield* Remote),
      Stream.runForEach(told),
      Effect.ensuring(view.clear),
      Effect.catchAll((error) =>
        Effect.flatMap(
          Ref.get(state),
          ({ data }) => new FailedWithData({ error, data: { ...failedClone(data, error) } })
        )
      ),
      Effect.onInterrupt(() => Effect.flatMap(Ref.get(state), (known) => Effect.ignore(interrupted(known))))
    )
    const { data } = yield* Ref.get(state)
    yield* output.result(CloneData, data, (result) => cloneText(result, quiet))
  })
