/** Are a model's files whole? The rules of spec 01 §6.2–6.3 in their order; the first that fails is the verdict. Pure. */
import { byCodePoint, type CachedModel, type SnapshotFile, type SnapshotState } from "../domain/CachedModel.js"
import { firstNames } from "../domain/Excerpt.js"
import { isObject, type JsonFile, objectOf } from "../domain/JsonFile.js"
import { baseName } from "./Detect.js"

/** Files below this size may be Git LFS pointers (spec 01 §6.3.1). */
export const LFS_POINTER_LIMIT_BYTES = 200
const LFS_SIGNATURE_WITHIN_BYTES = 100
const LFS_SIGNATURE = "version https://git-lfs.github.com/spec/v1"

const latin1 = new TextDecoder("latin1")

/** True for the content of a file below the limit that is a pointer of Git LFS spec v1. */
export const isLfsPointer = (content: Uint8Array): boolean =>
  latin1.decode(content.subarray(0, LFS_SIGNATURE_WITHIN_BYTES)).includes(LFS_SIGNATURE)

/** H5: the index that applies to these paths, null when none does. An index without any weight file counts for nothing. */
export const weightIndexPath = (files: ReadonlyArray<SnapshotFile>): string | null => {
  const applies = (index: string, suffix: string) =>
    files.some(({ path, size }) => path === index && size !== null) && files.some(({ path }) => path.endsWith(suffix))
  if (applies("model.safetensors.index.json", ".safetensors")) return "model.safetensors.index.json"
  return applies("pytorch_model.bin.index.json", ".bin") ? "pytorch_model.bin.index.json" : null
}

interface Shard {
  readonly path: string
  readonly number: number
  readonly total: number
}

/** What the rules look at, derived once. "Present" leaves out links to nothing. */
interface Facts {
  readonly model: CachedModel
  readonly sizes: ReadonlyMap<string, number>
  /** Files that the index names, sorted; empty without a usable index. */
  readonly indexed: ReadonlyArray<string>
  /** H10: weight files at the root, else anywhere; `size` null for links to nothing. */
  readonly weights: ReadonlyArray<SnapshotFile>
  /** Present weight files named `…model-NNNNN-of-MMMMM.safetensors`. */
  readonly shards: ReadonlyArray<Shard>
}

const weightMap = (index: JsonFile): ReadonlyArray<string> | null => {
  const map = objectOf(index)?.["weight_map"]
  const files: ReadonlyArray<unknown> = isObject(map) ? Object.values(map) : []
  const names = files.filter((file) => typeof file === "string")
  return names.length === files.length && names.length > 0 ? [...new Set(names)].sort(byCodePoint) : null
}

const weightFiles = (files: ReadonlyArray<SnapshotFile>): ReadonlyArray<SnapshotFile> => {
  const all = files.filter(({ path }) => /\.(safetensors|bin|gguf)$/.test(path))
  const atRoot = all.filter(({ path }) => !path.includes("/"))
  return atRoot.length > 0 ? atRoot : all
}

const shardOf = ({ path }: SnapshotFile): ReadonlyArray<Shard> => {
  const match = /model-(\d{5})-of-(\d{5})\.safetensors$/.exec(path)
  return match === null ? [] : [{ path, number: Number(match[1]), total: Number(match[2]) }]
}

const factsOf = (model: CachedModel): Facts => {
  const present = model.files.flatMap(({ path, size }) => (size === null ? [] : [[path, size] as const]))
  const weights = weightFiles(model.files)
  return {
    model,
    sizes: new Map(present),
    indexed: weightMap(model.weightIndex) ?? [],
    weights,
    shards: weights.filter(({ size }) => size !== null).flatMap(shardOf)
  }
}

const NO_SNAPSHOT: { readonly [State in SnapshotState]: string | null } = {
  Present: null,
  NoDirectory: "No snapshots directory found",
  NoSnapshots: "No snapshots found",
  Vanished: "The snapshot does not exist",
  Unreadable: "The model's directory cannot be read"
}

/** A rule answers with its reason when it fails. */
type Rule = (facts: Facts) => string | null

/** A rule that fails with the names of its offenders. */
const none =
  (reason: string, offenders: (facts: Facts) => ReadonlyArray<string>): Rule =>
  (facts) => {
    const names = offenders(facts)
    return names.length === 0 ? null : `${reason}: ${firstNames(names)}`
  }

