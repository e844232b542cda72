/** Whether a model is whole and can be run. */
import { Context, type Effect } from "effect"
import type { CachedModel } from "../domain/CachedModel.js"
import type { HealthReport } from "../domain/HealthReport.js"

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
  }
>() {}
