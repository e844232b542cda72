/** The engine: files and their chunks in parallel, every file hashed before it gets its name. */
import { join } from "node:path"
import { Effect, Exit, Queue, type Scope } from "effect"
import { CacheIo, DiskFull, DownloadFailed, type TransferError } from "../../domain/Errors.js"
import { systemCode } from "../../domain/FileProblems.js"
import type { RepoFile } from "../../services/Hub.js"
import { freeBytes } from "./Disk.js"
import { type Fetching, fetchStretch } from "./Fetch.js"
import { type Hasher, hashOf } from "./Hasher.js"
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
  readonly finished: (job: Job) => Effect.Effect<void>
}

/** A file whose bytes had the wrong hash this often is given up. */
const MAX_MISMATCHES = 3

/** What came to an end: a request, `ranges` false when the server knows none; or the last step of a file. */
interface Settled {
  readonly job: Job
  readonly exit: Exit.Exit<{ readonly ranges: boolean } | "named", TransferError>
}

interface Task {
  readonly job: Job
  readonly part: Part
  readonly chunk: Chunk | null
}

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
      return yield* context.finished(job)
    }
    context.discarded(job, part.doneBytes())
    yield* Effect.try({ try: () => restartJob(job, context.hasher), catch: io(part.path) })
    if (job.mismatches < MAX_MISMATCHES) return
    const problem = "the bytes do not have the hash that the Hub names"
    return yield* new DownloadFailed({ repo: context.fetching.revision.repo, file: file.path, problem })
  })

const isComplete = (job: Job): boolean => job.opened !== null && job.opened.part.doneBytes() === job.file.size

/** Chooses the next piece of work: files in their order, at most as many open as there are requests. */
const makeSchedule = (context: Downloading, files: ReadonlyArray<RepoFile>) => {
  const waiting = files.map(makeJob).toReversed()
  const open: Array<Job> = []

  const taskOf = (job: Job): Task | null => {
    if (job.opened === null || isComplete(job)) return null
    const { part, pending } = job.opened
    if (job.whole) return job.active === 0 ? { job, part, chunk: null } : null
    const chunk = pending.pop()
    return chunk === undefined ? null : { job, part, chunk }
  }

  return {
    /** `complete`: a file was opened that needs no request. */
    next: (): Task | { readonly complete: Job } | null => {
      for (const job of open) {
        const task = taskOf(job)
        if (task !== null) return task
      }
      const job = waiting.pop()
      if (job === undefined) return null
      openJob(job, context.place, context.hasher)
      context.opened(job)
      open.push(job)
      return isComplete(job) ? { complete: job } : taskOf(job)
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

/** Brings all files; the first failure ends it. */
export const download = (
  context: Downloading,
  files: ReadonlyArray<RepoFile>
): Effect.Effect<void, TransferError, Scope.Scope> =>
  Effect.gen(function* () {
    const schedule = makeSchedule(context, files)
    yield* Effect.addFinalizer(() => Effect.sync(schedule.close))
    const settled = yield* Queue.unbounded<Settled>()
    let requests = 0
    let finishing = 0

    const verify = (job: Job) => {
      finishing++
      return finish(context, job).pipe(
        Effect.as("named" as const),
        Effect.exit,
        Effect.flatMap((exit) => settled.offer({ job, exit })),
        Effect.forkScoped
      )
    }
    const start = ({ chunk, job, part }: Task) => {
      requests++
      job.active++
      return fetchStretch(context.fetching, job, part, chunk).pipe(
        Effect.map((ranges) => ({ ranges })),
        Effect.exit,
        Effect.flatMap((exit) => settled.offer({ job, exit })),
        Effect.forkScoped
      )
    }
    const fill = Effect.gen(function* () {
      while (requests < context.pace.limit()) {
        const next = yield* Effect.try({ try: schedule.next, catch: io(context.place.blobs) })
        if (next === null) return
        yield* "complete" in next ? verify(next.complete) : start(next)
      }
    })
    const take = ({ exit, job }: Settled): Effect.Effect<unknown, TransferError, Scope.Scope> => {
      if (Exit.isFailure(exit)) return exit
      if (exit.value === "named") {
        finishing--
        if (job.opened === null) schedule.forget(job)
        return Effect.void
      }
      requests--
      job.active--
      if (!exit.value.ranges) job.whole = true
      else context.pace.completed(context.receivedBytes())
      return job.active === 0 && isComplete(job) ? verify(job) : Effect.void
    }

    yield* fill
    while (requests + finishing > 0) {
      yield* Effect.flatMap(Queue.take(settled), take)
      yield* fill
    }
  })
