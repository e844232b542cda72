/** The end of a pull: links from the snapshot to its blobs, and at last the ref. As Python's library lays them down. */
import {
  copyFileSync,
  existsSync,
  constants as fsConstants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlink,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { Effect, Either } from "effect"
import { STAGED } from "../../cache/Layout.js"
import { byCodePoint } from "../../domain/CachedModel.js"
import type { RepoFile, RepoRevision } from "../../services/Hub.js"
import type { CachedRef } from "../../services/Transfer.js"

const COMMIT = /^[0-9a-f]{40}$/

const attempt = <A>(operation: () => A): A | null => Either.getOrNull(Either.try(operation))

export interface RepoPlaces {
  readonly repo: string
  readonly blobs: string
  readonly snapshot: string
  /** Where the repo's locks are, ours and those of Python's library. */
  readonly locks: string
}

/** Lies in a repo from before its first byte until its ref is written: what is here is known to be unfinished. */
const MARK = ".mlxk-pull"

/** The repo itself may be a link; a directory inside it that leads out of it is refused. */
export const begin = (places: RepoPlaces) => {
  const { blobs, repo, snapshot } = places
  mkdirSync(blobs, { recursive: true })
  for (const directory of [blobs, dirname(snapshot), snapshot, join(repo, "refs")]) {
    if (existsSync(directory)) stayInside(repo, directory)
  }
  writeAnew(join(repo, MARK), "")
}

export const end = ({ repo }: RepoPlaces) => rmSync(join(repo, MARK), { force: true })

export const hasBegun = ({ repo }: RepoPlaces): boolean => existsSync(join(repo, MARK))

/** Throws when the directory leads out of `root`: somebody else may have put a link there. */
const stayInside = (root: string, directory: string) => {
  const [outer, inner] = [realpathSync(root), realpathSync(directory)]
  if (inner !== outer && !inner.startsWith(outer + sep)) {
    throw Object.assign(new Error(), { code: `${directory} leads out of it` })
  }
}

const makeInside = (root: string, directory: string) => {
  mkdirSync(directory, { recursive: true })
  stayInside(root, directory)
}

/** A file of ours, never through a link that stands in its place. */
const writeAnew = (path: string, text: string) => {
  rmSync(path, { force: true })
  writeFileSync(path, text, { flag: "wx" })
}

/** The link's text: relative, so that a cache can be moved; out of the snapshot and of `snapshots`. */
const targetOf = ({ etag, path }: RepoFile): string =>
  [...path.split("/").map(() => ".."), "..", "blobs", etag].join(sep)

/** A link to the blob, or a copy on volumes that know no links. Nothing stands at the path. */
const linkOrCopy = (places: RepoPlaces, file: RepoFile, path: string) => {
  if (attempt(() => symlinkSync(targetOf(file), path) ?? true) !== null) return
  // Never through a link that leads to the blob itself.
  copyFileSync(join(places.blobs, file.etag), path, fsConstants.COPYFILE_FICLONE | fsConstants.COPYFILE_EXCL)
}

/** Puts a file in its place in a snapshot that others may read: in one step. */
const place = (places: RepoPlaces, file: RepoFile) => {
  const { snapshot } = places
  const path = join(snapshot, file.path)
  if (attempt(() => readlinkSync(path)) === targetOf(file)) return
  makeInside(snapshot, dirname(path))
  const fresh = `${path}.mlxk-${process.pid}`
  rmSync(fresh, { force: true })
  linkOrCopy(places, file, fresh)
  renameSync(fresh, path)
}

/** True when the snapshot itself holds the file, as on volumes that know no links. */
export const isCopied = ({ snapshot }: RepoPlaces, file: RepoFile): boolean => {
  const stats = attempt(() => lstatSync(join(snapshot, file.path), { throwIfNoEntry: false }))
  return stats?.isFile() === true && stats.size === file.size
}

/** True when the blob is there in its full size. */
export const hasBlob = ({ blobs }: RepoPlaces, file: RepoFile): boolean => {
  const stats = attempt(() => statSync(join(blobs, file.etag), { throwIfNoEntry: false }))
  return stats?.isFile() === true && stats.size === file.size
}

/** Node's threads get the next ones once in a turn of the event loop, which is long while bytes come. */
const LINKS_AT_ONCE = 64

/** A snapshot on its way, which appears in one step with all its links. */
export interface NewSnapshot {
  /**
   * Makes the links, on Node's threads: beside the bytes, and before their blobs are there. It may be interrupted, and ends
   * early where links can't be made.
   */
  readonly links: Effect.Effect<void>
  /** Does the rest, when all blobs are there. */
  readonly finish: () => void
}

/** Begins to lay a snapshot; null when it exists. */
export const beginSnapshot = (places: RepoPlaces, { files }: RepoRevision): NewSnapshot | null => {
  if (existsSync(places.snapshot)) return null
  const staged = join(places.repo, STAGED)
  rmSync(staged, { recursive: true, force: true })
  for (const directory of new Set([".", ...files.map(({ path }) => dirname(path))])) {
    mkdirSync(join(staged, directory), { recursive: true })
  }
  const laid = new Set<RepoFile>()
  const link = (file: RepoFile) =>
    Effect.async<void, NodeJS.ErrnoException>((resume) =>
      symlink(targetOf(file), join(staged, file.path), (error) => {
        if (error === null) laid.add(file)
        resume(error === null ? Effect.void : Effect.fail(error))
      })
    ).pipe(Effect.uninterruptible)
  return {
    links: Effect.ignore(Effect.forEach(files, link, { concurrency: LINKS_AT_ONCE, discard: true })),
    finish: () => {
      for (const file of files) if (!laid.has(file)) linkOrCopy(places, file, join(staged, file.path))
      mkdirSync(dirname(places.snapshot), { recursive: true })
      renameSync(staged, places.snapshot)
    }
  }
}

/** Gives a snapshot that exists what it lacks, and whole what is damaged. */
export const mendSnapshot = (places: RepoPlaces, { files }: RepoRevision, damaged: ReadonlySet<string>) => {
  for (const file of files) {
    if (damaged.has(file.etag) || !isCopied(places, file)) place(places, file)
  }
}

/** Lets a branch or tag lead to the commit. */
export const writeRef = ({ repo }: RepoPlaces, ref: string, commit: string) => {
  const path = join(repo, "refs", ...ref.split("/"))
  makeInside(repo, dirname(path))
  const fresh = `${path}.mlxk-${process.pid}`
  writeAnew(fresh, commit)
  renameSync(fresh, path)
}

/** The refs of a repo, sorted; what is no commit isn't one. */
export const readRefs = (repo: string): ReadonlyArray<CachedRef> => {
  const root = join(repo, "refs")
  const entries = attempt(() => readdirSync(root, { recursive: true, withFileTypes: true })) ?? []
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .flatMap((ref) => {
      const commit = attempt(() => readFileSync(join(root, ref), "latin1").trim())
      return commit !== null && COMMIT.test(commit) ? [{ ref, commit }] : []
    })
    .sort((left, right) => byCodePoint(left.ref, right.ref))
}
