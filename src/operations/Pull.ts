/** `pull`: a model from the Hub into the cache, whole or not at all (spec 01 §8). */
import { Effect, Stream } from "effect"
import type { ModelLocation } from "../domain/CachedModel.js"
import {
  type AmbiguousModel,
  type CacheIo,
  InvalidModelName,
  InvalidRequest,
  type KnifeError,
  ModelCorrupted,
  type TransferError
} from "../domain/Errors.js"
import { DIRECTORY_PREFIX, ModelRef, repoName } from "../domain/ModelRef.js"
import { selected } from "../domain/Patterns.js"
import type { DownloadStatus, PullData, PullEvent } from "../domain/Pull.js"
import { MODEL_UNITS, sizeText } from "../domain/Size.js"
import { Cache } from "../services/Cache.js"
import { Health } from "../services/Health.js"
import { Hub, type RepoRevision } from "../services/Hub.js"
import { Transfer } from "../services/Transfer.js"

export interface FetchOptions {
  /** Only files that match one of these; empty means all (domain/Patterns). */
  readonly include: ReadonlyArray<string>
  readonly exclude: ReadonlyArray<string>
  /** Bytes per second; null for no limit. */
  readonly maxRate: number | null
  /** Say what would be fetched, and fetch nothing. */
  readonly dryRun: boolean
}

export interface PullOptions extends FetchOptions {
  /** Complete a model whose files are not whole: every byte that is here is hashed again (spec 01 §8.4). */
  readonly resume: boolean
}

export const fetchAll: FetchOptions = { include: [], exclude: [], maxRate: null, dryRun: false }

export type PullError = InvalidModelName | InvalidRequest | AmbiguousModel | ModelCorrupted | CacheIo | TransferError
type PullServices = Cache | Health | Hub | Transfer
type Events<E> = Stream.Stream<PullEvent, E, PullServices>

const MAX_NAME = 96
const CARD_BYTES = 64 * 1024
const CONFIG_BYTES = 2 ** 20

/** spec 01 §8.1(1): the part before the first `@`. */
export const nameProblem = (text: string): string | null => {
  const name = text.split("@", 1)[0] ?? ""
  if (name.trim() === "") return "empty"
  const bad = name.length > MAX_NAME || name.startsWith("/") || name.endsWith("/") || name.includes("//")
  return bad ? `must be <= ${MAX_NAME} chars and not contain leading/trailing or double slashes` : null
}

/** A name in directory form means the repo of that directory (spec 01 §2.3). */
const repoOf = (name: string): string => (name.startsWith(DIRECTORY_PREFIX) ? repoName(name) : name)

/** The cached model that is meant; null when it has to come from the Hub. A name with `/` is exact (QUIRK-24). */
const cached = (ref: ModelRef): Effect.Effect<ModelLocation | null, AmbiguousModel | CacheIo, Cache> => {
  const wanted = repoOf(ref.pattern)
  const isMeant = (name: string) => !wanted.includes("/") || name === wanted || name.startsWith(`${wanted}@`)
  return Effect.flatMap(Cache, (cache) => cache.resolve(ref)).pipe(
    Effect.map((location) => (isMeant(location.name) ? location : null)),
    Effect.catchTags({
      ModelNotFound: () => Effect.succeed(null),
      AmbiguousModel: (error) => (error.matches.some(isMeant) ? Effect.fail(error) : Effect.succeed(null))
    })
  )
}

const finished = (data: PullData): PullEvent => ({ _tag: "Finished", data })

/** What a script reads of a repo that can't be run here; it is fetched all the same. */
const compatibility = (revision: RepoRevision) =>
  Effect.gen(function* () {
    const transfer = yield* Transfer
    const health = yield* Health
    const { config, card } = yield* Effect.all(
      {
        config: transfer.head(revision, "config.json", CONFIG_BYTES),
        card: transfer.head(revision, "README.md", CARD_BYTES)
      },
      { concurrency: "unbounded" }
    )
    return yield* health.foresee({ name: revision.repo, files: revision.files, config, card })
  })

interface Wanted {
  readonly model: string
  readonly expandedName: string | null
  readonly revision: string
}

const planned = (wanted: Wanted, revision: RepoRevision) =>
  Effect.gen(function* () {
    const transfer = yield* Transfer
    const { files, freeBytes } = yield* transfer.plan(revision)
    const missing = files.reduce((sum, { missingBytes }) => sum + missingBytes, 0)
    const total = files.reduce((sum, { size }) => sum + size, 0)
    return finished({
      model: wanted.model,
      download_status: "planned",
      message: `Would fetch ${sizeText(missing, MODEL_UNITS)} of ${sizeText(total, MODEL_UNITS)} in ${files.length} files`,
      expanded_name: wanted.expandedName,
      commit_hash: revision.commit,
      plan: {
        commit: revision.commit,
        total_bytes: total,
        missing_bytes: missing,
        free_bytes: Number.isFinite(freeBytes) ? freeBytes : null,
        files: files.map(({ missingBytes, path, size }) => ({ path, size_bytes: size, missing_bytes: missingBytes }))
      }
    })
  })

const succeeded = ({ expandedName, model }: Wanted, { commit, files }: RepoRevision): PullEvent => {
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  const amount = `${files.length} ${files.length === 1 ? "file" : "files"}, ${sizeText(bytes, MODEL_UNITS)}`
  return finished({
    model,
    download_status: "success",
    message: `Downloaded ${amount}, every file verified, at commit ${commit}`,
    expanded_name: expandedName,
    commit_hash: commit
  })
}

