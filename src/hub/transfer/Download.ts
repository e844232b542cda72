/** The engine: files and their chunks in parallel, every file hashed before it gets its name. */
import { join } from "node:path"
import { Deferred, Effect, type Scope } from "effect"
import { CacheIo, DiskFull, DownloadFailed, type TransferError } from "../../domain/Errors.js"
import { systemCode } from "../../domain/FileProblems.js"
import type { RepoFile } from "../../services/Hub.js"
import { freeBytes } from "./Disk.js"
import { type Fetching, fetchStretch, locate } from "./Fetch.js"
import { type Hasher, hashOf, recipe } from "./Hasher.js"
import { type Job, makeJob, openJob, restartJob } from "./Job.js"
import type { Pace } from "./Pace.js"
import type { Chunk, Part, PartPlace } from "./Part.js"

export interface Downloading {
  readonly place: PartPlace
  readonly hasher: Hasher
  readonly fetching: Fetching
  readonly pace: Pace
  /** All bytes that came since the start. */
  readonly receivedBytes: () => number
  /** Bytes of a file were thrown away. */
  readonly discarded: (job: Job, bytes: number) => void
  readonly opened: (job: Job) => void
  readonly finished: (job: Job) => void
}

/** A file whose bytes had the wrong hash this often is given up. */
const MAX_MISMATCHES = 3

/** Addresses that a lane asks for beside its own request: one keeps pace with it, two catch up after the lanes became more. */
const ASKED_BESIDE = 2

interface Task {
  readonly job: Job
  readonly part: Part
  readonly chunk: Chunk | null
}

/** `complete`: a file was opened that needs no request. */
type Work = Task | { readonly complete: Job }

const io = (path: string) => (error: unknown) => {
  const code = systemCode(error)
  return code === "ENOSPC"
    ? new DiskFull({ path, neededBytes: 0, freeBytes: freeBytes(path) })
    : new CacheIo({ path, problem: code })
}

/** Verifies a file that is complete and names it; a wrong hash throws its bytes away. */
const finish = (context: Downloading, job: Job): Effect.Effect<void, TransferError> =>
  Effect.gen(function* () {
    const { file, opened } = job
    if (opened === null) return
    const { hash, part } = opened
    const digest = yield* hash === null
      ? Effect.try({ try: () => hashOf(file, part.path), catch: io(part.path) })
      : hash.digest
    if (digest === file.etag) {
      yield* Effect.try({ try: () => part.finish(join(context.place.blobs, file.etag)), catch: io(part.path) })
      job.opened = null
      return context.finished(job)
    }
    context.discarded(job, part.doneBytes())
    yield* Effect.try({ try: () => restartJob(job, context.hasher), catch: io(part.path) })
    if (job.mismatches < MAX_MISMATCHES) return
    const problem = "the bytes do not have the hash that the Hub names"
    return yield* new DownloadFailed({ repo: context.fetching.revision.repo, file: file.path, problem })
  })

const isComplete = (job: Job): boolean => job.opened !== null && job.opened.part.doneBytes() === job.file.size

/** The storage has it, and it is so small that asking for its address takes as long as its bytes. */
const isWorthAsking =
  ({ chunkBytes }: PartPlace) =>
  ({ file }: Job): boolean =>
    file.size <= chunkBytes && recipe(file).algorithm === "sha256"

/** Chooses the next piece of work: files in their order, at most as many open as there are lanes. */
const makeSchedule = (context: Downloading, files: ReadonlyArray<RepoFile>) => {
  const waiting = files.map(makeJob).toReversed()
  const open: Array<Job> = []
  /** Waiting files whose addresses are asked for; at first those that begin at once, which ask for themselves. */
  let asked = context.pace.limit()

  const taskOf = (job: Job): Task | null => {
    if (job.opened === null || isComplete(job)) return null
    const { part, pending } = job.opened
    if (job.whole) return job.active === 0 ? { job, part, chunk: null } : null
    const chunk = pending.pop()
    return chunk === undefined ? null : { job, part, chunk }
  }

  return {
    next: (): Work | null => {
      for (const job of open) {
        const task = taskOf(job)
        if (task !== null) return task
      }
      const job = waiting.pop()
      if (job === undefined) return null
      asked = Math.max(0, asked - 1)
      openJob(job, context.place, context.hasher)
      context.opened(job)
      open.push(job)
      return isComplete(job) ? { complete: job } : taskOf(job)
    },
    /** Files whose addresses are worth asking for now, each once: as far ahead as there are lanes, as the addresses expire. */
    ahead: (): ReadonlyArray<Job> => {
      const from = asked
      asked = Math.max(asked, Math.min(context.pace.limit(), asked + ASKED_BESIDE))
      const behind = (count: number) => Math.max(0, waiting.length - count)
      return waiting.slice(behind(asked), behind(from)).filter(isWorthAsking(context.place))
    },
    /** Closes what is open; what came stays. */
    close: () => {
      for (const { opened } of open) opened?.part.close()
    },
    forget: (job: Job) => {
      open.splice(open.indexOf(job), 1)
    }
  }
}

/**
 * Brings all files; the first failure ends it. A lane makes one request after the other, verifies the file that it completed,
 * and ends when nothing is left or there are more lanes than the pace allows.
 */
export const download = (
  context: Downloading,
  files: ReadonlyArray<RepoFile>
): Effect.Effect<void, TransferError, Scope.Scope> =>
  Effect.gen(function* () {
    const { fetching, pace } = context
    const schedule = makeSchedule(context, files)
    yield* Effect.addFinalizer(() => Effect.sync(schedule.close))
    const scope = yield* Effect.scope
    const ended = yield* Deferred.make<void, TransferError>()
    let lanes = 0
    let redirects = true

    const askAhead = () => {
      const hear = (came: boolean) => {
        redirects &&= came
      }
      for (const job of redirects ? schedule.ahead() : []) locate(fetching, job, hear)
    }
    const verify = (job: Job) =>
      Effect.map(finish(context, job), () => {
        if (job.opened === null) schedule.forget(job)
      })
    const bring = ({ chunk, job, part }: Task) =>
      Effect.gen(function* () {
        job.active++
        askAhead()
        const ranges = yield* fetchStretch(fetching, job, part, chunk)
        job.active--
        if (ranges) pace.completed(context.receivedBytes())
        else job.whole = true
        if (job.active === 0 && isComplete(job)) yield* verify(job)
      })

    /** Null ends the lane, in the same step: another one must not count on it. */
    const next = Effect.try({
      try: () => {
        const work = lanes > pace.limit() ? null : schedule.next()
        if (work === null) lanes--
        return work
      },
      catch: io(context.place.blobs)
    })
    const lane = Effect.gen(function* () {
      for (let work = yield* next; work !== null; work = yield* next) {
        if (lanes < pace.limit()) yield* open
        yield* "complete" in work ? verify(work.complete) : bring(work)
      }
      if (lanes === 0) yield* Deferred.succeed(ended, undefined)
    })
    /** One more; it opens the one after it. */
    const open: Effect.Effect<unknown> = Effect.suspend(() => {
      lanes++
      return Effect.forkIn(
        Effect.catchAllCause(lane, (cause) => Deferred.failCause(ended, cause)),
        scope
      )
    })
    yield* open
    yield* Deferred.await(ended)
  })
