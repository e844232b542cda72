/**
 * The shared store of newer Hub libraries: `blobs/<xx>/<hash>` beside the repos, whose blobs are links into it. Beside each payload
 * lies `<hash>.refs`, a hint at who uses it. Pure.
 */
import type { Entries, Entry } from "./Entries.js"

/** A payload. `listed` when its list of users is there: without one nobody may decide that it is unused. */
export interface Payload {
  /** Such as `ab/abc…`. */
  readonly name: string
  readonly entry: Entry
  readonly users: Entry | null
}

export const STORE = "blobs"
/** Marks the directory as a store; another directory of that name is none. */
export const STORE_MARKER = ".huggingface-shared-blobs"
const STORE_VERSION = "1"

/** The payloads of a store; `marker` is the text of its mark. */
export const payloads = (marker: string | null, { all }: Entries): ReadonlyArray<Payload> => {
  if (marker?.trim() !== STORE_VERSION) return []
  const files = new Map(all.filter(({ kind }) => kind === "file").map((entry) => [entry.path, entry]))
  return [...files.values()]
    .filter(({ path }) => /^([0-9a-f]{2})\/\1[0-9a-f]{62}$/.test(path))
    .map((entry) => ({ name: entry.path, entry, users: files.get(`${entry.path}.refs`) ?? null }))
}