const isEmpty =
  ({ sizes }: Facts) =>
  (path: string): boolean =>
    sizes.get(path) === 0

const configReads: Rule = ({ model: { config } }) => {
  switch (config._tag) {
    case "Missing":
      return "config.json missing"
    case "Unreadable":
      return `config.json is unreadable or contains invalid JSON: ${config.problem}`
    case "Invalid":
      return `config.json contains invalid JSON: ${config.problem}`
    case "Parsed":
      return isObject(config.value) && Object.keys(config.value).length > 0 ? null : "config.json is empty or invalid"
  }
}

const missingShards = ({ indexed, sizes }: Facts): ReadonlyArray<string> => indexed.filter((path) => !sizes.has(path))

/** H8: other shards than the index names are a mismatch on top; without them it is an interrupted download (QUIRK-21). */
const shardsExist: Rule = (facts) => {
  const missing = missingShards(facts)
  if (missing.length === 0) return null
  const indexed = new Set(facts.indexed)
  const others = [...facts.sizes.keys()].filter((path) => /^[^/]*\.safetensors$/.test(path) && !indexed.has(path))
  const counts = `${facts.indexed.length} indexed, ${others.length} others present`
  const mismatch = others.length === 0 ? "" : `; Index/shard mismatch: ${counts}`
  return `Missing weight shards: ${firstNames(missing)}${mismatch}`
}

const shardNumbersComplete: Rule = ({ shards }) => {
  const total = shards[0]?.total ?? 0
  const present = new Set(shards.map(({ number }) => number).filter((number) => number >= 1 && number <= total)).size
  return present === total ? null : `Missing shards by pattern: ${present}/${total} present`
}

const partialMarker: Rule = ({ model }) =>
  model.files.some(({ path, size }) => size !== null && /\.tmp$|partial/.test(baseName(path).toLowerCase()))
    ? "Partial download marker detected"
    : null

/** P3–H4. */
const first: ReadonlyArray<Rule> = [({ model }) => NO_SNAPSHOT[model.snapshot], configReads]

/** H6–H8. */
const withIndex: ReadonlyArray<Rule> = [
  ({ model }) => (objectOf(model.weightIndex) === null ? "Invalid index file" : null),
  ({ model }) => (weightMap(model.weightIndex) === null ? "Empty or invalid weight_map in index" : null),
  shardsExist,
  none("Empty weight shards", (facts) => facts.indexed.filter(isEmpty(facts))),
  none("LFS pointers instead of files", ({ indexed, model }) => {
    const pointers = new Set(model.lfsPointers)
    return indexed.filter((path) => pointers.has(path))
  })
]

/** H11–H18. */
const withoutIndex: ReadonlyArray<Rule> = [
  ({ shards }) => (new Set(shards.map(({ total }) => total)).size > 1 ? "Inconsistent shard totals detected" : null),
  shardNumbersComplete,
  none("Empty shards", (facts) => facts.shards.map(({ path }) => path).filter(isEmpty(facts))),
  // The usual state after an interrupted download (spec 01 §0.1(5)); the original failed as a whole here.
  none("Missing weight files", ({ weights }) => weights.flatMap(({ path, size }) => (size === null ? [path] : []))),
  ({ weights }) => (weights.length === 0 ? "No model weights found" : null),
  partialMarker,
  none("Empty weight files", (facts) => facts.weights.map(({ path }) => path).filter(isEmpty(facts))),
  ({ shards }) => (shards.length > 0 ? "Safetensors index missing for sharded model" : null),
  none("LFS pointers instead of files", ({ model }) => model.lfsPointers)
]

const firstProblem = (rules: ReadonlyArray<Rule>, facts: Facts): string | null => {
  for (const rule of rules) {
    const problem = rule(facts)
    if (problem !== null) return problem
  }
  return null
}

/** The verdict and its reason, which a healthy model has too. Reads nothing: all is in the description. */
export const integrity = (model: CachedModel): { readonly healthy: boolean; readonly reason: string } => {
  const facts = factsOf(model)
  const hasIndex = model.weightIndex._tag !== "Missing"
  const problem = firstProblem([...first, ...(hasIndex ? withIndex : withoutIndex)], facts)
  return problem === null
    ? { healthy: true, reason: hasIndex ? "Multi-file model complete" : "Model is healthy" }
    : { healthy: false, reason: problem }
}
