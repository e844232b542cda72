/** What nothing uses any more: superseded revisions, partial downloads, orphan blobs, unused payloads of the store. Pure. */
import type { Plan, PlanItem } from "../domain/Reclaim.js"
import type { Entry } from "./Entries.js"
import { blobItem, freeBlobs, notes, snapshotItem } from "./RemovalPlan.js"
import { type Blob, freedBytes, type Repo, type Snapshot, usedBlobs } from "./Repo.js"
import { type Payload, STORE } from "./SharedStore.js"

/** What changed within this time may belong to a download that is still running: Python's hold no record of a process. */
export const GRACE_MILLIS = 60 * 60 * 1000

/** Everything a cache holds. */
export interface Holdings {
  readonly repos: ReadonlyArray<Repo>
  /** Directories of repos that a living process uses. */
  readonly busy: ReadonlySet<string>
  readonly store: ReadonlyArray<Payload>
}

/**
 * Snapshots that no ref names, in a repo where a ref names another one. A repo without such a ref was downloaded by commit:
 * there the snapshots are what the user asked for.
 */
const detached = ({ refs, snapshots }: Repo, isOld: (entry: Entry) => boolean): ReadonlyArray<Snapshot> => {
  const named = new Set(refs.map(({ commit }) => commit))
  if (!snapshots.some(({ name }) => named.has(name))) return []
  return snapshots.filter(({ entry, name }) => !named.has(name) && isOld(entry))
}

interface Garbage extends Plan {
  readonly blobs: ReadonlyArray<Blob>
}

const garbageOf = (repo: Repo, isOld: (entry: Entry) => boolean): Garbage => {
  const snapshots = repo.known ? detached(repo, isOld) : []
  const used = usedBlobs(repo.snapshots)
  const unused = [...repo.blobs.values()].filter(
    ({ entry, name, partial }) => isOld(entry) && (partial || (repo.known && !used.has(name)))
  )
  const blobs = [...freeBlobs(repo, snapshots), ...unused]
  const items = [
    ...snapshots.map((snapshot) => snapshotItem(repo, snapshot)),
    ...notes(
      repo,
      snapshots.map(({ name }) => name)
    ),
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
  return store.filter(({ entry, name, users }) => users !== null && !used.has(name) && isOld(users) && isOld(entry))
}

const payloadItems = ({ entry, name, users }: Payload): ReadonlyArray<PlanItem> => [
  { kind: "shared", path: `${STORE}/${name}`, size_bytes: entry.size },
  ...(users === null ? [] : [{ kind: "shared" as const, path: `${STORE}/${users.path}`, size_bytes: users.size }])
]

/** `now` in milliseconds since 1970. */
export const garbagePlan = (holdings: Holdings, now: number): Plan => {
  const isOld = ({ modified }: Entry) => modified < now - GRACE_MILLIS
  const garbage = holdings.repos
    .filter(({ directory, linked }) => !linked && !holdings.busy.has(directory))
    .map((repo) => garbageOf(repo, isOld))
  const deleted = new Set(garbage.flatMap(({ blobs }) => blobs))
  const shared = unusedPayloads(holdings, deleted, isOld)
  return {
    items: [...garbage.flatMap(({ items }) => items), ...shared.flatMap(payloadItems)],
    freedBytes:
      garbage.reduce((sum, plan) => sum + plan.freedBytes, 0) +
      freedBytes(shared.flatMap(({ entry, users }) => (users === null ? [entry] : [entry, users])))
  }
}
