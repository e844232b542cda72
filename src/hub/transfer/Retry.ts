/** What an answer to a request for bytes means, and how long to wait before the next one. Pure. */

/** Statuses after which the very same request may succeed. */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504])
/** Statuses of a signed URL that is no longer valid. */
const EXPIRED = new Set([400, 401, 403, 404, 410])
const REDIRECTS = new Set([301, 302, 303, 307, 308])

export type Verdict = "bytes" | "redirect" | "expired" | "transient" | "refused"

/** `direct`: the Hub itself answered, not the host it sent us to. */
export const verdict = (status: number, direct: boolean): Verdict => {
  if (status === 200 || status === 206) return "bytes"
  if (REDIRECTS.has(status)) return "redirect"
  if (TRANSIENT.has(status) || status === 416) return "transient"
  return direct ? "refused" : EXPIRED.has(status) ? "expired" : "transient"
}

/** A server that asks for more patience than this is told of at once. */
export const LONGEST_DELAY_MS = 5 * 60_000
const LONGEST_BACKOFF_MS = 30_000

/** Doubles with every failure; `chance` in 0..1 spreads clients that failed together. */
export const backoffMs = (failures: number, firstMs: number, chance: number): number =>
  Math.min(LONGEST_BACKOFF_MS, firstMs * 2 ** (failures - 1)) * (0.5 + chance / 2)

/** The stretch that a 206 answer carries; null when it isn't the one that was asked for. */
export const isRange = (
  contentRange: string | null,
  { from, size, to }: { readonly from: number; readonly to: number; readonly size: number }
): boolean => {
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(contentRange ?? "") ?? []
  return Number(first) === from && Number(last) < to && (total === "*" || Number(total) === size)
}
