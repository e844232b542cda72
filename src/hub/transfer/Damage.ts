/** Which blobs of the cache are not what their names say. */
import { statSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import type { CacheIo } from "../../domain/Errors.js"
import type { RepoFile } from "../../services/Hub.js"
import type { Hasher } from "./Hasher.js"
import { hasBlob, isCopied, type RepoPlaces } from "./Snapshot.js"

/** Etags whose content has another hash; reads every byte of the files. */
export const damagedBlobs = (
  places: RepoPlaces,
  files: ReadonlyArray<RepoFile>,
  hasher: Hasher
): Effect.Effect<ReadonlySet<string>, CacheIo> => {
  const pathOf = (file: RepoFile) =>
    hasBlob(places, file)
      ? join(places.blobs, file.etag)
      : isCopied(places, file)
        ? join(places.snapshot, file.path)
        : null
  return Effect.map(
    Effect.forEach(files, (file) => {
      const path = pathOf(file)
      if (path === null || statSync(path).size !== file.size) return Effect.succeed([])
      return Effect.map(hasher.open(path, file).digest, (digest) => (digest === file.etag ? [] : [file.etag]))
    }),
    (found) => new Set(found.flat())
  )
}
