/** Work that tells what it does, as a stream of what it tells. */
import { Effect, Mailbox, type Scope, Stream } from "effect"

/** Takes an event at once, whoever reads it later. */
export type Emit<A> = (event: A) => void

/** Cold: running the stream runs the work, ending it early interrupts the work. The stream ends or fails as the work does. */
export const eventsOf = <A, E, R>(
  work: (emit: Emit<A>) => Effect.Effect<void, E, R>
): Stream.Stream<A, E, Exclude<R, Scope.Scope>> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const events = yield* Mailbox.make<A, E>()
      const emit = (event: A) => {
        events.unsafeOffer(event)
      }
      yield* work(emit).pipe(Mailbox.into(events), Effect.forkScoped)
      return Mailbox.toStream(events)
    })
  )
