/** Where models lie below the hub cache (spec 01 §2.2–2.4): repos, their snapshots, and which snapshot is meant. */
import { join } from "node:path"
import { Either } from "effect"
import { byCodePoint, type ModelLocation, type SnapshotState } from "../domain/CachedModel.js"
import { DIRECTORY_PREFIX, directoryName, repoName } from "../domain/ModelRef.js"
import { entriesOf, isDirectory, modifiedAt } from "./Files.js"

const COMMIT = /^[0-9a-f]{40}$/i

/**
 * Names of all model repos, sorted. Only directories count, and links to directories (spec 01 QUIRK-10). A hub that doesn't
 * exist has none; Left: it exists and can't be listed, with the system's error code.
 */
export const repoNames = (hub: string): Either.Either<ReadonlyArray<string>, string> =>
  entriesOf(hub).pipe(
    Either.map((entries) =>
      entries
        .filter((entry) => entry.name.startsWith(DIRECTORY_PREFIX) && isDirectory(hub, entry))
        .map((entry) => repoName(entry.name))
        .sort(byCodePoint)
    ),
    Either.orElse((code) => (code === "ENOENT" || code === "ENOTDIR" ? Either.right([]) : Either.left(code)))
  )

/** The directory of the repo called `name`, whether it exists or not. */
export const repoDirectory = (hub: string, name: string): string => join(hub, directoryName(name))

/** Where a pull lays a new snapshot in its repo before it gets its name. */
export const STAGED = ".mlxk-snapshot"

/** Where the lock and lease files of a repo's directory lie, whether they exist or not (spec 01 §2.5). */
export const lockDirectory = (hub: string, directory: string): string => join(hub, ".locks", directory)

/** Where the snapshots of a repo lie, whether they exist or not. */
export const snapshotsDirectory = (repo: string): string => join(repo, "snapshots")

/** Why a repo has no snapshots. */
type NoSnapshots = Exclude<SnapshotState, "Present" | "Vanished">

const orNone = (names: ReadonlyArray<string>): Either.Either<ReadonlyArray<string>, NoSnapshots> =>
  names.length === 0 ? Either.left("NoSnapshots") : Either.right(names)

/** Names of a repo's snapshot directories, sorted. Left: why there are none. */
export const snapshotNames = (repo: string): Either.Either<ReadonlyArray<string>, NoSnapshots> => {
  const directory = snapshotsDirectory(repo)
  return entriesOf(directory).pipe(
    Either.mapLeft((code): NoSnapshots => (code === "ENOENT" || code === "ENOTDIR" ? "NoDirectory" : "Unreadable")),
    Either.map((entries) => entries.filter((entry) => isDirectory(directory, entry)).map(({ name }) => name)),
    Either.flatMap((names) => orNone(names.sort(byCodePoint)))
  )
}

/** The snapshot every command means: commits before other names, the newest first, ties by name (spec 01 §2.4). */
const latest = (directory: string, names: ReadonlyArray<string>): string | null => {
  const commits = names.filter((name) => COMMIT.test(name))
  const [first = null, ...others] = commits.length > 0 ? commits : names
  if (first === null || others.length === 0) return first
  const times = [first, ...others].map((name) => ({ name, time: modifiedAt(join(directory, name)) }))
  return times.reduce((best, next) => (next.time > best.time ? next : best)).name
}

/** Where the repo called `name` lies: at `snapshot`, which then is pinned, or at its latest one. */
export const locate = (hub: string, name: string, snapshot: string | null): ModelLocation => {
  const repo = repoDirectory(hub, name)
  const directory = snapshotsDirectory(repo)
  const selected =
    snapshot ??
    latest(
      directory,
      Either.getOrElse(snapshotNames(repo), () => [])
    )
  return {
    name,
    commit: selected !== null && COMMIT.test(selected) ? selected : null,
    repoDirectory: repo,
    snapshotDirectory: selected === null ? null : join(directory, selected),
    pinned: snapshot !== null
  }
}
