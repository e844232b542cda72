/** One model of the cache: where its selected snapshot lies and what its files say. Pure data. */
import { Schema } from "effect"

export const Framework = Schema.Literal("MLX", "GGUF", "PyTorch", "Unknown")
export type Framework = typeof Framework.Type

export const ModelType = Schema.Literal("chat", "embedding", "base")
export type ModelType = typeof ModelType.Type

/** A file below the snapshot. `path` is relative, with `/`; `size` in bytes follows links; null for a link to nothing. */
export interface SnapshotFile {
  readonly path: string
  readonly size: number | null
}

/**
 * `config.json` as far as it could be read: the three ways it can be wrong have their own reasons (spec 01 §6.3).
 * `unreadable` covers I/O errors and files beyond the size and depth limits.
 */
export type ConfigJson =
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Unreadable"; readonly problem: string }
  | { readonly _tag: "Invalid"; readonly problem: string }
  | { readonly _tag: "Parsed"; readonly value: unknown }

/** Where a model lies. `commit` is the snapshot directory's name when it is 40 hex characters, else null. */
export interface ModelLocation {
  readonly name: string
  readonly commit: string | null
  /** The repo's directory, absolute. */
  readonly repoDirectory: string
  /** The selected snapshot, absolute; null when the repo has none (the repo directory itself is then described). */
  readonly snapshotDirectory: string | null
  /** True when the user asked for this very commit (`name@hash`). */
  readonly pinned: boolean
}

/** A location plus what detection found in it (spec 01 §7). Never partially built: what can't be read is absent or zero. */
export interface CachedModel extends ModelLocation {
  readonly sizeBytes: number
  /** Modification time of the described directory, milliseconds since 1970. */
  readonly lastModified: number
  readonly files: ReadonlyArray<SnapshotFile>
  readonly config: ConfigJson
  readonly framework: Framework
  readonly modelType: ModelType
  readonly capabilities: ReadonlyArray<string>
  /** Tokens the model can attend to; spec 02 §4.1. */
  readonly contextLength: number
}
