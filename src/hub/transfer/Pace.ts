/**
 * How many requests run at once: more while that brings more, half as many when the other side suffers. More than help are not
 * for free: they end in waves, and the hash, which goes by the file's order, waits for the whole wave.
 */

export interface Pace {
  readonly limit: () => number
  /** A request came to its end; `totalBytes` is what all of them have brought so far. */
  readonly completed: (totalBytes: number) => void
  /** The other side refused, broke off or fell silent. */
  readonly congested: () => void
}

/** For one file; more files begin with a request each. */
const FIRST_LIMIT = 8
/** More requests at once, and more connections to a host, are rude to a server and bring nothing. */
export const MAX_LIMIT = 32
/** Half as many requests more must bring this much more, else they are taken back. */
const WORTH_IT = 1.2
const GROWTH = 1.5
/** A rate that was measured for less is chance. */
const SHORTEST_MS = 500

export const makePace = (files: number, now: () => number): Pace => {
  let limit = Math.min(MAX_LIMIT, Math.max(FIRST_LIMIT, files))
  /** The last one that was worth it, and what it brought per millisecond. */
  let proven = limit
  let best = 0
  let completions = 0
  let startMs = now()
  let startBytes = 0
  /** The first rate is that of new connections and of code that was never run. */
  let isWarm = false
  const startAgain = (milliseconds: number, bytes: number) => {
    completions = 0
    startMs = milliseconds
    startBytes = bytes
  }
  return {
    limit: () => limit,
    completed: (totalBytes) => {
      completions++
      const milliseconds = now()
      const lasted = milliseconds - startMs
      if (completions < limit || lasted < SHORTEST_MS) return
      const rate = (totalBytes - startBytes) / lasted
      startAgain(milliseconds, totalBytes)
      if (!isWarm) isWarm = true
      else if (rate > best * WORTH_IT) {
        best = rate
        proven = limit
        limit = Math.min(MAX_LIMIT, Math.ceil(limit * GROWTH))
      } else limit = proven
    },
    congested: () => {
      limit = Math.max(1, Math.floor(limit / 2))
      proven = limit
      best = 0
      isWarm = false
      startAgain(now(), startBytes)
    }
  }
}
