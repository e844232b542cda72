/** A repo's directory as its parts: refs, snapshots, blobs. Pure; `Entries.ts` has read what is needed. */
import { posix } from "node:path"
import { type Entries, type Entry, idOf } from "./Entries.js"

/** What was read of a repo's directory. */
export interface RepoSource {
  /** Name of the directory below the hub cache. */
  readonly directory: string
  /** The directory is a link: what it leads to isn't this cache's to delete. */
  readonly linked: boolean
  readonly entries: Entries
  /** The text of the small files below `refs/`, by path; null for what is no ref. */
  readonly refs: ReadonlyMap<string, string | null>
  /** Absolute spellings of the repo's directory: links may use any of them. */
  readonly locations: ReadonlyArray<string>
  /** Where a link really leads, relative to the hub cache and without links; null for nothing and for a place outside. */
  readonly placeOf: (entry: Entry) => string | null
}

export interface Ref {
  readonly entry: Entry
  /** The snapshot it names; null for a file that is no ref. */
  readonly commit: string | null
}

/** A file of a snapshot. `blob` is the name of the blob it links to, null for a file of its own and for other links. */
export interface SnapshotEntry {
  readonly entry: Entry
  readonly blob: string | null
}

export interface Snapshot {
  readonly name: string
  readonly entry: Entry
  readonly files: ReadonlyArray<SnapshotEntry>
  /** All of it could be read. */
  readonly known: boolean
}

/** A file or a link in `blobs/`. `shared` is the payload in the shared store that it links to, such as `ab/abc…`. */
export interface Blob {
  readonly name: string
  readonly entry: Entry
  readonly shared: string | null
  /** What an interrupted download left. */
  readonly partial: boolean
}

export interface Repo {
  readonly directory: string
  readonly linked: boolean
  readonly entries: ReadonlyArray<Entry>
  readonly refs: ReadonlyArray<Ref>
  readonly snapshots: ReadonlyArray<Snapshot>
  readonly blobs: ReadonlyMap<string, Blob>
  /** Places in other repos and in the store that its links lead to, relative to the hub cache. */
  readonly uses: ReadonlyArray<string>
  /** Every directory could be listed, every ref read and every link understood: what nothing refers to is really unused. */
  readonly known: boolean
}

/** Where snapshots wait for their deletion, out of every reader's sight. */
export const TRASH = ".mlxk-trash"
/** What `health --verify` has seen. */
export const RECEIPTS = ".mlxk-verified"

/** What interrupted downloads leave in `blobs/`: Python's, and our own with their notes. */
const PARTIAL = /\.(incomplete|mlxk-part|mlxk-chunks)$/

const below = (folder: string, { path }: Entry): boolean => path.startsWith(`${folder}/`)
const directlyBelow = (folder: string, entry: Entry): boolean =>
  below(folder, entry) && !entry.path.slice(folder.length + 1).includes("/")

/** Where a link leads, relative to the repo's directory; null for a place outside of it and of the cache around it. */
const destination = ({ path, target }: Entry, locations: ReadonlyArray<string>): string | null => {
  if (target === null) return null
  if (!posix.isAbsolute(target)) return posix.join(posix.dirname(path), target)
  const normal = posix.normalize(target)
  const location = locations.find((candidate) => normal.startsWith(`${candidate}/`))
  return location === undefined ? null : normal.slice(location.length + 1)
}

const blobName = (place: string | null): string | null => /^blobs\/([^/]+)$/.exec(place ?? "")?.[1] ?? null

/** The shared store lies beside the repos, in folders of two characters. */
const storePath = (place: string | null): string | null => {
  const [, folder, hash] = /^\.\.\/blobs\/([0-9a-f]{2})\/([0-9a-f]{64})$/.exec(place ?? "") ?? []
  return folder !== undefined && hash?.startsWith(folder) === true ? `${folder}/${hash}` : null
}

const commitIn = (text: string | null | undefined): string | null => {
  const commit = text?.trim() ?? ""
  return commit === "" ? null : commit
}

