/** Every expected failure of the program. What each one means to a script, a client and a shell is in ErrorTable.ts. */
import { Schema } from "effect"

const words = (count: number, one: string) => (count === 1 ? `1 ${one}` : `${count} ${one}s`)

/** The command line can't be understood (spec 01 §1.4). `message` is the whole text; `usage` the command's usage line. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  message: Schema.String,
  usage: Schema.String
}) {}

/** A command line that parses but asks for nothing this program can do (spec 01 §1.4, `CommandError` with exit 1). */
export class CommandRefused extends Schema.TaggedError<CommandRefused>()("CommandRefused", {
  message: Schema.String
}) {}

/** A value is out of range or of the wrong kind. `param` is the dotted path of the field or the option's name. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  param: Schema.NullOr(Schema.String),
  problem: Schema.String
}) {
  override get message() {
    return this.param === null ? this.problem : `${this.param}: ${this.problem}`
  }
}

/**
 * The answer's form can't be kept. `keyword` is the JSON Schema keyword that is to blame, `path` a JSON pointer to where it
 * stands; null and `#` where the whole is meant.
 */
export class ConstraintUnsupported extends Schema.TaggedError<ConstraintUnsupported>()("ConstraintUnsupported", {
  param: Schema.String,
  keyword: Schema.NullOr(Schema.String),
  path: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    const keyword = this.keyword === null ? [] : [`'${this.keyword}'`]
    const where = [...keyword, ...(this.path === "#" ? [] : [`at ${this.path}`])].join(" ")
    return [this.param, ...(where === "" ? [] : [where]), this.problem].join(": ")
  }
}

/** The request asks for something that isn't supported and would change the answer if it were ignored (spec 03 §1.5). */
export class UnsupportedParameter extends Schema.TaggedError<UnsupportedParameter>()("UnsupportedParameter", {
  param: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `${this.param}: ${this.problem}`
  }
}

/** No cached model matches (spec 01 §3.1). */
export class ModelNotFound extends Schema.TaggedError<ModelNotFound>()("ModelNotFound", { query: Schema.String }) {
  override get message() {
    return `No model found matching '${this.query}': not found in cache; 'mlxk list --all' shows what is there, 'mlxk pull' downloads more`
  }
}

/** Several cached models match; `matches` is sorted. */
export class AmbiguousModel extends Schema.TaggedError<AmbiguousModel>()("AmbiguousModel", {
  query: Schema.String,
  matches: Schema.Array(Schema.String)
}) {
  /** The message without the candidates, for who lists them. */
  get sentence() {
    return `Ambiguous: Multiple models match '${this.query}':`
  }
  override get message() {
    return `${this.sentence} ${this.matches.join(", ")}`
  }
}

const IN_THE_WAY = "something of another kind lies there or above it; move it away"

/** What to do about a path, by the system's error code. */
const PATH_ADVICE: Readonly<Record<string, string>> = {
  EEXIST: IN_THE_WAY,
  EISDIR: IN_THE_WAY,
  ENOTDIR: IN_THE_WAY,
  ELOOP: "its links lead in a circle; remove them",
  EROFS: "its volume is read-only; choose another with HF_HOME"
}

/** A file or directory of the cache can't be read or written. `problem` is the system's error code. */
export class CacheIo extends Schema.TaggedError<CacheIo>()("CacheIo", { path: Schema.String, problem: Schema.String }) {
  override get message() {
    const advice = PATH_ADVICE[this.problem] ?? "check that it exists and that you may use it"
    return `Cannot access ${this.path} (${this.problem}); ${advice}`
  }
}

/** There is no cache directory to delete from. */
export class CacheMissing extends Schema.TaggedError<CacheMissing>()("CacheMissing", { path: Schema.String }) {
  override get message() {
    return `The model cache ${this.path} does not exist; check HF_HOME and HF_HUB_CACHE`
  }
}

