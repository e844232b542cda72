/** The Hugging Face Hub: the remote side of the cache. The bytes of files are the business of `Transfer`. */
import { Context, type Effect } from "effect"
import type { HubError } from "../domain/Errors.js"

/**
 * A file of a repo at one commit. `path` is relative, with `/`, and stays inside its directory on every system; `size` is in
 * bytes. `etag` is the SHA-256 of the content for LFS files, else its git blob SHA-1: lower case hex, the name of the blob.
 */
export interface RepoFile {
  readonly path: string
  readonly size: number
  readonly etag: string
}

/** A repo's state at a revision (branch, tag or commit) as the Hub reports it. `commit` has 40 hex digits. */
export interface RepoRevision {
  readonly repo: string
  readonly commit: string
  readonly files: ReadonlyArray<RepoFile>
}

export class Hub extends Context.Tag("mlxk/Hub")<
  Hub,
  {
    /**
     * Resolves a revision to its commit and lists its files (spec 01 §8.2). Fails before any byte of a file for gated,
     * private and missing repos, for a wrong token, and for a listing that can't be trusted (`RepoRefused`).
     */
    readonly revision: (repo: string, revision: string) => Effect.Effect<RepoRevision, HubError>
    /** The commit a revision leads to now, without its files: for `outdated`. */
    readonly commit: (repo: string, revision: string) => Effect.Effect<string, HubError>
  }
>() {}
