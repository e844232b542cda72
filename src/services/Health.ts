/** Whether a model is whole and can be run. */
import { Context, type Effect } from "effect"
import type { CachedModel, SnapshotFile } from "../domain/CachedModel.js"
import type { HealthReport } from "../domain/HealthReport.js"

/** What is known of a repo before it is fetched: its files, its `config.json` and the beginning of its card, null without one. */
export interface RemoteModel {
  readonly name: string
  readonly files: ReadonlyArray<SnapshotFile>
  readonly config: Uint8Array | null
  readonly card: Uint8Array | null
}

export class Health extends Context.Tag("mlxk/Health")<
  Health,
  {
    /**
     * Integrity rules in the order of spec 01 §6.2–6.3, then the runtime gates of §6.4. Read-only, offline, reads no tensor
     * data, never fails.
     */
    readonly check: (model: CachedModel) => Effect.Effect<HealthReport>
    /** The runtime gates alone, for `run`, which skips integrity (spec 01 §12.1): null when it can be run, else the reason. */
    readonly runtimeProblem: (model: CachedModel) => Effect.Effect<string | null>
    /** The same for a repo that is not here yet. */
    readonly foresee: (repo: RemoteModel) => Effect.Effect<string | null>
  }
>() {}
