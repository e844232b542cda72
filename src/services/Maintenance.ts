/** What the cache takes on the disk, and giving it back. */
import { Context, type Effect } from "effect"
import type { ModelLocation } from "../domain/CachedModel.js"
import type { CacheIo, DeletionDenied, DeletionFailed } from "../domain/Errors.js"
import type { Claims, Plan, PlanItem, RemovalPlan, UsageData } from "../domain/Reclaim.js"
import type { VerifyProgress, VerifyReport } from "../domain/Verification.js"

export class Maintenance extends Context.Tag("mlxk/Maintenance")<
  Maintenance,
  {
    /** Whether there is a cache directory at all. */
    readonly exists: Effect.Effect<boolean>
    /** Who uses the model, and its locks (spec 01 §2.5). */
    readonly claims: (location: ModelLocation) => Effect.Effect<Claims>
    /** What deleting the model takes, or its pinned revision. Fails where it is certain that deleting would. */
    readonly removal: (location: ModelLocation) => Effect.Effect<RemovalPlan, DeletionDenied | DeletionFailed>
    /** What nothing uses any more. */
    readonly garbage: Effect.Effect<Plan, CacheIo>
    /**
     * Deletes, item after item; interruption ends it between two of them. What is already gone is no failure, so that a second
     * try finishes the job. `subject` is named in errors.
     */
    readonly execute: (
      subject: string,
      items: ReadonlyArray<PlanItem>
    ) => Effect.Effect<void, DeletionDenied | DeletionFailed>
    /** Deletes what nothing uses any more, as `execute` does, by what holds at that moment; answers what is gone. */
    readonly sweep: Effect.Effect<Plan, CacheIo | DeletionDenied | DeletionFailed>
    readonly usage: Effect.Effect<UsageData, CacheIo>
    /**
     * Hashes every blob of the model's repo against its name. What was seen before and hasn't changed is not read again;
     * interruption keeps what is done.
     */
    readonly verify: (
      location: ModelLocation,
      report: (progress: VerifyProgress) => Effect.Effect<void>
    ) => Effect.Effect<VerifyReport>
  }
>() {}
