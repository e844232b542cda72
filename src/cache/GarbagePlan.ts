/** What nothing uses any more: superseded revisions, partial downloads, orphan blobs, unused payloads of the store. Pure. */
import type { Plan, PlanItem } from "../domain/Reclaim.js"
import type { Entry } from "./Entries.js"
import { STAGED } from "./Layout.js"
import { blobItem, freeBlobs, isForeign, leftoverItem, notes, snapshotItem } from "./RemovalPlan.js"
import { type Blob, freedBytes, type Repo, type Snapshot, touches, usedBlobs } from "./Repo.js"
import { type Payload, STORE } from "./SharedStore.js"

/** What changed within this time may belong to a download that is still running: Python's hold no record of a process. */
export const GRACE_MILLIS = 60 * 60 * 1000

/** Everything a cache holds. */
export interface Holdings {
  readonly repos: ReadonlyArray<Repo>
  /** Directories of repos that a living process uses, or that can't be changed. */
  readonly kept: ReadonlySet<string>
  readonly store: ReadonlyArray<Payload>
}

/**
 * Snapshots that no ref names, in a repo where a ref names another one. A repo without such a ref was downloaded by commit:
 * there the snapshots are what the user asked for.
 */
const detached = (
  { directory, refs, snapshots }: Repo,
  elsewhere: ReadonlyArray<string>,
  isOld: (entry: Entry) => boolean
): ReadonlyArray<Snapshot> => {
  const named = new Set(refs.map(({ commit }) => commit))
  if (!snapshots.some(({ name }) => named.has(name))) return []
  return snapshots.filter(
    ({ entry, name }) => !named.has(name) && isOld(entry) && !touches(elsewhere, `${directory}/${entry.path}`)
  )
}

interface Garbage extends Plan {
  readonly blobs: ReadonlyArray<Blob>
}

const garbageOf = (repo: Repo, elsewhere: ReadonlyArray<string>, isOld: (entry: Entry) => boolean): Garbage => {
  const snapshots = repo.known ? detached(repo, elsewhere, isOld) : []
  const used = usedBlobs(repo.snapshots)
  const unused = [...repo.blobs.values()].filter(
    (blob) =>
      isOld(blob.entry) && (blob.partial || (repo.known && !used.has(blob.name) && !isForeign(repo, blob, elsewhere)))
  )
  const blobs = [...freeBlobs(repo, snapshots, elsewhere), ...unused]
  const items = [
    ...snapshots.map((snapshot) => snapshotItem(repo, snapshot)),
    ...notes(
      repo,
      snapshots.map(({ name }) => name)
    ),
    ...repo.entries.filter((entry) => entry.path === STAGED && isOld(entry)).map((entry) => leftoverItem(repo, entry)),
    ...blobs.map((blob) => blobItem(repo, blob))
  ]
  return { items, blobs, freedBytes: freedBytes(repo.entries.filter(isIn(repo, items))) }
}

/** Whether an entry is one of the items or lies below one. */
const isIn = ({ directory }: Repo, items: ReadonlyArray<PlanItem>) => {
  const roots = new Set(items.map(({ path }) => path))
  return ({ path }: Entry): boolean => {
    const full = `${directory}/${path}`
    for (let end = full.length; end > directory.length; end = full.lastIndexOf("/", end - 1)) {
      if (roots.has(full.slice(0, end))) return true
    }
    return false
  }
}

/** Payloads whose list of users is there and names nobody who still links to them. */
const unusedPayloads = (
  { repos, store }: Holdings,
  deleted: ReadonlySet<Blob>,
  isOld: (entry: Entry) => boolean
): ReadonlyArray<Payload> => {
  // A repo that can't be read may use any of them.
  if (repos.some(({ known }) => !known)) return []
  const used = new Set(
    repos.flatMap(({ blobs }) => [...blobs.values()].flatMap((blob) => (deleted.has(blob) ? [] : [blob.shared])))
  )
  const direct = repos.flatMap(({ uses }) => uses)
  return store.filter(
    ({ entry, name, users }) =>
      users !== null && !used.has(name) && isOld(users) && isOld(entry) && !touches(direct, `${STORE}/${name}`)
  )
}

const payloadItems = ({ entry, name, users }: Payload): ReadonlyArray<PlanItem> => [
  { kind: "shared", path: `${STORE}/${name}`, size_bytes: entry.size },
  ...(users === null ? [] : [{ kind: "shared" as const, path: `${STORE}/${users.path}`, size_bytes: users.size }])
]

/** Where the links of all repos but `directory` lead to. */
export const usesOfOthers = (repos: ReadonlyArray<Repo>, directory: string): ReadonlyArray<string> =>
  repos.flatMap((repo) => (repo.directory === directory ? [] : repo.uses))

const oldAt =
  (now: number) =>
  ({ modified }: Entry): boolean =>
    modified < now - GRACE_MILLIS

/** The garbage of one repo, `elsewhere`: what the links of the other repos lead to. `now` in milliseconds since 1970. */
export const repoGarbage = (
  repo: Repo,
  { elsewhere, kept }: { readonly kept: boolean; readonly elsewhere: ReadonlyArray<string> },
  now: number
): Garbage => (kept || repo.linked ? { items: [], blobs: [], freedBytes: 0 } : garbageOf(repo, elsewhere, oldAt(now)))

/** The garbage of the shared store, once the blobs `deleted` are gone. */
export const storeGarbage = (holdings: Holdings, now: number, deleted: ReadonlySet<Blob> = new Set()): Plan => {
  const shared = unusedPayloads(holdings, deleted, oldAt(now))
  return {
    items: shared.flatMap(payloadItems),
    freedBytes: freedBytes(shared.flatMap(({ entry, users }) => (users === null ? [entry] : [entry, users])))
  }
}

/** `now` in milliseconds since 1970. */
export const garbagePlan = (holdings: Holdings, now: number): Plan => {
  const { kept, repos } = holdings
  const garbage = repos.map((repo) =>
    repoGarbage(repo, { kept: kept.has(repo.directory), elsewhere: usesOfOthers(repos, repo.directory) }, now)
  )
  const shared = storeGarbage(holdings, now, new Set(garbage.flatMap(({ blobs }) => blobs)))
  return {
    items: [...garbage.flatMap(({ items }) => items), ...shared.items],
    freedBytes: garbage.reduce((sum, plan) => sum + plan.freedBytes, shared.freedBytes)
  }
}
