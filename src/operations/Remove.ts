/** `rm`: deletes a model, or one revision of it (spec 01 §9). */
import { Effect } from "effect"
import type { ModelLocation } from "../domain/CachedModel.js"
import { FailedWithData } from "../domain/Envelope.js"
import {
  type AmbiguousModel,
  type CacheIo,
  CacheMissing,
  LocksPresent,
  ModelInUse,
  NothingToRemove,
  type RemovalError
} from "../domain/Errors.js"
import { ModelRef, normalName } from "../domain/ModelRef.js"
import type { Claims, RemovalPlan, RemoveData } from "../domain/Reclaim.js"
import { Cache } from "../services/Cache.js"
import { Maintenance } from "../services/Maintenance.js"
import { Settings } from "../services/Settings.js"

export interface RemoveOptions {
  /** Neither locks, nor a running program, nor an inexact name stand against it. */
  readonly force: boolean
  /** Only say what would be deleted. */
  readonly dryRun: boolean
  /** The user was asked and agreed. */
  readonly confirmed: boolean
}

type Failure = RemovalError | AmbiguousModel | CacheIo

/** `data` beside an error: what is known by then (spec 01 §9.3). */
type Known = Partial<Record<"model" | "action" | "matches" | "locks_detected" | "lock_files" | "commit_hash", unknown>>

const failure = (error: Failure, known: Known = {}): FailedWithData =>
  new FailedWithData({
    error,
    data: {
      model: null,
      action: "unknown",
      message: "",
      requires_confirmation: false,
      matches: [],
      lock_files_cleaned: 0,
      ...known
    }
  })

/** A text without a letter or digit, such as `/` or `.`, is part of too many names to delete by (spec 01 §0.1(4)). */
const meansSomething = (ref: ModelRef): boolean => /[\p{L}\p{N}]/u.test(ref.pattern)

const find = (ref: ModelRef) =>
  Effect.gen(function* () {
    const cache = yield* Cache
    const maintenance = yield* Maintenance
    const nothing = failure(new NothingToRemove({ query: ref.text }))
    if (!(yield* maintenance.exists)) {
      return yield* failure(new CacheMissing({ path: (yield* Settings).hubCache }))
    }
    if (ref.pattern.trim() === "") return yield* nothing
    const location = yield* cache.resolve(ref).pipe(
      Effect.catchTags({
        ModelNotFound: () => nothing,
        AmbiguousModel: (error) =>
          meansSomething(ref) ? failure(error, { action: "ambiguous", matches: error.matches }) : nothing,
        CacheIo: (error) => failure(error)
      })
    )
    return normalName(ref.pattern) === location.name || meansSomething(ref) ? location : yield* nothing
  })

/** Who stands against the deletion; nobody does with `--force` (spec 01 §9.1(4)). */
const refuse = ({ locks, users }: Claims, { name }: ModelLocation) => {
  if (users.length > 0) return failure(new ModelInUse({ model: name, users }), { model: name })
  if (locks.length === 0) return Effect.void
  const known = { model: name, locks_detected: true, lock_files: locks }
  return failure(new LocksPresent({ model: name, files: locks }), known)
}

/** The full name of the pinned snapshot; null when the whole model is meant. */
const revisionOf = ({ pinned, snapshotDirectory }: ModelLocation): string | null =>
  pinned ? (snapshotDirectory?.split("/").at(-1) ?? null) : null

const shown = (location: ModelLocation): string => {
  const revision = revisionOf(location)
  return revision === null ? location.name : `${location.name}@${revision}`
}

/** Why the user must say it again; null when what was typed is clear enough (spec 01 §9.1(5)). */
const doubt = (ref: ModelRef, location: ModelLocation, { scope }: RemovalPlan): string | null => {
  if (normalName(ref.pattern) !== location.name) {
    return `Would delete '${shown(location)}' (matched from '${ref.text}')`
  }
  return scope === "revision" ? `Would delete the revision '${shown(location)}' and keep the others` : null
}

const repeat = "; repeat with the full name, or with --force"

/** Fails with `data` (spec 01 §9.3). */
export const remove = Effect.fn("Remove.remove")(function* (
  text: string,
  options: RemoveOptions
): Effect.fn.Return<RemoveData, FailedWithData, Cache | Maintenance | Settings> {
  const maintenance = yield* Maintenance
  const ref = ModelRef.parse(text)
  const location = yield* find(ref)
  const claims = yield* maintenance.claims(location)
  if (!options.force) yield* refuse(claims, location)
  const revision = revisionOf(location)
  const hash = revision === null ? {} : { commit_hash: revision }
  const intended = revision === null ? ("delete_model" as const) : ("delete_hash" as const)
  const failed = (error: RemovalError) => failure(error, { model: location.name, action: intended, ...hash })
  const plan = yield* Effect.mapError(maintenance.removal(location), failed)
  const base = {
    model: location.name,
    matches: [],
    lock_files_cleaned: 0,
    ...hash,
    dry_run: options.dryRun,
    freed_bytes: plan.freedBytes,
    plan: plan.items
  }
  if (options.dryRun) {
    const message = `Would delete ${shown(location)}`
    return { ...base, action: intended, message, requires_confirmation: false }
  }
  const question = options.force || options.confirmed ? null : doubt(ref, location, plan)
  if (question !== null) {
    const message = question + repeat
    return { ...base, action: "requires_confirmation", message, requires_confirmation: true }
  }
  yield* Effect.mapError(maintenance.execute(location.name, plan.items), failed)
  return {
    ...base,
    action: "deleted",
    message: `Deleted ${shown(location)}`,
    requires_confirmation: false,
    lock_files_cleaned: plan.scope === "model" ? claims.entries : 0
  }
})