/** Nothing that may be deleted matches (spec 01 §0.1(4), §9.1). */
export class NothingToRemove extends Schema.TaggedError<NothingToRemove>()("NothingToRemove", {
  query: Schema.String
}) {
  override get message() {
    return `No models found matching '${this.query}'; 'mlxk list --all' shows what is there`
  }
}

/** Lock files stand against a deletion (spec 01 §2.5). `files` are relative to the hub cache. */
export class LocksPresent extends Schema.TaggedError<LocksPresent>()("LocksPresent", {
  model: Schema.String,
  files: Schema.Array(Schema.String)
}) {
  override get message() {
    return `Model '${this.model}' has ${words(this.files.length, "lock file")}: a download may be running; wait for it, or delete with --force`
  }
}

/** A running program uses the model. */
export class ModelInUse extends Schema.TaggedError<ModelInUse>()("ModelInUse", {
  model: Schema.String,
  /** Process ids. */
  users: Schema.Array(Schema.Int)
}) {
  override get message() {
    return `Model '${this.model}' is in use by process ${this.users.join(", ")}; stop it, or delete with --force`
  }
}

/** The system doesn't allow a deletion. `path` is where it stopped. */
export class DeletionDenied extends Schema.TaggedError<DeletionDenied>()("DeletionDenied", {
  subject: Schema.String,
  path: Schema.String
}) {
  override get message() {
    return `Permission denied: cannot delete ${this.path} of ${this.subject}; change its permissions, then run this again`
  }
}

/** A deletion failed or isn't done for safety's sake. */
export class DeletionFailed extends Schema.TaggedError<DeletionFailed>()("DeletionFailed", {
  subject: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Cannot delete ${this.subject}: ${this.problem}`
  }
}

/** The checkpoint's framework, format or architecture can't be run here (spec 01 §6.4). */
export class ModelIncompatible extends Schema.TaggedError<ModelIncompatible>()("ModelIncompatible", {
  model: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `Model '${this.model}' is not compatible: ${this.reason}`
  }
}

/** A file of the checkpoint is missing, damaged or not what it must be; found before any token is computed. */
export class CheckpointInvalid extends Schema.TaggedError<CheckpointInvalid>()("CheckpointInvalid", {
  model: Schema.String,
  /** Name of the file inside the checkpoint. */
  file: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Model '${this.model}' cannot be loaded: ${this.file}: ${this.problem}; check it with 'mlxk health --verify', then 'mlxk pull' it again`
  }
}

/** The model's own chat template refuses these messages, or is broken (spec 02 R5.2). */
export class TemplateRefused extends Schema.TaggedError<TemplateRefused>()("TemplateRefused", {
  model: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The chat template of '${this.model}' refuses these messages: ${this.problem}`
  }
}

/** The chat has tools, but the model's chat template can't show them, or nobody knows how the model writes calls (spec 03 §7.4). */
export class ToolsNotSupported extends Schema.TaggedError<ToolsNotSupported>()("ToolsNotSupported", {
  model: Schema.String
}) {
  override get message() {
    return `'${this.model}' can't be given tools: its chat template doesn't show them, or its calls have no known format; leave tools out or use a model made for them`
  }
}

/** The prompt leaves no room for an answer (spec 01 §0.1(8), spec 03 §0.1(1)). */
export class ContextLengthExceeded extends Schema.TaggedError<ContextLengthExceeded>()("ContextLengthExceeded", {
  contextLength: Schema.Int,
  promptTokens: Schema.Int
}) {
  override get message() {
    return `This model's maximum context length is ${this.contextLength} tokens, but the prompt has ${words(this.promptTokens, "token")}; shorten it`
  }
}

