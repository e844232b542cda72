/** The request being handled: its id, and what its access line will say. */
import { Context, Effect, Ref } from "effect"

/** Fields of the access line. Names, numbers and reasons only: never prompts, outputs or header values (spec 02 R9.2). */
export type Facts = Readonly<Record<string, string | number | boolean | null>>

export interface CurrentRequestValues {
  readonly id: string
  readonly startedAt: number
  readonly facts: Ref.Ref<Facts>
}

export class CurrentRequest extends Context.Tag("mlxk/server/CurrentRequest")<CurrentRequest, CurrentRequestValues>() {}

/** Adds fields to the access line. */
export const noteIn = (request: CurrentRequestValues, facts: Facts): Effect.Effect<void> =>
  Ref.update(request.facts, (known) => ({ ...known, ...facts }))

export const note = (facts: Facts): Effect.Effect<void, never, CurrentRequest> =>
  Effect.flatMap(CurrentRequest, (request) => noteIn(request, facts))

const USABLE_ID = /^[A-Za-z0-9._:-]{1,128}$/

/** The client's own id when it is harmless in headers and logs, else a fresh one (spec 02 R2.7). */
export const requestId = (offered: string | undefined): Effect.Effect<string> =>
  Effect.sync(() => (offered !== undefined && USABLE_ID.test(offered) ? offered : crypto.randomUUID()))
