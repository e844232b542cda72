/** `push`: a directory becomes one commit on a branch of the Hub (spec 01 §10). */
import { Effect, type Stream } from "effect"
import {
  BranchCreateFailed,
  type HubError,
  type PushError,
  PushTargetMissing,
  TokenMissing,
  UploadFailed
} from "../domain/Errors.js"
import { errorMessage } from "../domain/ErrorTable.js"
import { ignored } from "../domain/Ignore.js"
import { type Comparison, comparison, type LocalFile, type PushData, type PushEvent } from "../domain/Push.js"
import { publicAddress } from "../domain/Redact.js"
import { workspaceHealth } from "../domain/WorkspaceHealth.js"
import { Hub, type RepoRevision } from "../services/Hub.js"
import { Publisher, type Upload } from "../services/Publisher.js"
import { Settings } from "../services/Settings.js"
import { Workspaces } from "../services/Workspaces.js"
import { type Emit, eventsOf } from "./Events.js"

export interface PushOptions {
  readonly directory: string
  /** `org/name`. The Hub judges it. */
  readonly repo: string
  readonly branch: string
  /** The commit's first line. */
  readonly message: string
  /** Create a missing repo, private, and a missing branch. */
  readonly create: boolean
  /** `check` looks at the directory alone: no token, no request. `plan` compares and sends nothing. */
  readonly mode: "check" | "plan" | "upload"
}

type Services = Workspaces | Hub | Publisher | Settings

const DISCLAIMER = "Experimental: files are uploaded as they are; look at the result on the Hub."
/** As many paths as a dry run names of each kind. */
const NAMED_PATHS = 20

/** What every answer says, before anything has happened (spec 01 §10.6). */
export const pushBase = (options: Pick<PushOptions, "repo" | "branch">, endpoint: string): PushData => ({
  repo_id: options.repo,
  branch: options.branch,
  commit_sha: null,
  commit_url: null,
  repo_url: `${publicAddress(endpoint)}/${options.repo}`,
  uploaded_files_count: null,
  local_files_count: null,
  no_changes: null,
  created_repo: false,
  message: null,
  experimental: true,
  disclaimer: DISCLAIMER
})

/** The branch as the Hub has it. */
type Remote =
  | { readonly _tag: "NoRepo" }
  | { readonly _tag: "NoBranch" }
  | { readonly _tag: "Branch"; readonly revision: RepoRevision }

const remoteState = ({ branch, repo }: PushOptions): Effect.Effect<Remote, HubError, Hub> =>
  Effect.flatMap(Hub, (hub) => hub.revision(repo, branch)).pipe(
    Effect.map((revision): Remote => ({ _tag: "Branch", revision })),
    Effect.catchTags({
      RepoNotFound: () => Effect.succeed<Remote>({ _tag: "NoRepo" }),
      RevisionNotFound: () => Effect.succeed<Remote>({ _tag: "NoBranch" })
    })
  )

/** The hashes found on the way, by path: the upload needs them again. */
interface Compared {
  readonly changes: Comparison
  readonly sha256: ReadonlyMap<string, string>
}

/** Only files of the same size are read: others differ anyway. */
const compared = (root: string, local: ReadonlyArray<LocalFile>, remote: Remote, emit: Emit<PushEvent>) =>
  Effect.gen(function* () {
    const workspaces = yield* Workspaces
    const there = remote._tag === "Branch" ? remote.revision.files : []
    const byPath = new Map(there.map((file) => [file.path, file]))
    const equal = new Map<string, boolean>()
    const sha256 = new Map<string, string>()
    for (const file of local) {
      const other = byPath.get(file.path)
      if (other === undefined) continue
      equal.set(file.path, false)
      if (other.size !== file.size) continue
      const kind = other.etag.length === 64 ? "sha256" : "git-sha1"
      emit({ _tag: "Hashing", path: file.path, size: file.size })
      const hash = yield* workspaces.hash(root, file, kind)
      if (hash !== null && kind === "sha256") sha256.set(file.path, hash)
      equal.set(file.path, hash === other.etag)
    }
    return { changes: comparison(local, [...byPath.keys()], equal), sha256 } satisfies Compared
  })

const counts = ({ added, changed, remoteOnly }: Comparison) => ({
  added: added.length,
  modified: changed.length,
  deleted: remoteOnly.length
})

const named = (files: ReadonlyArray<LocalFile>) => files.slice(0, NAMED_PATHS).map(({ path }) => path)

/** spec 01 §10.3, with a real comparison: what changed is known, not guessed. */
const planData = (base: PushData, remote: Remote, { changes }: Compared): PushData => {
  const summary = counts(changes)
  const same = summary.added + summary.modified + summary.deleted === 0
  const kept = summary.deleted === 0 ? "" : " (files that only the Hub has are kept)"
  const existing = remote._tag === "Branch"
  return {
    ...base,
    dry_run: true,
    no_changes: same,
    uploaded_files_count: 0,
    change_summary: summary,
    dry_run_summary: summary,
    message: same
      ? "Dry-run: no changes"
      : `Dry-run: +${summary.added} ~${summary.modified} -${summary.deleted}${kept}`,
    would_create_repo: remote._tag === "NoRepo",
    would_create_branch: !existing,
    ...(existing
      ? {
          added_files: named(changes.added),
          modified_files: named(changes.changed),
          deleted_files: changes.remoteOnly.slice(0, NAMED_PATHS)
        }
      : {})
  }
}

