/** The way of a repo's files from the Hub into the cache: planned, resumable, verified, all or nothing for a snapshot. */
import { Context, type Effect, type Stream } from "effect"
import type { CacheIo, RepoRefused, TransferError } from "../domain/Errors.js"
import type { TransferEvent } from "../domain/Pull.js"
import type { RepoRevision } from "./Hub.js"

/** `missingBytes` is the file's size less what the cache holds of it already. */
export interface PlannedFile {
  readonly path: string
  readonly size: number
  readonly missingBytes: number
}

export interface TransferPlan {
  readonly files: ReadonlyArray<PlannedFile>
  /** Free bytes on the cache's volume. */
  readonly freeBytes: number
}

export interface TransferOptions {
  /** The branch or tag that shall lead to the snapshot; null for a commit. */
  readonly ref: string | null
  /** Hash what the cache already holds, and fetch again what is damaged. */
  readonly verify: boolean
  /** Most bytes per second over all connections; null for no limit. */
  readonly maxRate: number | null
}

/** A branch or tag of the cache and the commit it leads to. */
export interface CachedRef {
  readonly ref: string
  readonly commit: string
}

export class Transfer extends Context.Tag("mlxk/Transfer")<
  Transfer,
  {
    /** What `run` would fetch. Reads the cache, writes nothing, asks nobody. */
    readonly plan: (revision: RepoRevision) => Effect.Effect<TransferPlan, CacheIo | RepoRefused>
    /**
     * Cold: running it brings the files of `revision` into the cache; interrupting it leaves a state from which the next run
     * goes on. A file gets its name when its hash is right, the snapshot appears when all files are whole, the ref comes last.
     */
    readonly run: (revision: RepoRevision, options: TransferOptions) => Stream.Stream<TransferEvent, TransferError>
    /** The first bytes of a file, at most `limitBytes`; they are not kept. Null when the file can't be had. */
    readonly head: (revision: RepoRevision, path: string, limitBytes: number) => Effect.Effect<Uint8Array | null>
    /** Whether an earlier transfer of this repo stopped half-way. */
    readonly unfinished: (repo: string) => Effect.Effect<boolean>
    /** The refs of a cached repo, sorted; empty when there are none. */
    readonly refs: (repo: string) => Effect.Effect<ReadonlyArray<CachedRef>>
  }
>() {}
