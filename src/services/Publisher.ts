/** The Hub's other direction: repos, branches and commits that are made from here. */
import { Context, type Effect } from "effect"
import type { HubError, UploadFailed } from "../domain/Errors.js"
import type { LocalFile, PushEvent } from "../domain/Push.js"

/** A file to upload, with its SHA-256 when it is known already. */
export interface Upload extends LocalFile {
  readonly sha256: string | null
}

export interface Publication {
  readonly repo: string
  readonly branch: string
  /** The directory of the files, absolute. */
  readonly root: string
  readonly files: ReadonlyArray<Upload>
  readonly message: string
  /** The commit that the files were compared with: somebody else's newer one is never overwritten. Null for an empty branch. */
  readonly parent: string | null
}

/** `commit` is null when the Hub made none, because nothing differs from what it has. */
export interface Published {
  readonly commit: string | null
  readonly url: string | null
  /** Paths that the commit added or changed; the Hub's own rules may leave some out. */
  readonly paths: ReadonlyArray<string>
}

export class Publisher extends Context.Tag("mlxk/Publisher")<
  Publisher,
  {
    /** Creates a private model repo; an existing one is fine. */
    readonly createRepo: (repo: string) => Effect.Effect<void, HubError>
    /** Creates a branch from the head of main; an existing one is fine. */
    readonly createBranch: (repo: string, branch: string) => Effect.Effect<void, HubError>
    /**
     * Sends what the Hub lacks, then makes one commit of everything. Nothing is visible before; content that was stored stays, so
     * a repetition sends only the rest. Interrupting it ends every connection.
     */
    readonly publish: (
      publication: Publication,
      emit: (event: PushEvent) => void
    ) => Effect.Effect<Published, HubError | UploadFailed>
  }
>() {}
