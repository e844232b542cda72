/** Reads a cache as a whole: its repos, its shared store, and which repos are in use. */
import { accessSync, constants, realpathSync } from "node:fs"
import { join } from "node:path"
import { Either } from "effect"
import { CacheIo } from "../domain/Errors.js"
import { type Entry, entriesBelow, isLink, smallText } from "./Entries.js"
import { mayBeHeld } from "./FileLocks.js"
import { entriesOf, isDirectory } from "./Files.js"
import type { Holdings } from "./GarbagePlan.js"
import { alive } from "./Holder.js"
import { lockDirectory } from "./Layout.js"
import { holders } from "./Lease.js"
import { type Blob, type Repo, repoOf } from "./Repo.js"
import { type Payload, payloads, STORE, STORE_MARKER } from "./SharedStore.js"
import { isRepo } from "./Usage.js"

/** A ref is a commit; a longer file is no ref. */
const MAX_REF_BYTES = 1024

const realOf = (path: string): string | null => {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}

/** Where a path really leads, relative to the hub cache; null for nothing and for a place outside. */
const placeIn = (hub: string, path: string): string | null => {
  const root = `${realOf(hub) ?? hub}/`
  const real = realOf(path)
  return real?.startsWith(root) ? real.slice(root.length) : null
}

/** A repo may be a link to a whole disk. Then only what makes a repo is read: nothing of it is deleted, so nothing else matters. */
const PARTS = ["refs", "snapshots", "blobs"]

/** `unreadable`: directories that can't be listed. */
export const readRepo = (
  hub: string,
  directory: string
): { readonly repo: Repo; readonly unreadable: ReadonlyArray<string> } => {
  const path = join(hub, directory)
  const linked = isLink(path)
  const entries = entriesBelow(path, Number.POSITIVE_INFINITY, (name) => !linked || PARTS.includes(name))
  const refs = entries.all
    .filter((entry) => entry.path.startsWith("refs/") && entry.kind !== "directory")
    .map((entry) => [entry.path, smallText(join(path, entry.path), MAX_REF_BYTES)] as const)
  const repo = repoOf({
    directory,
    linked,
    entries,
    refs: new Map(refs),
    locations: [path, realOf(path) ?? path],
    placeOf: (entry: Entry) => placeIn(hub, join(path, entry.path))
  })
  return { repo, unreadable: entries.unreadable }
}

/** The payloads of the shared store; none when its directory is a link. */
export const readStore = (hub: string): ReadonlyArray<Payload> => {
  const path = join(hub, STORE)
  return isLink(path) ? [] : payloads(smallText(join(path, STORE_MARKER), MAX_REF_BYTES), entriesBelow(path, 2))
}

/** The lock of Python's library for a partial download such as `<etag>.incomplete` or `<etag>.<8 digits>.incomplete`. */
const lockOf = ({ name }: Blob): string => `${name.split(".", 1)[0]}.lock`

/** A process holds a lock, a lease or a partial file of the repo, or Python's library is downloading one. */
const isBusy = (hub: string, { blobs, directory }: Repo): boolean => {
  const locks = lockDirectory(hub, directory)
  const partial = [...blobs.values()].filter((blob) => blob.partial)
  return (
    holders(locks).some(([, holder]) => alive(holder)) || mayBeHeld(partial.map((blob) => join(locks, lockOf(blob))))
  )
}

export const isWritable = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The first directory of the repo, of those `isMeant`, in which nothing can be deleted; relative to the hub cache. */
export const closedDirectory = (
  hub: string,
  { directory, entries }: Repo,
  isMeant: (path: string) => boolean = () => true
): string | null => {
  const inside = entries.filter(({ kind, path }) => kind === "directory" && isMeant(path))
  return (
    [directory, ...inside.map(({ path }) => `${directory}/${path}`)].find((path) => !isWritable(join(hub, path))) ??
    null
  )
}

/** `gc` leaves such a repo alone. */
export const isKept = (hub: string, repo: Repo): boolean => isBusy(hub, repo) || closedDirectory(hub, repo) !== null

/** A hub that doesn't exist holds nothing. */
export const readAll = (hub: string): Either.Either<Holdings, CacheIo> =>
  entriesOf(hub).pipe(
    Either.orElse((code) => (code === "ENOENT" || code === "ENOTDIR" ? Either.right([]) : Either.left(code))),
    Either.mapBoth({
      onLeft: (problem) => new CacheIo({ path: hub, problem }),
      onRight: (found) => {
        const names = found.filter((entry) => isRepo(entry.name) && isDirectory(hub, entry)).map(({ name }) => name)
        const repos = names.sort().map((name) => readRepo(hub, name).repo)
        const kept = repos.filter((repo) => isKept(hub, repo)).map(({ directory }) => directory)
        return { repos, kept: new Set(kept), store: readStore(hub) }
      }
    })
  )