/** The parts of a repo. */
export const repoOf = ({ directory, entries, linked, locations, placeOf, refs }: RepoSource): Repo => {
  const { all, unreadable } = entries
  const uses: Array<string> = []
  let understood = true
  /** A link that doesn't spell its blob as the Hub's libraries do: where it leads decides. */
  const follow = (entry: Entry): string | null => {
    const place = placeOf(entry)
    const target = destination(entry, locations)
    const spelled = target === null ? ".." : posix.join(directory, target)
    const places = [place, spelled.startsWith("..") ? null : spelled].filter((found) => found !== null)
    const own = place?.startsWith(`${directory}/`) ? place.slice(directory.length + 1) : null
    if (blobName(own) !== null && places.every((found) => found === place)) return own
    uses.push(...places.filter((found) => !`${found}/`.startsWith(`${directory}/`)))
    if (places.some((found) => `${found}/`.startsWith(`${directory}/`))) understood = false
    return place === null ? null : posix.join("..", place)
  }
  const blobOf = (entry: Entry): string | null =>
    entry.kind === "link" ? (blobName(destination(entry, locations)) ?? blobName(follow(entry))) : null
  const isUnknown = (folder: string) =>
    unreadable.some((path) => path === `${folder}/` || path.startsWith(`${folder}/`))
  // One pass, because a cache may hold many snapshots of many files.
  const filesOf = new Map<string, Array<SnapshotEntry>>()
  for (const entry of all) {
    if (entry.kind === "directory" || !below("snapshots", entry)) continue
    const [, name = "", rest] = entry.path.split("/", 3)
    if (rest === undefined) continue
    const files = filesOf.get(name) ?? []
    files.push({ entry, blob: blobOf(entry) })
    filesOf.set(name, files)
  }
  const snapshots = all
    .filter((entry) => directlyBelow("snapshots", entry) && entry.kind === "directory")
    .map((entry): Snapshot => {
      const name = entry.path.slice("snapshots/".length)
      return { name, entry, files: filesOf.get(name) ?? [], known: !isUnknown(entry.path) }
    })
  const blobs = all
    .filter((entry) => directlyBelow("blobs", entry) && entry.kind !== "directory")
    .map((entry): Blob => {
      const name = entry.path.slice("blobs/".length)
      const shared =
        entry.kind === "link" ? (storePath(destination(entry, locations)) ?? storePath(follow(entry))) : null
      return { name, entry, shared, partial: PARTIAL.test(name) }
    })
  const links = all.filter((entry) => directlyBelow("snapshots", entry) && entry.kind === "link")
  const refEntries = all.filter((entry) => below("refs", entry) && entry.kind !== "directory")
  return {
    directory,
    linked,
    entries: all,
    refs: refEntries.map((entry) => ({ entry, commit: commitIn(refs.get(entry.path)) })),
    snapshots,
    blobs: new Map(blobs.map((blob) => [blob.name, blob])),
    uses,
    known:
      understood &&
      unreadable.length === 0 &&
      links.length === 0 &&
      refEntries.every(({ path }) => refs.get(path) != null)
  }
}

/** The names of the blobs that these snapshots use. */
export const usedBlobs = (snapshots: ReadonlyArray<Snapshot>): ReadonlySet<string> =>
  new Set(snapshots.flatMap(({ files }) => files.flatMap(({ blob }) => (blob === null ? [] : [blob]))))

/** Whether one of `places` is this path, lies below it or around it. All relative to the hub cache. */
export const touches = (places: ReadonlyArray<string>, path: string): boolean =>
  places.some((place) => `${place}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${place}/`))

/** What deleting files frees: the bytes of those whose every hard link is among them. */
export const freedBytes = (entries: ReadonlyArray<Entry>): number => {
  const files = new Map(entries.filter(({ kind }) => kind === "file").map((entry) => [entry.path, entry]))
  const counts = new Map<string, number>()
  let freed = 0
  for (const entry of files.values()) {
    const id = idOf(entry)
    const count = (counts.get(id) ?? 0) + 1
    counts.set(id, count)
    if (count === entry.links) freed += entry.size
  }
  return freed
}
