/** Directories of the user's own: what a push uploads and a clone makes. */
import { Context, type Effect } from "effect"
import type { AmbiguousWorkspace, IgnoreFileTooLarge, WorkspaceNotFound } from "../domain/Errors.js"
import type { LocalFile } from "../domain/Push.js"
import type { WorkspaceFacts } from "../domain/WorkspaceHealth.js"

/** How the Hub names content: LFS files by SHA-256, the others by git's blob SHA-1. Lower case hex. */
export type HashKind = "sha256" | "git-sha1"

export class Workspaces extends Context.Tag("mlxk/Workspaces")<
  Workspaces,
  {
    /**
     * The absolute directory that is meant. An explicit path (`/`, `./`, `../`) that is none may be the beginning of exactly one
     * workspace's (spec 01 §10.1).
     */
    readonly find: (path: string) => Effect.Effect<string, WorkspaceNotFound | AmbiguousWorkspace>
    /** All files below a directory, sorted by path. Links to files count as what they lead to; links to directories don't. */
    readonly files: (root: string) => Effect.Effect<ReadonlyArray<LocalFile>, WorkspaceNotFound>
    /** The text of the `.hfignore` at the root; null when there is none to read. */
    readonly hfignore: (root: string) => Effect.Effect<string | null, IgnoreFileTooLarge>
    /** What the check before an upload looks at. */
    readonly inspect: (root: string, files: ReadonlyArray<LocalFile>) => Effect.Effect<WorkspaceFacts>
    /** The hash of a file's content, read in pieces; null when it can't be read to its end or isn't the file it was. */
    readonly hash: (root: string, file: LocalFile, kind: HashKind) => Effect.Effect<string | null>
  }
>() {}