/** The inference engine isn't installed or can't start here. */
export class EngineUnavailable extends Schema.TaggedError<EngineUnavailable>()("EngineUnavailable", {
  engine: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The ${this.engine} engine cannot start: ${this.problem}`
  }
}

/** The engine process ended while it was needed. Exactly one of `exitCode` and `signal` is not null. */
export class EngineCrashed extends Schema.TaggedError<EngineCrashed>()("EngineCrashed", {
  model: Schema.String,
  exitCode: Schema.NullOr(Schema.Int),
  signal: Schema.NullOr(Schema.String),
  /** Last lines of its stderr, for the log. */
  stderr: Schema.String
}) {
  override get message() {
    const how = this.signal === null ? `with exit code ${this.exitCode}` : `by ${this.signal}`
    return `The engine process of '${this.model}' was ended ${how}; try again, and if it was out of memory use a smaller model`
  }
}

/** The Hub knows no such repo or revision; it answers the same for private ones. */
export class RepoNotFound extends Schema.TaggedError<RepoNotFound>()("RepoNotFound", {
  repo: Schema.String,
  revision: Schema.String
}) {
  override get message() {
    return `Access denied or not found: the Hub has no repo '${this.repo}' with revision '${this.revision}', or hides it; check the name, and set HF_TOKEN if it is private`
  }
}

/** The repo is there, the branch, tag or commit is not. */
export class RevisionNotFound extends Schema.TaggedError<RevisionNotFound>()("RevisionNotFound", {
  repo: Schema.String,
  revision: Schema.String
}) {
  override get message() {
    return `The repo '${this.repo}' has no revision '${this.revision}'; check the branch, tag or commit`
  }
}

/** The Hub refuses access: gated, private, or a wrong token. */
export class HubAccessDenied extends Schema.TaggedError<HubAccessDenied>()("HubAccessDenied", {
  repo: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Access denied to '${this.repo}': ${this.problem}; accept its terms on the Hub and set HF_TOKEN`
  }
}

/** The Hub can't be reached or answers with an error that says nothing about the repo. */
export class HubUnavailable extends Schema.TaggedError<HubUnavailable>()("HubUnavailable", {
  operation: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The Hub failed during ${this.operation}: ${this.problem}; try again later`
  }
}

/** The way to the Hub is wrong and stays so: its address, a certificate, a proxy, a redirect. `problem` says what to do. */
export class HubUnusable extends Schema.TaggedError<HubUnusable>()("HubUnusable", {
  operation: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The Hub can't be used for ${this.operation}: ${this.problem}`
  }
}

/** HF_HUB_OFFLINE or `--offline` forbids the request that would be needed. */
export class HubOffline extends Schema.TaggedError<HubOffline>()("HubOffline", { operation: Schema.String }) {
  override get message() {
    return `${this.operation} needs the Hub, and offline mode is on; leave --offline out and unset HF_HUB_OFFLINE`
  }
}

/** What the Hub says about a repo can't be trusted or can't be laid down here: a path, a size, a hash. */
export class RepoRefused extends Schema.TaggedError<RepoRefused>()("RepoRefused", {
  repo: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `The repo '${this.repo}' is refused: ${this.problem}; nothing of it was written`
  }
}

/** The bytes of a file could not be had, after all retries. What is there stays, and the next pull goes on from it. */
export class DownloadFailed extends Schema.TaggedError<DownloadFailed>()("DownloadFailed", {
  repo: Schema.String,
  /** Null when no single file is to blame. */
  file: Schema.NullOr(Schema.String),
  problem: Schema.String
}) {
  override get message() {
    const where = this.file === null ? "" : ` at ${this.file}`
    return `Download of '${this.repo}' failed${where}: ${this.problem}; pull again to go on from here`
  }
}

/** The volume has too little room. Found before the first byte, or when it fills up on the way; then the next pull goes on. */
export class DiskFull extends Schema.TaggedError<DiskFull>()("DiskFull", {
  path: Schema.String,
  neededBytes: Schema.Number,
  freeBytes: Schema.Number
}) {
  override get message() {
    return `Not enough room below ${this.path}: ${this.neededBytes} bytes are needed, ${this.freeBytes} are free; make room (mlxk rm), then pull again`
  }
}

/** The name can't be a repo's (spec 01 §8.1). */
export class InvalidModelName extends Schema.TaggedError<InvalidModelName>()("InvalidModelName", {
  problem: Schema.String
}) {
  override get message() {
    return `Invalid model name: ${this.problem}; give it as <organisation>/<name>`
  }
}

