/** The Hugging Face Hub: the remote side of the cache. */
import { Context, type Effect } from "effect"
import type { HubError } from "../domain/Errors.js"

/** A file of a repo at one commit. `etag` is its SHA-256 for LFS files, else its git blob SHA-1. */
export interface RepoFile {
  readonly path: string
  readonly size: number
  readonly etag: string
}

/** A repo's state at a revision (branch, tag or commit) as the Hub reports it. */
export interface RepoRevision {
  readonly repo: string
  readonly commit: string
  readonly files: ReadonlyArray<RepoFile>
}

export class Hub extends Context.Tag("mlxk/Hub")<
  Hub,
  {
    /** Resolves a revision to its commit and lists its files. One metadata request, no download (spec 01 §8.2). */
    readonly revision: (repo: string, revision: string) => Effect.Effect<RepoRevision, HubError>
  }
>() {}
