/** What has to be fetched: a repo's files against what the cache holds. */
import { existsSync, readdirSync } from "node:fs"
import { Either } from "effect"
import { RepoRefused } from "../../domain/Errors.js"
import type { RepoFile, RepoRevision } from "../../services/Hub.js"
import type { PlannedFile } from "../../services/Transfer.js"
import { type PartPlace, presentBytes } from "./Part.js"
import { hasBlob, isCopied, type RepoPlaces } from "./Snapshot.js"

/** Names that Windows gives to devices, whatever follows after a dot. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i
const WINDOWS_FORBIDDEN = /[<>"|?*]|[. ]$/

/** How the volume and the system take names. */
export interface NameRules {
  readonly ignoresCase: boolean
  readonly windows: boolean
}

/** Two files that a volume without capitals takes for one, or for a directory and a file in it. */
const caseProblem = (paths: ReadonlyArray<string>): string | null => {
  const seen = new Map<string, string>()
  const folded = (path: string) => path.normalize("NFC").toLowerCase()
  for (const path of paths) {
    const other = seen.get(folded(path))
    if (other !== undefined) return `'${other}' and '${path}' are one file on this volume`
    seen.set(folded(path), path)
  }
  for (const path of paths) {
    for (const { index } of path.matchAll(/\//g)) {
      const other = seen.get(folded(path.slice(0, index)))
      if (other !== undefined) return `'${path}' lies below the file '${other}' on this volume`
    }
  }
  return null
}

/** Why the files can't lie beside each other here; null when they can. */
export const nameProblem = (paths: ReadonlyArray<string>, { ignoresCase, windows }: NameRules): string | null => {
  const clash = ignoresCase ? caseProblem(paths) : null
  const bad = windows
    ? paths.find((path) => path.split("/").some((name) => DEVICE.test(name) || WINDOWS_FORBIDDEN.test(name)))
    : undefined
  return clash ?? (bad === undefined ? null : `Windows has no file named '${bad}'`)
}

export interface Planned {
  readonly files: ReadonlyArray<PlannedFile>
  /** What has to be fetched, each content once. */
  readonly missing: ReadonlyArray<RepoFile>
  readonly missingBytes: number
  readonly totalBytes: number
  /** Bytes of the missing files that are here already. */
  readonly resumedBytes: number
}

/** What lies in a directory; null when it is there and can't be listed: then every file is looked at. */
const namesIn = (directory: string): ReadonlySet<string> | null =>
  existsSync(directory) ? Either.getOrNull(Either.try(() => new Set(readdirSync(directory)))) : new Set()

/** `damaged` holds the etags of blobs that don't count. */
export const plan = (
  { files }: RepoRevision,
  places: RepoPlaces,
  place: PartPlace,
  damaged: ReadonlySet<string> = new Set()
): Planned => {
  const contents = new Map(files.map((file) => [file.etag, file]))
  const blobs = namesIn(places.blobs)
  const hasSnapshot = existsSync(places.snapshot)
  const isHere = (file: RepoFile): boolean =>
    (blobs?.has(file.etag) !== false && hasBlob(places, file)) || (hasSnapshot && isCopied(places, file))
  const missing = [...contents.values()].filter((file) => damaged.has(file.etag) || !isHere(file))
  const left = new Map(missing.map((file) => [file.etag, file.size - presentBytes(place, file)]))
  const missingBytes = [...left.values()].reduce((sum, bytes) => sum + bytes, 0)
  const sizes = (list: Iterable<RepoFile>) => [...list].reduce((sum, { size }) => sum + size, 0)
  return {
    files: files.map(({ etag, path, size }) => ({ path, size, missingBytes: left.get(etag) ?? 0 })),
    missing,
    missingBytes,
    totalBytes: sizes(contents.values()),
    resumedBytes: sizes(missing) - missingBytes
  }
}

/** Fails when the names can't be laid down here. */
export const refusal = (revision: RepoRevision, rules: NameRules): RepoRefused | null => {
  const problem = nameProblem(
    revision.files.map(({ path }) => path),
    rules
  )
  return problem === null ? null : new RepoRefused({ repo: revision.repo, problem })
}
