/** `clone`: an editable plain copy of a repo, downloaded afresh, beside the user's cache and never through it (spec 01 §11). */
import { Effect, Stream } from "effect"
import type { CloneData, CloneEvent, CloneStatus, CopyMethod } from "../domain/Clone.js"
import { type CloneError, ClonePullFailed } from "../domain/Errors.js"
import { errorMessage } from "../domain/ErrorTable.js"
import type { HealthReport } from "../domain/HealthReport.js"
import { ModelRef } from "../domain/ModelRef.js"
import { Cache } from "../services/Cache.js"
import { Clones, type Stage, TransferInto } from "../services/Clones.js"
import { Health } from "../services/Health.js"
import type { Hub } from "../services/Hub.js"
import { type Emit, eventsOf } from "./Events.js"
import { fetchAll, fetchRevision, nameProblem } from "./Pull.js"

export interface CloneOptions {
  /** `org/repo`, or `org/repo@revision`. */
  readonly model: string
  /** Null for the repo's own name in the workspace home. */
  readonly target: string | null
  /** Takes the place of the revision in `model`; null for none. */
  readonly branch: string | null
  readonly healthCheck: boolean
  /** Use a complete download of an earlier clone as it is, whatever the check says. */
  readonly resume: boolean
  /** This program's version, for the workspace's record. */
  readonly version: string
}

type Services = Cache | Clones | Health | Hub | TransferInto

interface Source {
  readonly repo: string
  readonly revision: string
}

const BRANCH = "main"

const sourceOf = ({ branch, model }: CloneOptions): Source => {
  const ref = ModelRef.parse(model)
  return { repo: ref.name, revision: branch ?? ref.revision ?? BRANCH }
}

/** What is known before anything has happened. */
export const cloneBase = (options: CloneOptions): CloneData => ({
  model: sourceOf(options).repo,
  clone_status: "unknown",
  message: "",
  target_dir: options.target ?? "",
  health_check: options.healthCheck
})

/** How far a clone is, event by event. */
export const advance = (data: CloneData, event: CloneEvent): CloneData => {
  switch (event._tag) {
    case "Target":
      return { ...data, clone_status: "preparing", target_dir: event.directory }
    case "Staged":
      return { ...data, clone_status: event.resumed ? "resuming" : "pulling" }
    case "Checking":
      return { ...data, clone_status: "health_checking" }
    case "Copying":
      return { ...data, clone_status: "cloning" }
    case "Finished":
      return event.data
    default:
      return data
  }
}

const STATUS: { readonly [Tag in CloneError["_tag"]]: CloneStatus } = {
  CloneTargetInvalid: "error",
  ClonePullFailed: "pull_failed",
  CloneFailed: "filesystem_error",
  CloneCancelled: "cancelled"
}

/** The data of a clone that failed (spec 01 §11.3). */
export const failedClone = (data: CloneData, error: CloneError): CloneData => ({
  ...data,
  ...(error._tag === "CloneTargetInvalid" ? { target_dir: error.path } : {}),
  clone_status: STATUS[error._tag]
})

/** The download; an earlier one that stopped half-way is gone on with. */
const download = (stage: Stage, { repo, revision }: Source, emit: Emit<CloneEvent>) =>
  Effect.gen(function* () {
    const clones = yield* Clones
    const into = yield* TransferInto
    const wanted = { model: repo, expandedName: null, revision }
    yield* fetchRevision(wanted, { ...fetchAll, verify: false }).pipe(
      Stream.runForEach((event) =>
        Effect.sync(() => {
          if (event._tag === "Resolved" || event._tag === "Finished") return
          emit(event)
        })
      ),
      Effect.provide(into(stage.hubCache)),
      Effect.tapError(() => clones.abandon(stage)),
      Effect.mapError((error) => new ClonePullFailed({ model: repo, problem: errorMessage(error) }))
    )
    yield* clones.complete(stage)
  })

const checked = (stage: Stage, { repo }: Source) =>
  Effect.gen(function* () {
    const clones = yield* Clones
    const cache = yield* Cache
    const health = yield* Health
    const location = yield* clones.staged(stage, repo)
    return { location, report: yield* Effect.flatMap(cache.describe(location), health.check) }
  })

/** A complete and sound download is used again; a complete and damaged one only when the user says so (spec 01 §11.1). */
const brought = (stage: Stage, source: Source, resume: boolean, emit: Emit<CloneEvent>) =>
  Effect.gen(function* () {
    const clones = yield* Clones
    if (yield* clones.isComplete(stage)) {
      const earlier = yield* checked(stage, source)
      if (earlier.report.healthy || resume) return earlier
      yield* clones.empty(stage)
    }
    yield* download(stage, source, emit)
    return yield* checked(stage, source)
  })

const METHOD: { readonly [Method in CopyMethod]: string } = {
  reflink: "copied on write",
  link: "moved out of the download",
  copy: "copied"
}

const finished = (data: CloneData, options: CloneOptions, method: CopyMethod, report: HealthReport): CloneData => ({
  ...data,
  clone_status: "success",
  message: `Cloned; files ${METHOD[method]}, every hash verified`,
  ...(options.healthCheck
    ? { health: report.healthy ? "healthy" : "unhealthy", health_reason: report.integrityReason }
    : {})
})

const work = (options: CloneOptions, emit: Emit<CloneEvent>) =>
  Effect.gen(function* () {
    const clones = yield* Clones
    const source = sourceOf(options)
    const problem = nameProblem(source.repo)
    const target = yield* clones.target(options.target, source.repo)
    emit({ _tag: "Target", directory: target })
    if (problem !== null) {
      return yield* new ClonePullFailed({ model: source.repo, problem: `Invalid model name: ${problem}` })
    }
    const stage = yield* clones.open(`${source.repo}@${source.revision}`, target)
    emit({ _tag: "Staged", directory: stage.directory, resumed: stage.resumed })
    const { location, report } = yield* brought(stage, source, options.resume, emit)
    if (options.healthCheck) emit({ _tag: "Checking" })
    emit({ _tag: "Copying" })
    const origin = { repo: source.repo, commit: location.commit, version: options.version }
    const method = yield* clones.layDown(stage, location, target, origin)
    yield* clones.discard(stage)
    const data = { ...cloneBase(options), target_dir: target }
    emit({ _tag: "Finished", data: finished(data, options, method, report) })
  }).pipe(Effect.scoped)

/**
 * Cold: running it clones, interrupting it keeps the download beside the target, from which the same clone goes on. The target
 * appears at the end, whole. An unhealthy repo is cloned all the same: the result says so.
 */
export const clone = (options: CloneOptions): Stream.Stream<CloneEvent, CloneError, Services> =>
  eventsOf((emit) => work(options, emit))
