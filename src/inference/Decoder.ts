/** What an architecture is to an engine, made from config.json alone. */
import type { Either } from "effect"
import type { ConfigProblem, Section } from "./Config.js"
import type { Ops } from "./Ops.js"

export interface Decoder {
  readonly vocabSize: number
  /**
   * The name an architecture uses for a stored tensor, null for one that nobody needs (a tied model's head, old rope
   * tables). Names that a checkpoint may have in an older or a wrapped form are translated here.
   */
  readonly storedAs: (name: string) => string | null
  /**
   * ids [batch, length] -> logits [batch, length, vocabSize], or [batch, 1, vocabSize] of the last position. Runs the same
   * operations in the same order for every call with the same `rows`.
   */
  readonly forward: <T>(ops: Ops<T>, ids: T, rows: "last" | "all") => T
}

/**
 * An architecture: from config.json to a decoder. `stored` are the names of the checkpoint's tensors: some families are tied
 * exactly when there is no head.
 */
export type Build = (config: Section, stored: ReadonlySet<string>) => Either.Either<Decoder, ConfigProblem>
