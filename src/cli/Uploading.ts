/** `push` as it runs: notes on the way, one result, and what is known when it fails. */
import { Effect, Option, Ref, Stream } from "effect"
import { FailedWithData } from "../domain/Envelope.js"
import { PushData, type PushEvent } from "../domain/Push.js"
import { type PushOptions, push, pushBase } from "../operations/Push.js"
import { Remote } from "../services/Remote.js"
import { Settings } from "../services/Settings.js"
import { Output } from "./Output.js"
import { pushNote, pushText } from "./views/Push.js"

/** What is known so far, for a failure's `data` (spec 01 §13.4). */
const known = (data: PushData, event: PushEvent): PushData => {
  switch (event._tag) {
    case "Counted":
      return { ...data, local_files_count: event.files }
    case "RepoCreated":
      return { ...data, created_repo: true }
    default:
      return data
  }
}

export const uploading = (options: PushOptions, verbose: boolean) =>
  Effect.gen(function* () {
    const output = yield* Output
    const { hub } = yield* Settings
    const soFar = yield* Ref.make(pushBase(options, hub.endpoint))
    const told = (event: PushEvent) => {
      const note = output.json ? null : pushNote(event)
      return Effect.zipRight(
        Ref.update(soFar, (data) => known(data, event)),
        note === null ? Effect.void : output.note(note)
      )
    }
    const events = push(options).pipe(Stream.tap(told), Stream.provideSomeLayer(yield* Remote))
    const last = yield* Effect.catchAll(Stream.runLast(events), (error) =>
      Effect.flatMap(Ref.get(soFar), (data) => new FailedWithData({ error, data: { ...data } }))
    )
    if (Option.isSome(last) && last.value._tag === "Finished") {
      yield* output.result(PushData, last.value.data, (data) => pushText(data, verbose))
    }
  })