const warning = (model: string, message: string): PullEvent => ({ _tag: "Warning", model, message })

/**
 * Fetches a revision, whatever the cache holds of the model. A Hub that can't be asked is a warning and then the failure, as
 * scripts of the original expect (spec 01 §8.2).
 */
export const fetchRevision = (
  wanted: Wanted,
  options: FetchOptions & { readonly verify: boolean }
): Events<InvalidRequest | TransferError> =>
  Stream.unwrap(
    Effect.gen(function* (): Effect.fn.Return<Events<InvalidRequest | TransferError>, never, PullServices> {
      const { model } = wanted
      const hub = yield* Hub
      const transfer = yield* Transfer
      const answer = yield* Effect.either(hub.revision(model, wanted.revision))
      if (answer._tag === "Left") {
        const { left: error } = answer
        const isOut = error._tag === "HubUnavailable" || error._tag === "HubUnusable"
        const said = isOut ? Stream.make(warning(model, error.message)) : Stream.empty
        return Stream.concat(said, Stream.fail(error))
      }
      const listed = answer.right
      const files = selected(listed.files, options)
      if (files.length === 0 && listed.files.length > 0) {
        return Stream.fail(new InvalidRequest({ param: "include", problem: "no file of the repo is left to fetch" }))
      }
      const revision = { ...listed, files }
      const problem = yield* compatibility(listed)
      const told =
        problem === null
          ? Stream.empty
          : Stream.make(warning(model, `'${model}' can be fetched but not run here: ${problem}`))
      if (options.dryRun) return Stream.concat(told, Stream.fromEffect(planned(wanted, revision)))
      const ref = revision.commit.startsWith(wanted.revision) ? null : wanted.revision
      return told.pipe(
        Stream.concat(transfer.run(revision, { ref, verify: options.verify, maxRate: options.maxRate })),
        Stream.concat(Stream.make(succeeded(wanted, revision)))
      )
    })
  )

const BRANCH = "main"

const existing = ({ expandedName, model }: Wanted, location: ModelLocation): PullEvent =>
  finished({
    model,
    download_status: "already_exists",
    message: `Model ${model} already exists in cache`,
    expanded_name: expandedName,
    ...(location.pinned && location.commit !== null ? { commit_hash: location.commit } : {})
  })

/**
 * Cold: running it pulls, interrupting it leaves a state from which the next pull goes on. A model that is here and whole is
 * left alone; one that an interrupted transfer left is completed; any other damaged one is refused without `resume`.
 */
export const pull = (text: string, options: PullOptions): Events<PullError> =>
  Stream.unwrap(
    Effect.gen(function* (): Effect.fn.Return<Events<PullError>, PullError, PullServices> {
      const problem = nameProblem(text)
      if (problem !== null) return Stream.fail(new InvalidModelName({ problem }))
      const cache = yield* Cache
      const health = yield* Health
      const transfer = yield* Transfer
      const ref = ModelRef.parse(text)
      const location = yield* cached(ref)
      const model = location?.name ?? repoOf(ref.name)
      const wanted: Wanted = {
        model,
        expandedName: model === ref.pattern ? null : model,
        revision: (location?.pinned === true ? location.commit : ref.revision) ?? BRANCH
      }
      const resolved: PullEvent = { _tag: "Resolved", model, expandedName: wanted.expandedName }
      const fetched = fetchRevision(wanted, { ...options, verify: options.resume })
      if (location === null) return Stream.concat(Stream.make(resolved), fetched)
      const { healthy, integrityReason } = yield* Effect.flatMap(cache.describe(location), health.check)
      if (healthy && !options.resume) return Stream.make(resolved, existing(wanted, location))
      if (healthy || options.resume) return Stream.concat(Stream.make(resolved), fetched)
      const corrupted = Stream.fail(new ModelCorrupted({ model, reason: integrityReason }))
      if (!(yield* transfer.unfinished(model))) return Stream.concat(Stream.make(resolved), corrupted)
      return Stream.concat(
        Stream.make(resolved),
        // Without the Hub there is nothing to go on with: the state of the cache is the news.
        Stream.catchTags(fetched, {
          HubUnavailable: () => corrupted,
          HubOffline: () => corrupted
        })
      )
    })
  )

const STATUS: { readonly [Tag in KnifeError["_tag"]]?: DownloadStatus } = {
  AmbiguousModel: "unknown",
  InvalidModelName: "error",
  InvalidRequest: "error",
  CacheIo: "error",
  ModelCorrupted: "corrupted",
  HubAccessDenied: "access_denied",
  RepoNotFound: "access_denied",
  RevisionNotFound: "access_denied"
}

/** Before anything is known. */
export const noPull: PullData = { model: null, download_status: "unknown", message: "", expanded_name: null }

/** How far a pull is, event by event. */
export const advance = (data: PullData, event: PullEvent): PullData => {
  switch (event._tag) {
    case "Resolved":
      return { ...data, model: event.model, expanded_name: event.expandedName, download_status: "checking_access" }
    case "Warning":
      return { ...data, preflight_warning: event.message }
    case "Planned":
      return { ...data, download_status: "downloading", commit_hash: event.commit }
    case "Finished":
      return { ...event.data, ...(data.preflight_warning ? { preflight_warning: data.preflight_warning } : {}) }
    default:
      return data
  }
}

/** The data of a pull that failed (spec 01 §8.5, §13.4). */
export const failedPull = (data: PullData, error: PullError): PullData => ({
  ...data,
  download_status: STATUS[error._tag] ?? "failed"
})