/** One clause about what the Hub did not do. */
const clauseOf =
  (branch: string) =>
  (error: HubError | UploadFailed): string => {
    switch (error._tag) {
      case "HubUnavailable":
      case "HubUnusable":
        return `${error.operation}: ${error.problem}`
      case "RevisionNotFound":
        return `branch '${branch}' does not exist; create it with --create`
      case "HubAccessDenied":
      case "RepoRefused":
      case "UploadFailed":
        return error.problem
      default:
        return errorMessage(error)
    }
  }

/** Makes the repo and the branch when they are missing and may be made. Answers whether the repo is new. */
const prepared = ({ branch, create, repo }: PushOptions, remote: Remote, emit: Emit<PushEvent>) =>
  Effect.gen(function* () {
    const publisher = yield* Publisher
    const branchFailed = (error: HubError) => new BranchCreateFailed({ repo, branch, problem: clauseOf(branch)(error) })
    if (remote._tag === "NoRepo") {
      if (!create) return yield* new PushTargetMissing({ repo })
      yield* publisher.createRepo(repo)
      emit({ _tag: "RepoCreated" })
      if (branch !== "main") yield* Effect.mapError(publisher.createBranch(repo, branch), branchFailed)
    }
    // Ignored when it fails: the upload finds out, and tries once more (spec 01 §10.1).
    if (remote._tag === "NoBranch" && create) yield* Effect.ignore(publisher.createBranch(repo, branch))
  })

const published = (
  options: PushOptions,
  remote: Remote,
  root: string,
  files: ReadonlyArray<Upload>,
  emit: Emit<PushEvent>
) =>
  Effect.gen(function* () {
    const { branch, create, repo } = options
    const publisher = yield* Publisher
    const parent = remote._tag === "Branch" ? remote.revision.commit : null
    const publish = publisher.publish({ repo, branch, root, files, message: options.message, parent }, emit)
    const branchAndAgain = publisher.createBranch(repo, branch).pipe(
      Effect.mapError((error) => new BranchCreateFailed({ repo, branch, problem: clauseOf(branch)(error) })),
      Effect.zipRight(publish)
    )
    return yield* publish.pipe(
      Effect.catchTag("RevisionNotFound", (error) => (create ? branchAndAgain : Effect.fail(error))),
      Effect.mapError((error) =>
        error._tag === "BranchCreateFailed" ? error : new UploadFailed({ repo, problem: clauseOf(branch)(error) })
      )
    )
  })

/** What the answer to an upload says (spec 01 §10.5). */
const uploadData = (
  base: PushData,
  { added, changed }: Comparison,
  result: { readonly commit: string | null; readonly url: string | null; readonly paths: ReadonlyArray<string> }
): PushData => {
  const done = new Set(result.commit === null ? [] : result.paths)
  const summary = {
    added: added.filter(({ path }) => done.has(path)).length,
    modified: changed.filter(({ path }) => done.has(path)).length,
    deleted: 0
  }
  const files = summary.added + summary.modified
  return {
    ...base,
    commit_sha: result.commit,
    commit_url: result.url,
    uploaded_files_count: files,
    no_changes: result.commit === null,
    change_summary: summary,
    message:
      result.commit === null
        ? "No files have been modified since the last commit; nothing was uploaded"
        : `Pushed ${files === 1 ? "1 file" : `${files} files`} (+${summary.added} ~${summary.modified} -0)`
  }
}

/** The directory as it was typed, unless that was only the beginning of its name. */
const asTyped = (typed: string, root: string): string => {
  const plain = typed.replace(/^(\.\/+)+/, "").replace(/\/+$/, "")
  return root.endsWith(`/${plain.slice(plain.lastIndexOf("/") + 1)}`) ? plain : root
}

const NOTHING = { commit: null, url: null, paths: [] }

const work = (options: PushOptions, emit: Emit<PushEvent>): Effect.Effect<PushData, PushError, Services> =>
  Effect.gen(function* () {
    const { hub, pushToken } = yield* Settings
    const workspaces = yield* Workspaces
    if (options.mode !== "check" && pushToken === null) return yield* new TokenMissing()
    const root = yield* workspaces.find(options.directory)
    const all = yield* workspaces.files(root)
    emit({ _tag: "Counted", files: all.length })
    const base = { ...pushBase(options, hub.endpoint), local_files_count: all.length }
    if (options.mode === "check") {
      const facts = yield* workspaces.inspect(root, all)
      return {
        ...base,
        message: "Check-only: no upload performed.",
        workspace_health: workspaceHealth({ ...facts, root: asTyped(options.directory, root) })
      }
    }
    const leftOut = ignored(yield* workspaces.hfignore(root))
    const local = all.filter(({ path }) => !leftOut(path))
    const remote = yield* remoteState(options)
    if (options.mode === "plan") return planData(base, remote, yield* compared(root, local, remote, emit))
    yield* prepared(options, remote, emit)
    const { changes, sha256 } = yield* compared(root, local, remote, emit)
    const files = [...changes.added, ...changes.changed].map((file) => ({
      ...file,
      sha256: sha256.get(file.path) ?? null
    }))
    const created = { ...base, created_repo: remote._tag === "NoRepo" }
    if (files.length === 0) return uploadData(created, changes, NOTHING)
    return uploadData(created, changes, yield* published(options, remote, root, files, emit))
  })

/**
 * Cold: running it pushes, interrupting it ends every connection; a later push sends only what the Hub lacks. The last event is
 * `Finished`. Nothing is deleted on the Hub, and without a difference there is no commit.
 */
export const push = (options: PushOptions): Stream.Stream<PushEvent, PushError, Services> =>
  eventsOf((emit) => Effect.map(work(options, emit), (data) => emit({ _tag: "Finished", data })))
