/** What every route of a running server knows about it. */
import { Context, type Effect } from "effect"
import type { Shutdown } from "./Shutdown.js"

export interface ServingValues {
  /** The address the server is bound to, as the user gave it. */
  readonly host: string
  /** Limit for requests that set none; null leaves it to the context. */
  readonly maxTokens: number | null
  /** Full name of the model loaded before the first request. */
  readonly preloaded: string | null
  /** The user's home directory, shown as `~` in error bodies. */
  readonly home: string
  readonly shutdown: Shutdown
  /** Held while a compressed body is unpacked. */
  readonly unpacking: Effect.Semaphore
}

export class Serving extends Context.Tag("mlxk/server/Serving")<Serving, ServingValues>() {}
