/** The live Maintenance: reads a cache as a whole, plans with the pure rules, and carries plans out. */
import { statSync } from "node:fs"
import { basename } from "node:path"
import { Clock, Effect, Either, Layer } from "effect"
import { DeletionDenied, DeletionFailed } from "../domain/Errors.js"
import { systemCode } from "../domain/FileProblems.js"
import type { Plan, PlanItem } from "../domain/Reclaim.js"
import { Maintenance } from "../services/Maintenance.js"
import { Settings } from "../services/Settings.js"
import { type Entries, entriesBelow, isLink } from "./Entries.js"
import { stepsOf, take } from "./Execute.js"
import { eventLoopTurn } from "./Files.js"
import { garbagePlan, repoGarbage, storeGarbage, usesOfOthers } from "./GarbagePlan.js"
import { closedDirectory, isKept, isWritable, readAll, readRepo, readStore } from "./Inventory.js"
import { lockDirectory } from "./Layout.js"
import { users } from "./Lease.js"
import { removalPlan } from "./RemovalPlan.js"
import type { Repo } from "./Repo.js"
import { usageOf } from "./Usage.js"

/** With MLXK2_STRICT_TEST_DELETE=1 nothing else is deleted from (spec 01 §9.4). */
const TEST_MARKER = "mlxk2_test_"

const lockFiles = (directory: string, { all }: Entries): ReadonlyArray<string> =>
  all
    .filter(({ kind, path }) => kind !== "directory" && path.endsWith(".lock"))
    .map(({ path }) => `.locks/${directory}/${path}`)
    .sort()

/** What lies behind a link in place of the lock directory is nobody's lock. */
const lockEntries = (hub: string, directory: string): Entries => {
  const path = lockDirectory(hub, directory)
  return isLink(path) ? { all: [], unreadable: [] } : entriesBelow(path)
}

/** False for what can't be looked at. */
const isMissing = (path: string): boolean =>
  Either.match(Either.try({ try: () => statSync(path), catch: systemCode }), {
    onLeft: (code) => code === "ENOENT" || code === "ENOTDIR",
    onRight: () => false
  })

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

/** Where this deletion can't change what it must, asked before anything is gone. `snapshot` null: the whole model. */
const denied = (hub: string, repo: Repo, snapshot: string | null): string | null => {
  if (snapshot === null && !isWritable(hub)) return hub
  const others = repo.snapshots
    .filter(({ name }) => snapshot !== null && name !== snapshot)
    .map(({ entry }) => entry.path)
  return closedDirectory(hub, repo, (path) => !others.some((other) => `${path}/`.startsWith(`${other}/`)))
}

/** What deletes, in the cache at `hub`. */
const deletions = (hub: string, strictTestDelete: boolean) => {
  const execute = (subject: string, items: ReadonlyArray<PlanItem>) =>
    strictTestDelete && !hub.includes(TEST_MARKER)
      ? new DeletionFailed({ subject, problem: `${hub} is no test cache, and MLXK2_STRICT_TEST_DELETE is set` })
      : Effect.forEach(items, (item) => Effect.zipRight(eventLoopTurn, perform(hub, subject, item)), { discard: true })

  const done = (plan: Plan) => Effect.as(execute("what nothing uses", plan.items), plan)

  /** Each repo is looked at anew before it is changed: others link and download while the rest is deleted. */
  const sweep = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const { repos } = yield* readAll(hub)
    const plans: Array<Plan> = []
    for (const { directory } of repos) {
      const garbage = Effect.sync(() => {
        const { repo } = readRepo(hub, directory)
        return repoGarbage(repo, { elsewhere: usesOfOthers(repos, directory), kept: isKept(hub, repo) }, now)
      })
      plans.push(yield* Effect.flatMap(garbage, done))
    }
    plans.push(yield* done(storeGarbage(yield* Effect.suspend(() => readAll(hub)), now)))
    const items = plans.flatMap((plan) => plan.items)
    return { items, freedBytes: plans.reduce((sum, plan) => sum + plan.freedBytes, 0) }
  })

  return { execute, sweep }
}

const make = Effect.gen(function* () {
  const { hubCache: hub, strictTestDelete } = yield* Settings

  return Maintenance.of({
    exists: Effect.sync(() => !isMissing(hub)),
    claims: ({ repoDirectory }) =>
      Effect.sync(() => {
        const directory = basename(repoDirectory)
        const locks = lockEntries(hub, directory)
        return {
          users: users(hub, directory).map(({ pid }) => pid),
          locks: lockFiles(directory, locks),
          entries: locks.all.filter(({ path }) => !path.includes("/")).length
        }
      }),
    removal: Effect.fn("Maintenance.removal")(function* ({ name, pinned, repoDirectory, snapshotDirectory }) {
      const { repo, unreadable } = readRepo(hub, basename(repoDirectory))
      if (repo.linked) {
        const problem = "its directory is a link to another one; delete the link itself"
        return yield* new DeletionFailed({ subject: name, problem })
      }
      const repos = Either.match(readAll(hub), { onLeft: () => [], onRight: (holdings) => holdings.repos })
      const elsewhere = usesOfOthers(repos, repo.directory)
      const pin = pinned && snapshotDirectory !== null ? basename(snapshotDirectory) : null
      const plan = removalPlan(repo, pin, elsewhere)
      const snapshot = plan.scope === "revision" && snapshotDirectory !== null ? basename(snapshotDirectory) : null
      const [closed] = unreadable.map((path) => `${repo.directory}/${path}`.replace(/\/$/, ""))
      const problem = closed ?? denied(hub, repo, snapshot)
      if (problem !== null) return yield* new DeletionDenied({ subject: name, path: problem })
      return plan
    }),
    garbage: Effect.flatMap(
      Effect.suspend(() => readAll(hub)),
      (holdings) => Effect.map(Clock.currentTimeMillis, (now) => garbagePlan(holdings, now))
    ),
    ...deletions(hub, strictTestDelete),
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
