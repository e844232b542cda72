/** The models on this machine. */
import { Context, type Effect } from "effect"
import type { CachedModel, ModelLocation } from "../domain/CachedModel.js"
import type { CacheIo, ResolveError } from "../domain/Errors.js"
import type { ModelRef } from "../domain/ModelRef.js"

export class Cache extends Context.Tag("mlxk/Cache")<
  Cache,
  {
    /**
     * Every model, sorted by name in code-point order. A missing cache is an empty list; a broken model is described as far
     * as it can be read and never hides the others (spec 01 §4.1, QUIRK-18).
     */
    readonly list: Effect.Effect<ReadonlyArray<ModelLocation>, CacheIo>
    /** The one model that is meant (spec 01 §3). */
    readonly resolve: (ref: ModelRef) => Effect.Effect<ModelLocation, ResolveError>
    /** What the files of a location say (spec 01 §4.2, §7). Never fails: what can't be read is absent or zero. */
    readonly describe: (location: ModelLocation) => Effect.Effect<CachedModel>
  }
>() {}
