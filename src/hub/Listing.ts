/** What the Hub says about a repo at a revision -> commit and files, trusting nothing. Pure. */
import { Either, Schema } from "effect"
import type { RepoFile } from "../services/Hub.js"
import { pathConflict, pathProblem } from "./Paths.js"

const size = Schema.Int.pipe(Schema.nonNegative())
const sha1 = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{40}$/))
const sha256 = Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/))

/** `/api/models/{repo}/revision/{revision}`; with `blobs=true` its `siblings` carry sizes and hashes. */
const Revision = Schema.Struct({ sha: sha1, siblings: Schema.optional(Schema.Array(Schema.Unknown)) })

const Sibling = Schema.Struct({
  rfilename: Schema.String,
  size,
  blobId: sha1,
  lfs: Schema.optional(Schema.NullOr(Schema.Struct({ sha256, size })))
})

/** `/api/models/{repo}/tree/{commit}?recursive=true`. */
const TreeEntry = Schema.Union(
  Schema.Struct({ type: Schema.Literal("directory"), path: Schema.String }),
  Schema.Struct({
    type: Schema.Literal("file"),
    path: Schema.String,
    size,
    oid: sha1,
    lfs: Schema.optional(Schema.NullOr(Schema.Struct({ oid: sha256, size })))
  })
)

const decodeRevision = Schema.decodeUnknownEither(Revision)
const decodeSiblings = Schema.decodeUnknownEither(Schema.Array(Sibling))
const decodeTree = Schema.decodeUnknownEither(Schema.Array(TreeEntry))

/** A list of this many files may be cut off; the tree is complete. */
export const LONG_LISTING = 50_000
/** No checkpoint comes near it. */
export const MAX_REPO_FILES = 1_000_000

type Checked<A> = Either.Either<A, string>

const isCommit = Schema.is(sha1)

/** The commit that the revision leads to; a commit leads to itself. Left: one clause, like all of them here. */
export const commitOf = (value: unknown, revision: string): Checked<string> =>
  decodeRevision(value).pipe(
    Either.mapBoth({ onLeft: () => "it names no commit", onRight: ({ sha }) => sha }),
    Either.filterOrLeft(
      (commit) => !isCommit(revision) || commit === revision,
      () => "it names another commit than was asked for"
    )
  )

/** The files of one answer; null when there are so many that the list may be cut off. */
export const siblingsOf = (value: unknown): Checked<ReadonlyArray<RepoFile> | null> =>
  decodeRevision(value).pipe(
    Either.flatMap(({ siblings }) =>
      siblings !== undefined && siblings.length >= LONG_LISTING
        ? Either.right(null)
        : Either.map(decodeSiblings(siblings), filesOfSiblings)
    ),
    Either.mapLeft(() => "it lists no files, or files without sizes or hashes")
  )

const filesOfSiblings = (siblings: ReadonlyArray<typeof Sibling.Type>): ReadonlyArray<RepoFile> =>
  siblings.map(({ blobId, lfs, rfilename, ...file }) => ({
    path: rfilename,
    size: lfs?.size ?? file.size,
    etag: lfs?.sha256 ?? blobId
  }))

/** The files of one page of the tree. */
export const treeFiles = (value: unknown): Checked<ReadonlyArray<RepoFile>> =>
  Either.mapBoth(decodeTree(value), {
    onLeft: () => "it lists files without sizes or hashes",
    onRight: (entries) =>
      entries.flatMap((entry) =>
        entry.type === "directory"
          ? []
          : [{ path: entry.path, size: entry.lfs?.size ?? entry.size, etag: entry.lfs?.oid ?? entry.oid }]
      )
  })

/** Why these files can't be laid down; null when they can. */
export const listingProblem = (files: ReadonlyArray<RepoFile>): string | null => {
  for (const { path } of files) {
    const problem = pathProblem(path)
    if (problem !== null) return `the file name ${JSON.stringify(path.slice(0, 200))} ${problem}`
  }
  return pathConflict(files.map(({ path }) => path))
}