/** The model is cached and its files are not whole (spec 01 §8.1). */
export class ModelCorrupted extends Schema.TaggedError<ModelCorrupted>()("ModelCorrupted", {
  model: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `Model '${this.model}' exists but is corrupted: ${this.reason}; complete it with 'mlxk pull --force-resume ${this.model}', or 'mlxk rm ${this.model}' and pull again`
  }
}

/** Nobody may write to the Hub without a token (spec 01 §10.1). */
export class TokenMissing extends Schema.TaggedError<TokenMissing>()("TokenMissing", {}) {
  override get message() {
    return "HF_TOKEN not set; set it to a token with write access, or log in with 'hf auth login'"
  }
}

/** The directory to upload isn't one, or can't be read. */
export class WorkspaceNotFound extends Schema.TaggedError<WorkspaceNotFound>()("WorkspaceNotFound", {
  path: Schema.String
}) {
  override get message() {
    return `Workspace not found or not a directory: ${this.path}; give the directory that holds config.json`
  }
}

/** Several directories begin with the given path; `matches` is sorted. */
export class AmbiguousWorkspace extends Schema.TaggedError<AmbiguousWorkspace>()("AmbiguousWorkspace", {
  path: Schema.String,
  matches: Schema.Array(Schema.String)
}) {
  override get message() {
    return `Ambiguous: several workspaces begin with ${this.path}: ${this.matches.join(", ")}; give the whole path`
  }
}

/** What it names might be secret, so nothing is pushed without reading it. */
export class IgnoreFileTooLarge extends Schema.TaggedError<IgnoreFileTooLarge>()("IgnoreFileTooLarge", {
  path: Schema.String,
  limitBytes: Schema.Number
}) {
  override get message() {
    return `The patterns of ${this.path} take more than ${this.limitBytes} bytes; shorten it: nothing is pushed without them`
  }
}

/** `push` would have to create the repo and was not told to. */
export class PushTargetMissing extends Schema.TaggedError<PushTargetMissing>()("PushTargetMissing", {
  repo: Schema.String
}) {
  override get message() {
    return `The Hub has no repo '${this.repo}' that this token may write; check the name, or create it with --create`
  }
}

export class BranchCreateFailed extends Schema.TaggedError<BranchCreateFailed>()("BranchCreateFailed", {
  repo: Schema.String,
  branch: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Branch '${this.branch}' of '${this.repo}' could not be created: ${this.problem}`
  }
}

/** Some bytes or the commit did not arrive, after all retries. Nothing became visible; what was stored is not sent again. */
export class UploadFailed extends Schema.TaggedError<UploadFailed>()("UploadFailed", {
  repo: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Upload to '${this.repo}' failed: ${this.problem}; push again to send only what is missing`
  }
}

/** Nothing can be cloned to there: something is in the way, or the place is missing (spec 01 §11.1). */
export class CloneTargetInvalid extends Schema.TaggedError<CloneTargetInvalid>()("CloneTargetInvalid", {
  path: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Target '${this.path}' ${this.problem}; choose another directory`
  }
}

/** The download of a clone failed. `problem` is the message of what failed. */
export class ClonePullFailed extends Schema.TaggedError<ClonePullFailed>()("ClonePullFailed", {
  model: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Pull of '${this.model}' failed: ${this.problem}`
  }
}

/** The user stopped a clone. `directory` is where the download is kept. */
export class CloneCancelled extends Schema.TaggedError<CloneCancelled>()("CloneCancelled", {
  directory: Schema.NullOr(Schema.String)
}) {
  override get message() {
    return this.directory === null
      ? "Clone cancelled; nothing was written"
      : `Clone cancelled; the download is kept in ${this.directory}, and the same command goes on from there`
  }
}

/** The files are downloaded and could not be laid down in the target. */
export class CloneFailed extends Schema.TaggedError<CloneFailed>()("CloneFailed", {
  path: Schema.String,
  problem: Schema.String
}) {
  override get message() {
    return `Cannot write the clone to ${this.path} (${this.problem}); the download is kept, so clone again when that is solved`
  }
}

