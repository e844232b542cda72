/** Fetches one stretch of a file, however often it takes: redirects, expired URLs, refusals, broken connections. */
import { Clock, Effect, Either, Random } from "effect"
import { CacheIo, DiskFull, DownloadFailed, type TransferError } from "../../domain/Errors.js"
import { systemCode } from "../../domain/FileProblems.js"
import type { TransferEvent } from "../../domain/Pull.js"
import type { RepoRevision } from "../../services/Hub.js"
import { retryAfterMs } from "../Answers.js"
import type { HubClient } from "../Client.js"
import { callFailure, isPermanent, refusalError } from "../Failures.js"
import { freeBytes } from "./Disk.js"
import type { Job } from "./Job.js"
import type { Chunk, Part } from "./Part.js"
import type { RateLimit } from "./RateLimit.js"
import { fetchBytes, type Head, headerOf, type Outcome, type Reception, startRequest } from "./Request.js"
import { backoffMs, isRange, LONGEST_DELAY_MS, verdict } from "./Retry.js"

/** What tests make small. */
export interface Tuning {
  /** What one request fetches: long enough that its round trip doesn't count, short enough to share a file. */
  readonly chunkBytes: number
  /** Longest silence of a connection. */
  readonly silenceMs: number
  /** Wait after the first failure; it doubles. */
  readonly firstDelayMs: number
  /** Failures in a row without a new byte after which a file is given up. */
  readonly maxFailures: number
}

export interface Fetching {
  readonly client: typeof HubClient.Service
  /** The Hub's own. */
  readonly origin: string
  readonly revision: RepoRevision
  readonly tuning: Tuning
  readonly rate: RateLimit | null
  readonly emit: (event: TransferEvent) => Effect.Effect<void>
  /** Bytes that were new. */
  readonly received: (job: Job, bytes: number) => void
  readonly congested: () => void
}

export const MAX_REDIRECTS = 5

/** How one try ended. `NoRanges`: the server sends whole files only. */
type Try =
  | { readonly _tag: "Complete" }
  | { readonly _tag: "NoRanges" }
  | { readonly _tag: "Again"; readonly problem: string; readonly waitMs: number | null; readonly relocate: boolean }

const again = (problem: string, waitMs: number | null = null): Try => ({
  _tag: "Again",
  problem,
  waitMs,
  relocate: false
})

/** What a request is to bring: `from` to `to` (exclusive). */
interface Stretch {
  readonly from: number
  readonly to: number
  readonly size: number
}

const isWhole = ({ from, size, to }: Stretch): boolean => from === 0 && to === size

/** Takes a body only if it is what was asked for. */
const judge = (head: Head, stretch: Stretch): Reception & { readonly problem?: string | null } => {
  const encoding = headerOf(head, "content-encoding")
  if (encoding !== null && encoding !== "identity") return { _tag: "Leave", problem: "the answer is compressed" }
  if (head.status === 206) {
    return isRange(headerOf(head, "content-range"), stretch)
      ? { _tag: "Take", position: stretch.from, limit: stretch.to - stretch.from }
      : { _tag: "Leave", problem: "the answer is another part of the file" }
  }
  if (head.status !== 200) return { _tag: "Leave" }
  if (!isWhole(stretch)) return { _tag: "Leave", problem: null }
  const length = headerOf(head, "content-length")
  return length === null || Number(length) === stretch.size
    ? { _tag: "Take", position: 0, limit: stretch.size }
    : { _tag: "Leave", problem: `the answer has ${length} bytes instead of ${stretch.size}` }
}

/** Where the Hub has a file; it answers with the bytes, or sends to where they are. */
export const resolveUrl = ({ client, revision }: Pick<Fetching, "client" | "revision">, path: string): URL => {
  const name = path.split("/").map(encodeURIComponent).join("/")
  return new URL(`${client.endpoint}/${revision.repo}/resolve/${revision.commit}/${name}`)
}

/** Where a redirect leads; null for a URL of another scheme, or out of TLS into plain text: those are not followed. */
export const nextUrl = (location: string | null, from: URL): URL | null => {
  const url = location === null ? null : Either.getOrNull(Either.try(() => new URL(location, from)))
  if (url === null) return null
  const secure = url.protocol === "https:" || (url.protocol === "http:" && from.protocol === "http:")
  return secure ? url : null
}

const missing = (part: Part, chunk: Chunk | null): number =>
  chunk === null
    ? part.chunks.reduce((sum, { done, end, start }) => sum + end - start - done, 0)
    : chunk.end - chunk.start - chunk.done

/** Our own side failed: the volume is full, or the file can't be written. */
const writeFailure = (error: unknown, part: Part, needed: number) => {
  const code = systemCode(error)
  return code === "ENOSPC" || code === "EDQUOT"
    ? new DiskFull({ path: part.path, neededBytes: needed, freeBytes: freeBytes(part.path) })
    : new CacheIo({ path: part.path, problem: code })
}

/**
 * Asks where the bytes of a file are, so that its turn begins with them. Best effort, beside everything else: a file without
 * an address asks again. `redirected` hears whether a redirect came. No Effect, as there are as many of these as files.
 */
