/** The live Transfer: one repo at a time, under its lock. */
import { join } from "node:path"
import { Effect, Fiber, Layer, Mailbox, Schedule, type Scope, Stream } from "effect"
import { repoDirectory } from "../../cache/Layout.js"
import { CacheIo, DiskFull, HubOffline, RepoRefused, type TransferError } from "../../domain/Errors.js"
import { systemCode } from "../../domain/FileProblems.js"
import { directoryName } from "../../domain/ModelRef.js"
import type { TransferEvent } from "../../domain/Pull.js"
import type { RepoRevision } from "../../services/Hub.js"
import { Settings } from "../../services/Settings.js"
import { Transfer, type TransferOptions } from "../../services/Transfer.js"
import { HubClient } from "../Client.js"
import { pathProblem } from "../Paths.js"
import { damagedBlobs } from "./Damage.js"
import { freeBytes, ignoresCase } from "./Disk.js"
import { download } from "./Download.js"
import type { Tuning } from "./Fetch.js"
import { makeHasher } from "./Hasher.js"
import { headOf } from "./Head.js"
import { anyIncomplete, leftoversIn } from "./Incomplete.js"
import { lock } from "./Lock.js"
import { makePace } from "./Pace.js"
import type { PartPlace } from "./Part.js"
import { plan, refusal } from "./Plan.js"
import { makeProgress } from "./Progress.js"
import { makeRateLimit } from "./RateLimit.js"
import { begin, beginSnapshot, end, hasBegun, mendSnapshot, type RepoPlaces, readRefs, writeRef } from "./Snapshot.js"

/** Nine failures take about two minutes. */
const DEFAULT: Tuning = { chunkBytes: 8 * 2 ** 20, silenceMs: 20_000, firstDelayMs: 500, maxFailures: 9 }

/** Often enough for a smooth bar. */
const PROGRESS_MS = 250

/** What the notes of a transfer and other programs need besides the bytes. */
const SPARE_BYTES = 16 * 2 ** 20

/** Events that a slow reader may be behind; then the next one waits. */
const BEHIND = 64

/** Goes on when somebody sets the clock. */
const monotonicMs = () => performance.now()

const writing =
  (path: string) =>
  (error: unknown): CacheIo =>
    new CacheIo({ path, problem: systemCode(error) })

