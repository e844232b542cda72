/** How many requests run at once: more while that brings more bytes, half as many when the other side suffers. */

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
/** More of them must bring this much more. */
const WORTH_IT = 1.1
const GROWTH = 1.5

export const makePace = (files: number, now: () => number): Pace => {
  let limit = Math.min(MAX_LIMIT, Math.max(FIRST_LIMIT, files))
  let completions = 0
  let windowStart = now()
  let windowBytes = 0
  let best = 0
  return {
    limit: () => limit,
    completed: (totalBytes) => {
      completions++
      if (completions < limit) return
      const milliseconds = Math.max(1, now() - windowStart)
      const rate = (totalBytes - windowBytes) / milliseconds
      if (rate > best * WORTH_IT) {
        best = rate
        limit = Math.min(MAX_LIMIT, Math.ceil(limit * GROWTH))
      }
      completions = 0
      windowStart = now()
      windowBytes = totalBytes
    },
    congested: () => {
      limit = Math.max(1, Math.floor(limit / 2))
      best = 0
      completions = 0
    }
  }
}
