/** `update`: brings cached models to the state of their branches. What didn't change is not fetched again. */
import { Effect, type Stream } from "effect"
import {
  type CacheIo,
  type HubOffline,
  type InvalidRequest,
  ModelNotFound,
  type TransferError
} from "../domain/Errors.js"
import type { OutdatedData } from "../domain/Outdated.js"
import type { PullEvent } from "../domain/Pull.js"
import type { Cache } from "../services/Cache.js"
import type { Health } from "../services/Health.js"
import type { Hub } from "../services/Hub.js"
import type { Transfer } from "../services/Transfer.js"
import { outdated } from "./Outdated.js"
import { fetchAll, fetchRevision } from "./Pull.js"

/** A model that is behind, and the pull that brings it up. */
export interface Update {
  readonly name: string
  readonly events: Stream.Stream<PullEvent, InvalidRequest | TransferError, Cache | Health | Hub | Transfer>
}

export interface Updates {
  /** All that were looked at. */
  readonly state: OutdatedData
  readonly updates: ReadonlyArray<Update>
}

/** The updates of the models whose names contain `pattern`, in any case; null means all. Nothing is fetched yet. */
export const updates = Effect.fn("Update.updates")(function* (
  pattern: string | null,
  maxRate: number | null
): Effect.fn.Return<Updates, CacheIo | HubOffline | ModelNotFound, Cache | Hub | Transfer> {
  const state = yield* outdated(pattern)
  if (pattern !== null && state.count === 0) return yield* new ModelNotFound({ query: pattern })
  const behind = state.models.filter(({ status }) => status === "outdated")
  return {
    state,
    updates: behind.map(({ name, ref }) => ({
      name,
      events: fetchRevision({ model: name, expandedName: null, revision: ref }, { ...fetchAll, maxRate, verify: false })
    }))
  }
})