/** No handler for this path. */
export class RouteNotFound extends Schema.TaggedError<RouteNotFound>()("RouteNotFound", { path: Schema.String }) {
  override get message() {
    return `No such endpoint: ${this.path}`
  }
}

export class MethodNotAllowed extends Schema.TaggedError<MethodNotAllowed>()("MethodNotAllowed", {
  method: Schema.String,
  allowed: Schema.Array(Schema.String)
}) {
  override get message() {
    return `${this.method} is not allowed here; use ${this.allowed.join(" or ")}`
  }
}

/** The request's Host header isn't one of this server's names (DNS rebinding, spec 02 R1.11). */
export class HostRefused extends Schema.TaggedError<HostRefused>()("HostRefused", { host: Schema.String }) {
  override get message() {
    return `Host '${this.host}' is not served here; use localhost or the address the server is bound to`
  }
}

export class RequestTooLarge extends Schema.TaggedError<RequestTooLarge>()("RequestTooLarge", {
  limitBytes: Schema.Int
}) {
  override get message() {
    return `The request body is larger than ${this.limitBytes} bytes`
  }
}

/** Too many requests wait for the model (spec 02 R2.15). */
export class ServerOverloaded extends Schema.TaggedError<ServerOverloaded>()("ServerOverloaded", {
  queued: Schema.Int
}) {
  override get message() {
    return `${words(this.queued, "request")} already wait for this model; try again`
  }
}

export class ServerShutdown extends Schema.TaggedError<ServerShutdown>()("ServerShutdown", {}) {
  override get message() {
    return "The server is shutting down"
  }
}

/** stdout can't take the result, as when the disk is full. A closed pipe is not this: it ends a command quietly. */
export class OutputFailed extends Schema.TaggedError<OutputFailed>()("OutputFailed", { problem: Schema.String }) {
  override get message() {
    return `Cannot write the result (${this.problem}); make room, or write it elsewhere`
  }
}

/** The address can't be listened on. */
export class BindFailed extends Schema.TaggedError<BindFailed>()("BindFailed", {
  host: Schema.String,
  port: Schema.Int,
  problem: Schema.String
}) {
  override get message() {
    return `Cannot listen on ${this.host}:${this.port} (${this.problem}); choose another address with --host and --port`
  }
}

export type RemovalError = CacheMissing | NothingToRemove | LocksPresent | ModelInUse | DeletionDenied | DeletionFailed
export type ResolveError = ModelNotFound | AmbiguousModel | CacheIo
export type RunnerError =
  | ModelIncompatible
  | CheckpointInvalid
  | TemplateRefused
  | ToolsNotSupported
  | InvalidRequest
  | ConstraintUnsupported
  | ContextLengthExceeded
  | EngineUnavailable
  | EngineCrashed
  | ServerOverloaded
export type HubError =
  | HubAccessDenied
  | HubUnavailable
  | HubUnusable
  | HubOffline
  | RepoNotFound
  | RevisionNotFound
  | RepoRefused
export type PushError =
  | HubError
  | TokenMissing
  | WorkspaceNotFound
  | AmbiguousWorkspace
  | IgnoreFileTooLarge
  | PushTargetMissing
  | BranchCreateFailed
  | UploadFailed
export type CloneError = CloneTargetInvalid | ClonePullFailed | CloneFailed | CloneCancelled
export type TransferError = HubError | DownloadFailed | DiskFull | CacheIo

export type KnifeError =
  | UsageError
  | CommandRefused
  | ResolveError
  | RemovalError
  | RunnerError
  | TransferError
  | PushError
  | CloneError
  | InvalidModelName
  | ModelCorrupted
  | UnsupportedParameter
  | RouteNotFound
  | MethodNotAllowed
  | HostRefused
  | RequestTooLarge
  | ServerShutdown
  | BindFailed
  | OutputFailed
