/** The end of a server: refuses what comes, ends what runs, and knows when nothing runs any more. */
import { Deferred, Effect, Stream, SubscriptionRef } from "effect"
import { ServerShutdown } from "../domain/Errors.js"

export interface Shutdown {
  readonly begin: Effect.Effect<void>
  readonly hasBegun: Effect.Effect<boolean>
  /** Waits for the shutdown, then fails with it: racing with this ends a running answer. */
  readonly failure: Effect.Effect<never, ServerShutdown>
  /** Counts the effect as a running request. */
  readonly track: <A, E, R>(request: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Returns when no request runs. */
  readonly idle: Effect.Effect<void>
}

export const makeShutdown: Effect.Effect<Shutdown> = Effect.gen(function* () {
  const begun = yield* Deferred.make<never, ServerShutdown>()
  const running = yield* SubscriptionRef.make(0)
  const add = (change: number) => SubscriptionRef.update(running, (count) => count + change)
  return {
    begin: Effect.asVoid(Deferred.fail(begun, new ServerShutdown())),
    hasBegun: Deferred.isDone(begun),
    failure: Deferred.await(begun),
    track: (request) =>
      Effect.acquireUseRelease(
        add(1),
        () => request,
        () => add(-1)
      ),
    idle: running.changes.pipe(
      Stream.takeUntil((count) => count === 0),
      Stream.runDrain
    )
  }
})
