/** `push --check-only`: what is wrong with a directory before it is uploaded (spec 01 §10.4). Milder than the cache's health. Pure. */
import { byCodePoint } from "./CachedModel.js"
import { isObject, type JsonFile, objectOf } from "./JsonFile.js"
import type { Anomaly, LocalFile, WorkspaceHealth } from "./Push.js"

/** A directory as far as the check looks at it. */
export interface WorkspaceFacts {
  /** Absolute. */
  readonly root: string
  readonly files: ReadonlyArray<LocalFile>
  readonly config: JsonFile
  /** The index of the safetensors shards, `Missing` without one. */
  readonly index: JsonFile
  /** Paths of Git LFS pointers. */
  readonly lfsPointers: ReadonlyArray<string>
}

const WEIGHTS = /\.(gguf|safetensors)$|(^|\/)pytorch_model\.bin$/
const SHARD = /model-(\d{5})-of-(\d{5})\.safetensors$/
const PARTIAL = /\.(partial|tmp)$|partial/i

const anomaly = (code: string, message: string, about: Pick<Anomaly, "path" | "missing"> = {}): Anomaly => ({
  severity: "error",
  code,
  message,
  ...about
})

const configAnomalies = ({ config }: WorkspaceFacts): ReadonlyArray<Anomaly> => {
  if (config._tag === "Missing") return [anomaly("config_missing", "config.json not found")]
  return validConfig(config) ? [] : [anomaly("config_invalid_json", "config.json invalid or empty")]
}

const validConfig = (config: JsonFile): boolean => Object.keys(objectOf(config) ?? {}).length > 0

/** Null for an index that can't be understood. One without a map of names says nothing, as in the original. */
const indexedFiles = (index: JsonFile): ReadonlyArray<string> | null => {
  if (index._tag !== "Parsed") return index._tag === "Missing" ? [] : null
  const map = objectOf(index)?.["weight_map"]
  const values: ReadonlyArray<unknown> = isObject(map) ? Object.values(map) : []
  const names = values.filter((name) => typeof name === "string")
  return names.length === values.length ? [...new Set(names)].toSorted(byCodePoint) : null
}

/** Files of the index that are not there, empty, or pointers. */
const missingShards = (names: ReadonlyArray<string>, { files, lfsPointers }: WorkspaceFacts): ReadonlyArray<string> => {
  const sizes = new Map(files.map(({ path, size }) => [path, size]))
  return names.filter((name) => (sizes.get(name) ?? 0) === 0 || lfsPointers.includes(name))
}

/** Whether there are as many numbers as the highest total says; null without numbered shards. */
const patternComplete = (weights: ReadonlyArray<LocalFile>): boolean | null => {
  const shards = weights.flatMap(({ path }) => {
    const match = SHARD.exec(path)
    return match === null ? [] : [{ number: Number(match[1]), total: Number(match[2]) }]
  })
  if (shards.length === 0) return null
  const numbers = new Set(shards.map(({ number }) => number))
  return numbers.size === shards.reduce((most, { total }) => Math.max(most, total), 0)
}

const weightAnomalies = (weights: ReadonlyArray<LocalFile>, lfsPointers: ReadonlyArray<string>) =>
  weights.flatMap(({ path, size }) => {
    if (size === 0) return [anomaly("empty_weight_file", `Empty weight file: ${path}`, { path })]
    return lfsPointers.includes(path) ? [anomaly("lfs_pointer_detected", `LFS pointer: ${path}`, { path })] : []
  })

const suffix = (path: string): string => path.slice(path.lastIndexOf(".") + 1)

/** The report; it is healthy unless an anomaly is an error. */
export const workspaceHealth = (facts: WorkspaceFacts): WorkspaceHealth => {
  const { config, files, index, lfsPointers, root } = facts
  const weights = files.filter(({ path }) => WEIGHTS.test(path))
  const hasIndex = index._tag !== "Missing"
  const indexed = indexedFiles(index)
  const missing = missingShards(indexed ?? [], facts)
  const anomalies: ReadonlyArray<Anomaly> = [
    ...configAnomalies(facts),
    ...(weights.length === 0
      ? [anomaly("no_weights_found", "No weights (*.gguf, *.safetensors, pytorch_model.bin)")]
      : []),
    ...weightAnomalies(weights, lfsPointers),
    ...(indexed === null ? [anomaly("index_parse_error", "The index of the weights cannot be read")] : []),
    ...(missing.length > 0
      ? [anomaly("index_missing_shard", `Missing weight shards: ${missing.join(", ")}`, { missing })]
      : []),
    ...files
      .filter(({ path }) => PARTIAL.test(path.slice(path.lastIndexOf("/") + 1)))
      .map(({ path }): Anomaly => {
        return { severity: "warn", code: "partial_marker", message: `Partial/tmp marker: ${path}`, path }
      })
  ]
  return {
    files_count: files.length,
    total_bytes: files.reduce((sum, { size }) => sum + size, 0),
    config: {
      exists: config._tag !== "Missing",
      valid_json: validConfig(config),
      path: config._tag === "Missing" ? null : `${root}/config.json`
    },
    weights: {
      count: weights.length,
      formats: [...new Set(weights.map(({ path }) => suffix(path)))].toSorted(byCodePoint),
      index: { has_index: hasIndex, missing, ...(indexed === null ? { parse_error: true } : {}) },
      pattern_complete: patternComplete(weights)
    },
    anomalies,
    healthy: anomalies.every(({ severity }) => severity !== "error")
  }
}
