/** When an engine that crashed may be started again: a pause that grows, and a circuit breaker. Pure. */
import type { EngineCrashed } from "../domain/Errors.js"

/** The recent crashes of one model. */
export interface CrashHistory {
  readonly times: ReadonlyArray<number>
  readonly last: EngineCrashed
}

/** Crashes count together within this time. */
export const CRASH_WINDOW_MILLIS = 60_000
/** So many crashes open the breaker: requests fail at once. */
const BREAKER_CRASHES = 3
/** Then one attempt is let through; if it crashes too, the time begins again. */
export const BREAKER_MILLIS = 10_000
const FIRST_PAUSE_MILLIS = 250

export const withCrash = (history: CrashHistory | null, last: EngineCrashed, now: number): CrashHistory => ({
  times: [...(history?.times ?? []).filter((time) => now - time < CRASH_WINDOW_MILLIS), now],
  last
})

/** What to do with a request that needs a new process at `now`: start after a pause, or answer with the last crash. */
export const restart = (
  history: CrashHistory | null,
  now: number
):
  | { readonly _tag: "Start"; readonly pauseMillis: number }
  | { readonly _tag: "Refuse"; readonly error: EngineCrashed } => {
  const times = (history?.times ?? []).filter((time) => now - time < CRASH_WINDOW_MILLIS)
  const latest = times.at(-1)
  if (history === null || latest === undefined) return { _tag: "Start", pauseMillis: 0 }
  const isOpen = times.length >= BREAKER_CRASHES && now - latest < BREAKER_MILLIS
  if (isOpen) return { _tag: "Refuse", error: history.last }
  // The first crash may have been bad luck, and whoever asks again waits already.
  return { _tag: "Start", pauseMillis: times.length === 2 ? FIRST_PAUSE_MILLIS : 0 }
}
