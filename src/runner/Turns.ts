/** One at a time, in order of arrival, with a bounded queue. A turn given up while waiting is given back at once. */
import { Deferred, Effect } from "effect"
import { ServerOverloaded } from "../domain/Errors.js"

export interface Turns {
  /** Waits for its turn, then runs. Fails at once when too many wait. */
  readonly take: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ServerOverloaded, R>
}

type Ticket = Deferred.Deferred<void>

/** `maxWaiting` doesn't count the one whose turn it is. */
export const makeTurns = ({ maxWaiting }: { readonly maxWaiting: number }): Effect.Effect<Turns> =>
  Effect.sync(() => {
    const tickets: Array<Ticket> = []

    const call = () => {
      const [first] = tickets
      if (first !== undefined) Deferred.unsafeDone(first, Effect.void)
    }
    const join = Effect.suspend(() => {
      const queued = tickets.length - 1
      if (queued >= maxWaiting) return Effect.fail(new ServerOverloaded({ queued }))
      return Effect.tap(Deferred.make<void>(), (ticket) => {
        tickets.push(ticket)
        if (tickets.length === 1) call()
      })
    })
    const leave = (ticket: Ticket) =>
      Effect.sync(() => {
        tickets.splice(tickets.indexOf(ticket), 1)
        call()
      })

    return {
      take: (effect) =>
        Effect.acquireUseRelease(join, (ticket) => Effect.zipRight(Deferred.await(ticket), effect), leave)
    }
  })