export const locate = (context: Fetching, job: Job, redirected: (came: boolean) => void) => {
  const { client, origin, tuning } = context
  const ask = (url: URL, hops: number) => {
    const ended = (outcome: Outcome) => {
      const next = outcome._tag === "Answered" ? nextUrl(headerOf(outcome.head, "location"), url) : null
      if (next === null) return redirected(false)
      if (next.origin === origin && hops < MAX_REDIRECTS) return ask(next, hops + 1)
      if (next.origin !== origin) job.location ??= next
      redirected(true)
    }
    const headers = { ...client.headers(url), range: "bytes=0-0" }
    const receive = (): Reception => ({ _tag: "Leave" })
    startRequest(
      client.bulk,
      { url, headers, silenceMs: tuning.silenceMs, rate: null, receive, write: () => {} },
      ended
    )
  }
  ask(resolveUrl(context, job.file.path), 0)
}

/** `chunk` null fetches the whole file in one request. */
const tryOnce = (context: Fetching, job: Job, part: Part, chunk: Chunk | null): Effect.Effect<Try, TransferError> =>
  Effect.gen(function* () {
    const { client, origin, rate, revision, tuning } = context
    const { path, size } = job.file
    const stretch =
      chunk === null ? { from: 0, to: size, size } : { from: chunk.start + chunk.done, to: chunk.end, size }
    let problem: string | null | undefined
    const request = (url: URL): Effect.Effect<Outcome> =>
      fetchBytes(client.bulk, {
        url,
        headers: {
          ...client.headers(url),
          ...(isWhole(stretch) ? {} : { range: `bytes=${stretch.from}-${stretch.to - 1}` })
        },
        silenceMs: tuning.silenceMs,
        rate,
        receive: (head) => {
          const reception = judge(head, stretch)
          if (reception._tag === "Leave") problem = reception.problem
          return reception
        },
        write: (position, buffers) => {
          context.received(job, part.put(position, buffers))
          job.opened?.hash?.advance(part.frontier())
        }
      })

    let url = job.location ?? resolveUrl(context, path)
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      problem = undefined
      const outcome = yield* request(url)
      if (outcome._tag === "WriteFailed")
        return yield* Effect.fail(writeFailure(outcome.error, part, missing(part, chunk)))
      if (outcome._tag === "Broken") {
        if (!isPermanent(outcome.problem)) return again(outcome.problem)
        return yield* callFailure(`the download of ${path}`, outcome.problem)
      }
      const { head } = outcome
      const direct = url.origin === origin
      switch (verdict(head.status, direct)) {
        case "redirect": {
          const next = nextUrl(headerOf(head, "location"), url)
          if (next === null) return again("it sends to an address that can't be used")
          url = next
          break
        }
        case "bytes": {
          if (problem === null) return { _tag: "NoRanges" }
          if (problem !== undefined) return again(problem)
          if (!direct) job.location = url
          return missing(part, chunk) === 0 ? { _tag: "Complete" } : again("the answer ended early")
        }
        case "expired": {
          const known = job.location !== null
          job.location = null
          return { ...again(`HTTP ${head.status}`), relocate: known }
        }
        case "transient": {
          const now = yield* Clock.currentTimeMillis
          return again(`HTTP ${head.status}`, retryAfterMs(headerOf(head, "retry-after"), now))
        }
        case "refused": {
          const subject = { operation: `the download of ${path}`, repo: revision.repo, revision: revision.commit }
          const refusal = refusalError(subject, {
            status: head.status,
            code: headerOf(head, "x-error-code"),
            text: "",
            withToken: "authorization" in client.headers(url)
          })
          if (refusal._tag !== "HubUnavailable") return yield* refusal
          return yield* new DownloadFailed({ repo: revision.repo, file: path, problem: refusal.problem })
        }
      }
    }
    return again("it sends from one address to the next")
  })

/**
 * Brings a chunk, or with null the whole file. Failures without a new byte in between count; after too many of them the
 * download fails, and what is there stays. False: the server knows no ranges.
 */
export const fetchStretch = (
  context: Fetching,
  job: Job,
  part: Part,
  chunk: Chunk | null
): Effect.Effect<boolean, TransferError> =>
  Effect.gen(function* () {
    const { path } = job.file
    const { repo } = context.revision
    let failures = 0
    let before = missing(part, chunk)
    while (before > 0) {
      const result = yield* tryOnce(context, job, part, chunk)
      if (result._tag !== "Again") return result._tag === "Complete"
      const { problem, relocate, waitMs } = result
      const left = missing(part, chunk)
      failures = left < before ? 1 : failures + 1
      before = left
      const tooLong = waitMs !== null && waitMs > LONGEST_DELAY_MS
      if (failures >= context.tuning.maxFailures || tooLong)
        return yield* new DownloadFailed({ repo, file: path, problem })
      const delayMs = relocate ? 0 : (waitMs ?? backoffMs(failures, context.tuning.firstDelayMs, yield* Random.next))
      if (!relocate) {
        context.congested()
        yield* context.emit({ _tag: "Retrying", model: repo, path, problem, delayMs: Math.round(delayMs) })
        yield* Effect.sleep(delayMs)
      }
    }
    return true
  })
