/** The live Maintenance: reads a cache as a whole, plans with the pure rules, and carries plans out. */
import { accessSync, constants, existsSync, lstatSync, realpathSync } from "node:fs"
import { basename, join } from "node:path"
import { Clock, Effect, Either, Layer } from "effect"
import { CacheIo, DeletionDenied, DeletionFailed } from "../domain/Errors.js"
import { systemCode } from "../domain/FileProblems.js"
import type { PlanItem } from "../domain/Reclaim.js"
import { Maintenance } from "../services/Maintenance.js"
import { Settings } from "../services/Settings.js"
import { entriesBelow, smallText } from "./Entries.js"
import { stepsOf, take } from "./Execute.js"
import { entriesOf, eventLoopTurn, isDirectory } from "./Files.js"
import { garbagePlan, type Holdings } from "./GarbagePlan.js"
import { alive } from "./Holder.js"
import { lockDirectory } from "./Layout.js"
import { holders, users } from "./Lease.js"
import { removalPlan } from "./RemovalPlan.js"
import { type Repo, repoOf } from "./Repo.js"
import { type Payload, payloads, STORE, STORE_MARKER } from "./SharedStore.js"
import { isRepo, usageOf } from "./Usage.js"

/** A ref is a commit; a longer file is no ref. */
const MAX_REF_BYTES = 1024
/** With MLXK2_STRICT_TEST_DELETE=1 nothing else is deleted from (spec 01 §9.4). */
const TEST_MARKER = "mlxk2_test_"

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true

const realOf = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

const readRepo = (
  hub: string,
  directory: string
): { readonly repo: Repo; readonly unreadable: ReadonlyArray<string> } => {
  const path = join(hub, directory)
  const entries = entriesBelow(path)
  const refs = entries.all
    .filter((entry) => entry.path.startsWith("refs/") && entry.kind !== "directory")
    .map((entry) => [entry.path, smallText(join(path, entry.path), MAX_REF_BYTES)] as const)
  const locations = [path, realOf(path)]
  const repo = repoOf({ directory, linked: isLink(path), entries, refs: new Map(refs), locations })
  return { repo, unreadable: entries.unreadable }
}

const readStore = (hub: string): ReadonlyArray<Payload> => {
  const path = join(hub, STORE)
  return isLink(path) ? [] : payloads(smallText(join(path, STORE_MARKER), MAX_REF_BYTES), entriesBelow(path, 2))
}

/** A process that holds a lock, a lease or a partial file of the repo. */
const isBusy = (hub: string, directory: string): boolean =>
  holders(lockDirectory(hub, directory)).some(([, holder]) => alive(holder))

const readAll = (hub: string): Either.Either<Holdings, CacheIo> =>
  entriesOf(hub).pipe(
    Either.orElse((code) => (code === "ENOENT" || code === "ENOTDIR" ? Either.right([]) : Either.left(code))),
    Either.mapBoth({
      onLeft: (problem) => new CacheIo({ path: hub, problem }),
      onRight: (found) => {
        const names = found.filter((entry) => isRepo(entry.name) && isDirectory(hub, entry)).map(({ name }) => name)
        return {
          repos: names.sort().map((name) => readRepo(hub, name).repo),
          busy: new Set(names.filter((name) => isBusy(hub, name))),
          store: readStore(hub)
        }
      }
    })
  )

const lockFiles = (hub: string, directory: string): ReadonlyArray<string> =>
  entriesBelow(lockDirectory(hub, directory))
    .all.filter(({ kind, path }) => kind !== "directory" && path.endsWith(".lock"))
    .map(({ path }) => `.locks/${directory}/${path}`)
    .sort()

const childCount = (directory: string): number =>
  Either.match(entriesOf(directory), { onLeft: () => 0, onRight: (all) => all.length })

const isWritable = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

const DENIED = ["EACCES", "EPERM", "EROFS"]

const deletionError = (subject: string, path: string, code: string) =>
  DENIED.includes(code)
    ? new DeletionDenied({ subject, path })
    : new DeletionFailed({ subject, problem: `${path} cannot be deleted (${code}); run this again` })

/** One item, without a pause: what a reader could see half of is moved away in one step. */
const perform = (hub: string, subject: string, item: PlanItem) =>
  Effect.try({
    try: () => {
      for (const step of stepsOf(hub, item)) take(step)
    },
    catch: (error) => deletionError(subject, item.path, systemCode(error))
  }).pipe((work) => (item.kind === "locks" ? Effect.ignore(work) : work))

/** Directories that this deletion changes, but doesn't own: asked before anything is gone. */
const denied = (hub: string, repo: Repo, snapshot: string | null): string | null => {
  const others = repo.snapshots
    .filter(({ name }) => snapshot !== null && name !== snapshot)
    .map(({ entry }) => entry.path)
  const own = repo.entries.filter(
    ({ kind, path }) => kind === "directory" && !others.some((other) => path === other || path.startsWith(`${other}/`))
  )
  const paths = ["", ...own.map(({ path }) => `/${path}`)].map((path) => repo.directory + path)
  return (snapshot === null ? [".", ...paths] : paths).find((path) => !isWritable(join(hub, path))) ?? null
}

const make = Effect.gen(function* () {
  const { hubCache: hub, strictTestDelete } = yield* Settings

  return Maintenance.of({
    exists: Effect.sync(() => existsSync(hub)),
    claims: ({ repoDirectory }) =>
      Effect.sync(() => {
        const directory = basename(repoDirectory)
        return {
          users: users(hub, directory).map(({ pid }) => pid),
          locks: lockFiles(hub, directory),
          entries: childCount(lockDirectory(hub, directory))
        }
      }),
    removal: Effect.fn("Maintenance.removal")(function* ({ name, pinned, repoDirectory, snapshotDirectory }) {
      const { repo, unreadable } = readRepo(hub, basename(repoDirectory))
      if (repo.linked) {
        const problem = "its directory is a link to another one; delete the link itself"
        return yield* new DeletionFailed({ subject: name, problem })
      }
      const plan = removalPlan(repo, pinned && snapshotDirectory !== null ? basename(snapshotDirectory) : null)
      const snapshot = plan.scope === "revision" && snapshotDirectory !== null ? basename(snapshotDirectory) : null
      const problem = unreadable[0] ?? denied(hub, repo, snapshot)
      if (problem !== null) return yield* new DeletionDenied({ subject: name, path: problem })
      return plan
    }),
    garbage: Effect.flatMap(
      Effect.suspend(() => readAll(hub)),
      (holdings) => Effect.map(Clock.currentTimeMillis, (now) => garbagePlan(holdings, now))
    ),
    execute: (subject, items) =>
      strictTestDelete && !hub.includes(TEST_MARKER)
        ? new DeletionFailed({ subject, problem: `${hub} is no test cache, and MLXK2_STRICT_TEST_DELETE is set` })
        : Effect.forEach(items, (item) => Effect.zipRight(eventLoopTurn, perform(hub, subject, item)), {
            discard: true
          }),
    usage: Effect.map(
      Effect.suspend(() => readAll(hub)),
      usageOf
    ),
    verify: ({ repoDirectory }, report) =>
      Effect.flatMap(
        // Hashing is loaded when it is wanted.
        Effect.promise(() => import("./Verify.js")),
        ({ verify }) => verify(hub, readRepo(hub, basename(repoDirectory)).repo, readStore(hub), report)
      )
  })
})

/** Reads `Settings` when built; looks at the disk anew on every call. */
export const layer: Layer.Layer<Maintenance, never, Settings> = Layer.effect(Maintenance, make)
