/**
 * What every failure means outside: the one place that maps errors. The edges render with it, docs/errors.md is generated
 * from it. A tag without a row does not compile.
 */
import type { KnifeError } from "./Errors.js"

export interface ErrorRow {
  /** `error.type` of the JSON envelopes (spec 01 §13.5–13.6). */
  readonly type: string
  /** HTTP status (spec 02 §2.3). */
  readonly status: number
  /** `error.code` in OpenAI's vocabulary (spec 03 §13.2), null where it has none. */
  readonly code: string | null
  /** The request's field that is to blame, null when none is. An error with a `param` of its own names it itself. */
  readonly param: "model" | "messages" | "tools" | null
  /** Exit code of the command line (spec 01 §1.6). */
  readonly exit: number
  /** Whether the very same request may succeed later. */
  readonly retryable: boolean
  /** What to do, one clause; in docs/errors.md and in `error.hint`. */
  readonly hint: string
}

/** When nothing below applies: a bug. The cause goes to the log, never to a user. */
export const INTERNAL: ErrorRow = {
  type: "internal_error",
  status: 500,
  code: "internal_error",
  param: null,
  exit: 1,
  retryable: false,
  hint: "This is a bug: run again with MLXK2_DEBUG=1 and report the log."
}

const table: { readonly [Tag in KnifeError["_tag"]]: ErrorRow } = {
  UsageError: {
    type: "CommandError",
    status: 400,
    code: "invalid_value",
    param: null,
    exit: 2,
    retryable: false,
    hint: "See 'mlxk <command> --help'."
  },
  CommandRefused: {
    type: "CommandError",
    status: 400,
    code: "invalid_value",
    param: null,
    exit: 1,
    retryable: false,
    hint: "See 'mlxk --help'."
  },
  InvalidRequest: {
    type: "validation_error",
    status: 400,
    code: "invalid_value",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Correct the named field."
  },
  ConstraintUnsupported: {
    type: "validation_error",
    status: 400,
    code: "unsupported_schema",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Leave the named keyword out; docs/constrained-output.md says what is supported."
  },
  UnsupportedParameter: {
    type: "validation_error",
    status: 400,
    code: "unsupported_parameter",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Leave the named field out."
  },
  ModelNotFound: {
    type: "model_not_found",
    status: 404,
    code: "model_not_found",
    param: "model",
    exit: 1,
    retryable: false,
    hint: "'mlxk list --all' shows what is cached."
  },
  AmbiguousModel: {
    type: "ambiguous_match",
    status: 400,
    code: "ambiguous_model",
    param: "model",
    exit: 1,
    retryable: false,
    hint: "Give the full name, or name@hash."
  },
  CacheIo: {
    type: "internal_error",
    status: 500,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Check the path and its permissions."
  },
  CacheMissing: {
    type: "cache_not_found",
    status: 404,
    code: null,
    param: null,
    exit: 1,
    retryable: false,
    hint: "Check HF_HOME and HF_HUB_CACHE."
  },
  NothingToRemove: {
    type: "model_not_found",
    status: 404,
    code: "model_not_found",
    param: "model",
    exit: 1,
    retryable: false,
    hint: "'mlxk list --all' shows what is cached."
  },
  LocksPresent: {
    type: "locks_present",
    status: 409,
    code: null,
    param: "model",
    exit: 1,
    retryable: true,
    hint: "Wait for the download, or use --force."
  },
  ModelInUse: {
    type: "model_in_use",
    status: 409,
    code: null,
    param: "model",
    exit: 1,
    retryable: true,
    hint: "Stop the program that runs it, or use --force."
  },
  DeletionDenied: {
    type: "permission_denied",
    status: 403,
    code: null,
    param: "model",
    exit: 1,
    retryable: false,
    hint: "Change the permissions, then run it again."
  },
  DeletionFailed: {
    type: "deletion_failed",
    status: 500,
    code: null,
    param: "model",
    exit: 1,
    retryable: false,
    hint: "Solve what the message names, then run it again."
  },
  ModelIncompatible: {
    type: "not_implemented",
    status: 501,
    code: "not_implemented",
    param: "model",
    exit: 1,
    retryable: false,
    hint: "Choose a model that 'mlxk list' shows."
  },
  CheckpointInvalid: {
    type: "internal_error",
    status: 500,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: false,
    hint: "'mlxk health --verify' checks the files; 'mlxk pull' downloads the model again."
  },
  TemplateRefused: {
    type: "validation_error",
    status: 400,
    code: "invalid_value",
    param: "messages",
    exit: 1,
    retryable: false,
    hint: "Change the order or the roles of the messages."
  },
  ToolsNotSupported: {
    type: "validation_error",
    status: 400,
    code: "tools_not_supported",
    param: "tools",
    exit: 1,
    retryable: false,
    hint: "Leave tools out, or use a model whose chat template knows them."
  },
  ContextLengthExceeded: {
    type: "validation_error",
    status: 400,
    code: "context_length_exceeded",
    param: "messages",
    exit: 1,
    retryable: false,
    hint: "Shorten the prompt."
  },
  EngineUnavailable: {
    type: "not_implemented",
    status: 501,
    code: "not_implemented",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Install what the message names."
  },
  EngineCrashed: {
    type: "internal_error",
    status: 500,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Try again; the next request starts a fresh engine."
  },
  RepoNotFound: {
    type: "repo_not_found",
    status: 404,
    code: "model_not_found",
    param: "model",
    exit: 1,
    retryable: false,
    hint: "Check the name and the revision."
  },
  RevisionNotFound: {
    type: "repo_not_found",
    status: 404,
    code: "model_not_found",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Check the branch, tag or commit."
  },
  HubAccessDenied: {
    type: "access_denied",
    status: 403,
    code: "access_denied",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Accept the terms on the Hub and set HF_TOKEN."
  },
  HubUnavailable: {
    type: "download_failed",
    status: 503,
    code: "download_failed",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Check the network, then try again."
  },
  HubUnusable: {
    type: "download_failed",
    status: 503,
    code: "download_failed",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Correct what the message names."
  },
  HubOffline: {
    type: "download_failed",
    status: 503,
    code: "download_failed",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Leave --offline out and unset HF_HUB_OFFLINE."
  },
  RepoRefused: {
    type: "download_failed",
    status: 502,
    code: "download_failed",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Tell the repo's owner."
  },
  DownloadFailed: {
    type: "download_failed",
    status: 503,
    code: "download_failed",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Pull again: it goes on where it stopped."
  },
  DiskFull: {
    type: "download_failed",
    status: 507,
    code: "download_failed",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Make room, then pull again: it goes on where it stopped."
  },
  InvalidModelName: {
    type: "ValidationError",
    status: 400,
    code: "invalid_value",
    param: "model",
    exit: 1,
    retryable: false,
    hint: "Give the name as <organisation>/<name>."
  },
  ModelCorrupted: {
    type: "model_corrupted",
    status: 409,
    code: "model_corrupted",
    param: "model",
    exit: 1,
    retryable: false,
    hint: "'mlxk pull --force-resume' completes it."
  },
  TokenMissing: {
    type: "auth_error",
    status: 401,
    code: "invalid_api_key",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Set HF_TOKEN to a token with write access."
  },
  WorkspaceNotFound: {
    type: "workspace_not_found",
    status: 404,
    code: "invalid_value",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Give the directory that holds config.json."
  },
  AmbiguousWorkspace: {
    type: "ambiguous_workspace",
    status: 400,
    code: "invalid_value",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Give the whole path."
  },
  IgnoreFileTooLarge: {
    type: "validation_error",
    status: 400,
    code: "invalid_value",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Shorten the .hfignore."
  },
  PushTargetMissing: {
    type: "repo_not_found",
    status: 404,
    code: "model_not_found",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Check the name, or add --create."
  },
  BranchCreateFailed: {
    type: "branch_create_failed",
    status: 502,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Check that the token may create branches, then push again."
  },
  UploadFailed: {
    type: "upload_failed",
    status: 502,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Push again: only what is missing is sent."
  },
  CloneTargetInvalid: {
    type: "InvalidTargetError",
    status: 400,
    code: "invalid_value",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Choose another target directory."
  },
  ClonePullFailed: {
    type: "PullFailedError",
    status: 503,
    code: "download_failed",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Clone again: it goes on where it stopped."
  },
  CloneCancelled: {
    type: "UserCancelledError",
    status: 499,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Run the same command again: it goes on where it stopped."
  },
  CloneFailed: {
    type: "CloneFailedError",
    status: 500,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Check the target's volume, then clone again."
  },
  RouteNotFound: {
    type: "not_found",
    status: 404,
    code: null,
    param: null,
    exit: 1,
    retryable: false,
    hint: "The base URL ends in /v1."
  },
  MethodNotAllowed: {
    type: "method_not_allowed",
    status: 405,
    code: null,
    param: null,
    exit: 1,
    retryable: false,
    hint: "Use a method of the Allow header."
  },
  HostRefused: {
    type: "access_denied",
    status: 403,
    code: "access_denied",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Use localhost or the bound address."
  },
  RequestTooLarge: {
    type: "validation_error",
    status: 413,
    code: "request_too_large",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Send less."
  },
  ServerOverloaded: {
    type: "server_overloaded",
    status: 503,
    code: "server_overloaded",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Wait a moment and try again."
  },
  ServerShutdown: {
    type: "server_shutdown",
    status: 503,
    code: "server_shutdown",
    param: null,
    exit: 1,
    retryable: true,
    hint: "Try again when the server is back."
  },
  OutputFailed: {
    type: "internal_error",
    status: 500,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Make room on the disk, or write elsewhere."
  },
  BindFailed: {
    type: "internal_error",
    status: 500,
    code: "internal_error",
    param: null,
    exit: 1,
    retryable: false,
    hint: "Choose another address with --host and --port."
  }
}

/** Tag and row of every expected failure, for the generated document. */
export const errorRows: ReadonlyArray<readonly [tag: string, row: ErrorRow]> = Object.entries(table)

/** True for a failure of this program's own vocabulary. */
export const isKnifeError = (error: unknown): error is KnifeError =>
  typeof error === "object" &&
  error !== null &&
  "_tag" in error &&
  typeof error._tag === "string" &&
  Object.hasOwn(table, error._tag)

/** The row of a failure; anything unknown is `INTERNAL`. */
export const errorRow = (error: unknown): ErrorRow => (isKnifeError(error) ? table[error._tag] : INTERNAL)

/** The text for a user. Total, and never an exception's own text. */
export const errorMessage = (error: unknown): string =>
  isKnifeError(error)
    ? error.message
    : "Unexpected failure, which is a bug; run again with MLXK2_DEBUG=1 to see the cause in the log"
