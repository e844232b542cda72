/** Trying again: how often, and how long to wait between the tries. */
import { Effect } from "effect"

const MAX_TRIES = 5
const FIRST_DELAY_MS = 500
/** A Hub that asks for more patience than this is told of at once. */
const LONGEST_DELAY_MS = 60_000

/** A try that failed. */
export interface FailedTry<E> {
  readonly error: E
  /** Whether the very same try may succeed later. */
  readonly again: boolean
  /** What `Retry-After` asks for; null when it asks for nothing. */
  readonly waitMs: number | null
}

/** Doubles its delay with every try, unless the Hub names one. Fails with the error of the last try. */
export const patiently = <A, E, R>(once: Effect.Effect<A, FailedTry<E>, R>): Effect.Effect<A, E, R> => {
  const from = (tried: number): Effect.Effect<A, E, R> =>
    Effect.catchAll(once, ({ again, error, waitMs }) => {
      const delayMs = waitMs ?? FIRST_DELAY_MS * 2 ** tried
      if (!again || tried + 1 >= MAX_TRIES || delayMs > LONGEST_DELAY_MS) return Effect.fail(error)
      return Effect.zipRight(Effect.sleep(delayMs), from(tried + 1))
    })
  return from(0)
}