const make = (tuning: Tuning) =>
  Effect.gen(function* () {
    const { hub, hubCache } = yield* Settings
    const client = yield* HubClient

    const placesOf = (repo: string, commit: string): RepoPlaces => {
      const directory = repoDirectory(hubCache, repo)
      return {
        repo: directory,
        blobs: join(directory, "blobs"),
        snapshot: join(directory, "snapshots", commit),
        locks: join(hubCache, ".locks", directoryName(repo))
      }
    }

    const partPlace = ({ blobs, locks }: RepoPlaces): PartPlace => ({
      blobs,
      leftovers: leftoversIn(blobs, locks),
      chunkBytes: tuning.chunkBytes
    })

    const planOf = (revision: RepoRevision, damaged?: ReadonlySet<string>) => {
      const places = placesOf(revision.repo, revision.commit)
      return Effect.try({
        try: () => plan(revision, places, partPlace(places), damaged),
        catch: writing(places.repo)
      })
    }

    const checkNames = (revision: RepoRevision, directory: string) => {
      const problem = refusal(revision, { ignoresCase: ignoresCase(directory), windows: process.platform === "win32" })
      return problem === null ? Effect.void : Effect.fail(problem)
    }

    const bring = (
      revision: RepoRevision,
      options: TransferOptions,
      emitAll: (events: ReadonlyArray<TransferEvent>) => Effect.Effect<void>
    ): Effect.Effect<void, TransferError, Scope.Scope> =>
      Effect.gen(function* () {
        const { commit, repo } = revision
        const emit = (event: TransferEvent) => emitAll([event])
        const places = placesOf(repo, commit)
        const refProblem = options.ref === null ? null : pathProblem(options.ref)
        if (refProblem !== null) return yield* new RepoRefused({ repo, problem: `the revision's name ${refProblem}` })
        yield* lock(join(places.locks, "mlxk-pull.lock"), ({ host, pid }) =>
          emit({ _tag: "Waiting", model: repo, pid, host })
        )
        const hasher = yield* makeHasher
        const damaged = options.verify ? yield* damagedBlobs(places, revision.files, hasher) : new Set<string>()
        const planned = yield* planOf(revision, damaged)
        const free = freeBytes(hubCache)
        if (planned.missingBytes + SPARE_BYTES > free && planned.missingBytes > 0) {
          return yield* new DiskFull({ path: hubCache, neededBytes: planned.missingBytes, freeBytes: free })
        }
        if (planned.missing.length > 0 && hub.offline) {
          return yield* new HubOffline({ operation: `The download of '${repo}'` })
        }
        yield* Effect.try({ try: () => begin(places), catch: writing(places.blobs) })
        yield* checkNames(revision, places.blobs)
        const { missing, missingBytes, resumedBytes, totalBytes } = planned
        yield* emit({
          _tag: "Planned",
          model: repo,
          commit,
          files: revision.files.length,
          totalBytes,
          missingFiles: missing.length,
          missingBytes,
          resumedBytes
        })
        const pace = makePace(missing.length, monotonicMs)
        const progress = makeProgress({ model: repo, doneBytes: totalBytes - missingBytes, totalBytes }, monotonicMs)
        const finished: Array<TransferEvent> = []
        // A small file takes less time than its event, so those are told together; one report at a time, so that none gets lost.
        const report = Effect.unsafeMakeSemaphore(1).withPermits(1)(
          Effect.suspend(() => emitAll([...finished.splice(0), progress.event()]))
        )
        const snapshot = yield* Effect.try({
          try: () => beginSnapshot(places, revision),
          catch: writing(places.repo)
        })
        const linking = yield* Effect.forkScoped(snapshot?.links ?? Effect.void)
        const ticking = yield* Effect.forkScoped(Effect.repeat(report, Schedule.spaced(PROGRESS_MS)))
        const rate = options.maxRate === null ? null : makeRateLimit(options.maxRate, monotonicMs)
        yield* download(
          {
            place: partPlace(places),
            hasher,
            fetching: {
              client,
              origin: new URL(client.endpoint).origin,
              revision,
              tuning,
              rate,
              emit,
              received: progress.received,
              congested: pace.congested
            },
            pace,
            receivedBytes: progress.receivedBytes,
            discarded: progress.discarded,
            opened: progress.opened,
            finished: (job) => {
              progress.finished(job)
              const { path, size } = job.file
              finished.push({ _tag: "FileFinished", model: repo, path, bytes: size })
            }
          },
          missing
        ).pipe(Effect.tapError(() => report))
        yield* report
        yield* Fiber.interruptAll([ticking, linking])
        yield* Effect.try({
          try: () => {
            if (snapshot === null) mendSnapshot(places, revision, damaged)
            else snapshot.finish()
            if (options.ref !== null) writeRef(places, options.ref, commit)
            end(places)
          },
          catch: writing(places.repo)
        })
      })

    return Transfer.of({
      plan: Effect.fn("Transfer.plan")(function* (revision) {
        yield* checkNames(revision, hubCache)
        const { files } = yield* planOf(revision)
        return { files, freeBytes: freeBytes(hubCache) }
      }),
      run: (revision, options) =>
        Effect.gen(function* () {
          const events = yield* Mailbox.make<TransferEvent, TransferError>({ capacity: BEHIND })
          yield* bring(revision, options, (list) => Effect.asVoid(events.offerAll(list))).pipe(
            Effect.scoped,
            Mailbox.into(events),
            Effect.forkScoped
          )
          return Mailbox.toStream(events)
        }).pipe(Stream.unwrapScoped, Stream.withSpan("Transfer.run")),
      head: (revision, path, limitBytes) => headOf({ client, revision, silenceMs: tuning.silenceMs }, path, limitBytes),
      unfinished: (repo) =>
        Effect.sync(() => {
          const places = placesOf(repo, "")
          return hasBegun(places) || anyIncomplete(places.blobs)
        }),
      refs: (repo) => Effect.sync(() => readRefs(repoDirectory(hubCache, repo)))
    })
  })

/** For tests: small chunks, short patience. */
export const layerWith = (tuning: Partial<Tuning>): Layer.Layer<Transfer, never, Settings | HubClient> =>
  Layer.effect(Transfer, make({ ...DEFAULT, ...tuning }))

export const layer: Layer.Layer<Transfer, never, Settings | HubClient> = layerWith({})
