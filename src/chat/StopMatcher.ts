/**
 * Cutting an answer at its first stop string, however the text arrives. The string that is complete first wins, of several
 * that end together the longest, so the result doesn't depend on where deltas are cut (spec 02 §6.5). Pure.
 */

/** One answer. After `stopped` nothing more comes out. */
export interface StopMatcher {
  /** Takes text, returns what can be released: all but an end that could still become a stop string. */
  readonly push: (text: string) => string
  /** The held text, at the natural end of the answer; empty after a stop. */
  readonly finish: () => string
  readonly stopped: () => boolean
  /** The stop string that ended the answer. */
  readonly matched: () => string | null
}

/** A stop string that contains another one before its own end can never be the first complete one. */
const reachable = (stops: ReadonlyArray<string>): ReadonlyArray<string> => {
  const distinct = [...new Set(stops)].filter((stop) => stop !== "")
  return distinct.filter((stop) => !distinct.some((other) => other !== stop && stop.slice(0, -1).includes(other)))
}

/** Length of the longest end of `text` that is a proper beginning of a stop string. */
const heldLength = (text: string, stops: ReadonlyArray<string>): number => {
  const longest = Math.min(text.length, Math.max(0, ...stops.map((stop) => stop.length - 1)))
  for (let length = longest; length > 0; length--) {
    const end = text.slice(-length)
    if (stops.some((stop) => stop.length > length && stop.startsWith(end))) return length
  }
  return 0
}

/** The first complete stop string and where it begins, null when there is none. Ends before `from` were looked at already. */
const firstMatch = (text: string, from: number, stops: ReadonlyArray<string>) => {
  for (let end = from + 1; end <= text.length; end++) {
    const [stop] = stops.filter((stop) => text.endsWith(stop, end)).sort((a, b) => b.length - a.length)
    if (stop !== undefined) return { stop, start: end - stop.length }
  }
  return null
}

export const makeStopMatcher = (stops: ReadonlyArray<string>): StopMatcher => {
  const candidates = reachable(stops)
  let held = ""
  let matched: string | null = null
  return {
    push: (text) => {
      if (matched !== null) return ""
      if (candidates.length === 0) return text
      const pending = held + text
      const match = firstMatch(pending, held.length, candidates)
      matched = match?.stop ?? null
      const released = pending.slice(0, match?.start ?? pending.length - heldLength(pending, candidates))
      held = match === null ? pending.slice(released.length) : ""
      return released
    },
    finish: () => {
      const rest = held
      held = ""
      return rest
    },
    stopped: () => matched !== null,
    matched: () => matched
  }
}
