/** The places of a clone: its target, and the private cache beside it that makes it resumable. */
import { Context, type Effect, type Layer, type Scope } from "effect"
import type { ModelLocation } from "../domain/CachedModel.js"
import type { CopyMethod } from "../domain/Clone.js"
import type { CloneFailed, CloneTargetInvalid } from "../domain/Errors.js"
import type { Transfer } from "./Transfer.js"

/** A private cache beside the target. */
export interface Stage {
  /** Absolute; on the target's volume. */
  readonly directory: string
  /** The hub cache inside it. */
  readonly hubCache: string
  /** An earlier clone left it. */
  readonly resumed: boolean
}

/** Where a clone comes from, for its record. */
export interface Origin {
  readonly repo: string
  /** Null when the snapshot isn't named by a commit. */
  readonly commit: string | null
  /** The version of this program. */
  readonly version: string
}

export class Clones extends Context.Tag("mlxk/Clones")<
  Clones,
  {
    /**
     * The absolute directory that shall be made. Null means the repo's own name in the workspace home, where a bare name lies too
     * (spec 01 §11.2). It must not exist, or be empty, in a directory that can be written.
     */
    readonly target: (typed: string | null, repo: string) => Effect.Effect<string, CloneTargetInvalid>
    /** Opens or makes the stage of this clone; it belongs to this process until the scope ends. */
    readonly open: (spec: string, target: string) => Effect.Effect<Stage, CloneTargetInvalid | CloneFailed, Scope.Scope>
    /** Everything that was staged goes, the stage stays. */
    readonly empty: (stage: Stage) => Effect.Effect<void, CloneFailed>
    /** Whether the download was complete when an earlier clone stopped. */
    readonly isComplete: (stage: Stage) => Effect.Effect<boolean>
    readonly complete: (stage: Stage) => Effect.Effect<void, CloneFailed>
    /** The staged snapshot of a repo. */
    readonly staged: (stage: Stage, repo: string) => Effect.Effect<ModelLocation>
    /** Lays the snapshot down as plain files, writes the workspace's record, and only then gives it the target's name. */
    readonly layDown: (
      stage: Stage,
      snapshot: ModelLocation,
      target: string,
      origin: Origin
    ) => Effect.Effect<CopyMethod, CloneFailed | CloneTargetInvalid>
    /** Deletes the stage when nothing was downloaded into it: a repo that can't be had leaves no trace. */
    readonly abandon: (stage: Stage) => Effect.Effect<void>
    /** Deletes the stage, if it is one. */
    readonly discard: (stage: Stage) => Effect.Effect<void>
  }
>() {}

/** A Transfer that brings files into another cache than the user's. */
export class TransferInto extends Context.Tag("mlxk/TransferInto")<
  TransferInto,
  (hubCache: string) => Layer.Layer<Transfer>
>() {}
