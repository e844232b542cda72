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
  symlinkSync,
  writeFileSync
} from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { Either } from "effect"
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

/** The link's text: relative, so that a cache can be moved. */
const targetOf = ({ blobs, snapshot }: RepoPlaces, file: RepoFile): string =>
  relative(dirname(join(snapshot, file.path)), join(blobs, file.etag))

/** A link to the blob, or a copy on volumes that know no links. Nothing stands at the path. */
const linkOrCopy = (places: RepoPlaces, file: RepoFile, path: string) => {
  if (attempt(() => symlinkSync(targetOf(places, file), path) ?? true) !== null) return
  copyFileSync(join(places.blobs, file.etag), path, fsConstants.COPYFILE_FICLONE)
}

/** Puts a file in its place in a snapshot that others may read: in one step. */
const place = (places: RepoPlaces, file: RepoFile) => {
  const { snapshot } = places
  const path = join(snapshot, file.path)
  if (attempt(() => readlinkSync(path)) === targetOf(places, file)) return
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

/** A new snapshot appears in one step, with all its links; one that exists gets what it lacks, and whole what is damaged. */
export const laySnapshot = (places: RepoPlaces, { commit, files }: RepoRevision, damaged: ReadonlySet<string>) => {
  const linked = files.filter((file) => damaged.has(file.etag) || !isCopied(places, file))
  if (existsSync(places.snapshot)) {
    for (const file of linked) place(places, file)
    return
  }
  const staged = join(places.repo, `.mlxk-${commit}`)
  rmSync(staged, { recursive: true, force: true })
  for (const directory of new Set(["", ...linked.map(({ path }) => dirname(path))])) {
    mkdirSync(join(staged, directory), { recursive: true })
  }
  for (const file of linked) linkOrCopy(places, file, join(staged, file.path))
  mkdirSync(dirname(places.snapshot), { recursive: true })
  renameSync(staged, places.snapshot)
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
