/** A location -> what its files say (spec 01 §4.2, §7): one walk, every file read at most once, no tensor data. */
import { Either } from "effect"
import { contextLength, metadata } from "../checkpoint/Config.js"
import { detect, hasChatTemplate, torchWeights } from "../checkpoint/Detect.js"
import { isLfsPointer, LFS_POINTER_LIMIT_BYTES, weightIndexPath } from "../checkpoint/Integrity.js"
import { cardHints } from "../checkpoint/ModelCard.js"
import type { CachedModel, ModelLocation, SnapshotFile, SnapshotState } from "../domain/CachedModel.js"
import { type JsonFile, objectOf } from "../domain/JsonFile.js"
import { filesBelow, type Listing, modifiedAt, type Reader, readerOf } from "./Files.js"
import { snapshotNames, snapshotsDirectory } from "./Layout.js"

const MIB = 2 ** 20

/** Real configs are a few KiB. */
const CONFIG_LIMIT_BYTES = 16 * MIB
/** Vocabularies and the indices of models with thousands of experts take tens of MiB. */
const LARGE_JSON_LIMIT_BYTES = 64 * MIB
/** Front matter stands at the top of the card, but results of benchmarks in it alone can take 100 KiB. */
const CARD_LIMIT_BYTES = MIB

const MISSING: JsonFile = { _tag: "Missing" }
const NOTHING: Listing = { files: [], names: null }

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true })

/** Bytes that aren't UTF-8 are left out, as the original reads cards (spec 01 §7.1.1). */
const tolerant = (bytes: Uint8Array): string => (bytes.length === 0 ? "" : utf8.decode(bytes).replaceAll("\uFFFD", ""))

/** The big tokenizer.json is looked into only when tokenizer_config.json has no template. */
const templateIn = (reader: Reader): boolean =>
  hasChatTemplate(reader.json("tokenizer_config.json", CONFIG_LIMIT_BYTES)) ||
  hasChatTemplate(reader.json("tokenizer.json", LARGE_JSON_LIMIT_BYTES, '"chat_template"'))

const lfsPointers = (files: ReadonlyArray<SnapshotFile>, reader: Reader): ReadonlyArray<string> =>
  files
    .filter(({ size }) => size !== null && size < LFS_POINTER_LIMIT_BYTES)
    .map(({ path }) => path)
    .filter((path) => isLfsPointer(reader.head(path, LFS_POINTER_LIMIT_BYTES)))

const stateOf = (location: ModelLocation, files: Either.Either<unknown, string>): SnapshotState => {
  if (location.snapshotDirectory !== null) {
    return Either.match(files, {
      onLeft: (code) => (code === "ENOENT" ? "Vanished" : "Unreadable"),
      onRight: () => "Present"
    })
  }
  return Either.match(snapshotNames(location.repoDirectory), {
    onLeft: (state) => state,
    // Snapshots came up after the model was located: a download has just begun.
    onRight: () => "NoSnapshots"
  })
}

const pathsOf = (files: ReadonlyArray<SnapshotFile>): ReadonlyArray<string> => files.map(({ path }) => path)

/** Looks into the other snapshots only when the described one has no such weights; a repo without snapshots has none. */
const anyTorchWeights = (location: ModelLocation, paths: ReadonlyArray<string>): boolean =>
  (location.snapshotDirectory !== null && torchWeights(paths)) ||
  torchWeights(pathsOf(Either.getOrElse(filesBelow(snapshotsDirectory(location.repoDirectory)), () => NOTHING).files))

/** Total: what can't be read is absent or zero. Synchronous, like everything below it. */
export const describe = (location: ModelLocation): CachedModel => {
  const directory = location.snapshotDirectory ?? location.repoDirectory
  const found = filesBelow(directory)
  const { files, names } = Either.getOrElse(found, () => NOTHING)
  const reader = readerOf(directory, names)
  const config = reader.json("config.json", CONFIG_LIMIT_BYTES)
  const values = objectOf(config)
  const index = weightIndexPath(files)
  const paths = pathsOf(files)
  const evidence = {
    name: location.name,
    paths,
    config: values,
    card: cardHints(tolerant(reader.head("README.md", CARD_LIMIT_BYTES))),
    hasChatTemplate: templateIn(reader),
    hasTorchWeights: () => anyTorchWeights(location, paths)
  }
  return {
    ...location,
    ...detect(evidence),
    sizeBytes: files.reduce((sum, { size }) => sum + (size ?? 0), 0),
    lastModified: modifiedAt(directory),
    files,
    snapshot: stateOf(location, found),
    config,
    weightIndex: index === null ? MISSING : reader.json(index, LARGE_JSON_LIMIT_BYTES),
    lfsPointers: lfsPointers(files, reader),
    contextLength: contextLength(values),
    metadata: metadata(values)
  }
}
