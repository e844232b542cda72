/** At most so many bytes per second over all connections. */

export interface RateLimit {
  /** Counts bytes that came; answers how long their connection shall pause, in milliseconds. */
  readonly take: (bytes: number) => number
}

/** Shorter pauses cost more than they save. */
const SHORTEST_PAUSE_MS = 5

/** Every byte has its turn on one time line; who is ahead of it waits. An unused second is not saved up. */
export const makeRateLimit = (bytesPerSecond: number, now: () => number): RateLimit => {
  let turn = now()
  return {
    take: (bytes) => {
      turn = Math.max(turn, now()) + (bytes / bytesPerSecond) * 1000
      const ahead = turn - now()
      return ahead < SHORTEST_PAUSE_MS ? 0 : ahead
    }
  }
}
