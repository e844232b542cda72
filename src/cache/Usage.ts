/** What a cache takes on the disk (`du`). Pure. */
import { repoName } from "../domain/ModelRef.js"
import type { RepoUsage, UsageData } from "../domain/Reclaim.js"
import { type Entry, idOf } from "./Entries.js"
import type { Holdings } from "./GarbagePlan.js"
import { freedBytes, type Repo, usedBlobs } from "./Repo.js"
import type { Payload } from "./SharedStore.js"

type Store = ReadonlyMap<string, Payload>

/** The types of repos by the prefix of their directories. */
const TYPES = { "models--": "model", "datasets--": "dataset", "spaces--": "space" } as const

const prefixOf = (directory: string) =>
  (["models--", "datasets--", "spaces--"] as const).find((prefix) => directory.startsWith(prefix))

/** True for the directory of a repo of any type. */
export const isRepo = (directory: string): boolean => prefixOf(directory) !== undefined

const nameOf = (directory: string): Pick<RepoUsage, "name" | "type"> => {
  const prefix = prefixOf(directory) ?? "models--"
  return { name: repoName(`models--${directory.slice(prefix.length)}`), type: TYPES[prefix] }
}

/** The file behind a blob: itself, or the payload it links to; none for a link to nothing. */
const fileOf = (repo: Repo, store: Store, name: string): Entry | null => {
  const blob = repo.blobs.get(name)
  if (blob?.entry.kind === "file") return blob.entry
  return blob?.shared == null ? null : (store.get(blob.shared)?.entry ?? null)
}

/** Bytes of files, each inode once. */
const onDisk = (entries: ReadonlyArray<Entry>): number =>
  [...new Map(entries.map((entry) => [idOf(entry), entry.size])).values()].reduce((sum, size) => sum + size, 0)

const filesOf = (repo: Repo, store: Store): ReadonlyArray<Entry> =>
  repo.snapshots.flatMap(({ files }) =>
    files.flatMap(({ blob, entry }) => (blob === null ? [entry] : (fileOf(repo, store, blob) ?? [])))
  )

const unusedOf = (repo: Repo): number => {
  const used = usedBlobs(repo.snapshots)
  return onDisk([...repo.blobs.values()].filter(({ name }) => !used.has(name)).map(({ entry }) => entry))
}

/** Payloads that only this repo uses. */
const ownPayloads = (repo: Repo, store: Store, users: ReadonlyMap<string, ReadonlySet<Repo>>): ReadonlyArray<Entry> =>
  [...new Set([...repo.blobs.values()].map(({ shared }) => shared))]
    .filter((shared) => shared !== null)
    .filter((shared) => users.get(shared)?.size === 1)
    .flatMap((shared) => store.get(shared)?.entry ?? [])

const usersOf = (repos: ReadonlyArray<Repo>): ReadonlyMap<string, ReadonlySet<Repo>> => {
  const users = new Map<string, Set<Repo>>()
  for (const repo of repos) {
    for (const { shared } of repo.blobs.values()) {
      if (shared !== null) users.set(shared, (users.get(shared) ?? new Set()).add(repo))
    }
  }
  return users
}

const total = (rows: ReadonlyArray<RepoUsage>, key: "logical_bytes" | "unused_bytes"): number =>
  rows.reduce((sum, row) => sum + row[key], 0)

/** Largest first is the caller's business: rows are in the order of the repos. */
export const usageOf = ({ repos, store: payloads }: Holdings): UsageData => {
  const store: Store = new Map(payloads.map((payload) => [payload.name, payload]))
  const users = usersOf(repos)
  const rows = repos.map((repo): RepoUsage => {
    const files = filesOf(repo, store)
    const own = repo.linked ? 0 : freedBytes(repo.entries) + freedBytes(ownPayloads(repo, store, users))
    return {
      ...nameOf(repo.directory),
      revisions: repo.snapshots.length,
      logical_bytes: files.reduce((sum, { size }) => sum + size, 0),
      on_disk_bytes: onDisk(files),
      unused_bytes: unusedOf(repo),
      exclusive_bytes: own
    }
  })
  return {
    repos: rows,
    total: {
      logical_bytes: total(rows, "logical_bytes"),
      on_disk_bytes: onDisk([...repos.flatMap((repo) => filesOf(repo, store)), ...payloads.map(({ entry }) => entry)]),
      unused_bytes: total(rows, "unused_bytes")
    }
  }
}
