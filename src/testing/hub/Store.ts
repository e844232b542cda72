/** What a fake Hub holds: repos, branches, commits, LFS objects. In memory; large objects are files or only counted. */
import { createHash, randomUUID } from "node:crypto"

/** Where an object's bytes are: here, in a file, this block over and over, or nowhere (a bench that only counts). */
export type Content = Buffer | { readonly file: string } | { readonly block: Buffer } | null

/** A file at one commit. `etag` is the SHA-256 for LFS files, else the git blob SHA-1. */
export interface StoredFile {
  readonly path: string
  readonly size: number
  readonly etag: string
  /** The git object's id: for LFS files that of the pointer. */
  readonly blobId: string
  readonly lfs: boolean
  readonly content: Content
}

export type Tree = ReadonlyMap<string, StoredFile>

/** One repo; `branches` lead to commits. */
export interface StoredRepo {
  readonly name: string
  readonly private: boolean
  readonly branches: Map<string, string>
  readonly commits: Map<string, Tree>
}

/** One change of a commit: content of its own, an LFS object by its hash, or a deletion. */
export type Change =
  | { readonly path: string; readonly content: Buffer }
  | { readonly path: string; readonly oid: string; readonly size: number }
  | { readonly path: string; readonly deleted: true }

const sha1 = (bytes: string | Buffer) => createHash("sha1").update(bytes).digest("hex")
const gitBlob = (content: Buffer): string =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex")

const pointer = (oid: string, size: number): Buffer =>
  Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`)

export interface Store {
  readonly repos: Map<string, StoredRepo>
  readonly objects: Map<string, { readonly size: number; readonly content: Content }>
}

export const makeStore = (): Store => ({ repos: new Map(), objects: new Map() })

/** Creates a repo as the Hub does: with a first commit of `.gitattributes` on main. */
export const addRepo = (store: Store, name: string, options: { readonly private?: boolean } = {}): StoredRepo => {
  const repo: StoredRepo = { name, private: options.private ?? false, branches: new Map(), commits: new Map() }
  store.repos.set(name, repo)
  const attributes = Buffer.from("*.safetensors filter=lfs diff=lfs merge=lfs -text\n")
  addCommit(store, repo, "main", [{ path: ".gitattributes", content: attributes }])
  return repo
}

const stored = (store: Store, change: Exclude<Change, { readonly deleted: true }>): StoredFile => {
  const { path } = change
  if ("oid" in change) {
    const content = store.objects.get(change.oid)?.content ?? null
    const blobId = gitBlob(pointer(change.oid, change.size))
    return { path, size: change.size, etag: change.oid, blobId, lfs: true, content }
  }
  const blobId = gitBlob(change.content)
  return { path, size: change.content.length, etag: blobId, blobId, lfs: false, content: change.content }
}

/** Adds a commit to a branch, which it makes when it is missing. Answers the commit's hash. */
export const addCommit = (store: Store, repo: StoredRepo, branch: string, changes: ReadonlyArray<Change>): string => {
  const parent = repo.branches.get(branch)
  const tree = new Map(parent === undefined ? [] : repo.commits.get(parent))
  for (const change of changes) {
    if ("deleted" in change) tree.delete(change.path)
    else tree.set(change.path, stored(store, change))
  }
  const commit = sha1(randomUUID())
  repo.commits.set(commit, tree)
  repo.branches.set(branch, commit)
  return commit
}

/** The tree a branch or a commit leads to; null when the repo has neither. */
export const treeAt = (repo: StoredRepo, revision: string): { readonly commit: string; readonly tree: Tree } | null => {
  const commit = repo.branches.get(revision) ?? revision
  const tree = repo.commits.get(commit)
  return tree === undefined ? null : { commit, tree }
}
