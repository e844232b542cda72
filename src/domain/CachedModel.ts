/** One model of the cache: where its selected snapshot lies and what its files say. Pure data. */
import { Schema } from "effect"
import type { JsonFile } from "./JsonFile.js"

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
 * Whether there is a snapshot to look into (spec 01 §6.2 P3, P4, §6.3 H1): `Unreadable` is a directory that may not be
 * listed, `Vanished` one that was there when the model was found.
 */
export type SnapshotState = "Present" | "NoDirectory" | "NoSnapshots" | "Vanished" | "Unreadable"

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
  /** By path component, in code-point order. */
  readonly files: ReadonlyArray<SnapshotFile>
  readonly snapshot: SnapshotState
  /** `config.json`. */
  readonly config: JsonFile
  /** The index of the weight shards, `Missing` when none applies (spec 01 §6.3 H5). */
  readonly weightIndex: JsonFile
  /** Paths of files that are Git LFS pointers instead of content (spec 01 §6.3.1). */
  readonly lfsPointers: ReadonlyArray<string>
  readonly framework: Framework
  readonly modelType: ModelType
  readonly capabilities: ReadonlyArray<string>
  /** Tokens the model can attend to; spec 02 §4.1. */
  readonly contextLength: number
  /** What `show` tells of the config; null when it says nothing (spec 01 §5.1). */
  readonly metadata: Readonly<Record<string, unknown>> | null
}

const SURROGATE = /[\ud800-\udfff]/

/** Order of every list of names: by code point, where JavaScript's own order compares UTF-16 units (spec 01 §0.1(6), §4.1). */
export const byCodePoint = (left: string, right: string): number => {
  // Without surrogates both orders are one, and the engine's own comparison is far quicker.
  if (!SURROGATE.test(left) && !SURROGATE.test(right)) return left < right ? -1 : Number(left > right)
  const others = right[Symbol.iterator]()
  for (const char of left) {
    const other = others.next()
    if (other.done === true) return 1
    const difference = (char.codePointAt(0) ?? 0) - (other.value.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return others.next().done === true ? 0 : -1
}
