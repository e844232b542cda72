/** Which model a user means (spec 01 §3). Pure: the caller lists names and snapshots. */
import { byCodePoint } from "../domain/CachedModel.js"
import { DIRECTORY_PREFIX, directoryName, type ModelRef, normalName } from "../domain/ModelRef.js"

export type Resolution =
  | { readonly _tag: "Found"; readonly name: string; readonly snapshot: string | null }
  | { readonly _tag: "Ambiguous"; readonly matches: ReadonlyArray<string> }
  | { readonly _tag: "NotFound" }

/** What there is to choose from: names of all repos, and the snapshot names of one. */
export interface Candidates {
  readonly names: ReadonlyArray<string>
  readonly snapshotsOf: (name: string) => ReadonlyArray<string>
}

/** Organisation that a name without one is looked for in first. */
const DEFAULT_ORGANISATION = "mlx-community"

/** Characters of a commit that tell candidates apart in a message. */
const SHORT_HASH = 8

/** Repos are told apart by their directories, so `org/a--b`, its name on the Hub, means the one that is listed as `org/a/b`. */
const isRepo = (wanted: string, name: string): boolean => directoryName(wanted) === directoryName(name)

/** The full name that a text would have as an exact one. A directory's name is never short. */
const expanded = (text: string, names: ReadonlyArray<string>): string => {
  if (text.startsWith(DIRECTORY_PREFIX)) return normalName(text)
  const full = `${DEFAULT_ORGANISATION}/${text}`
  return !text.includes("/") && names.some((name) => isRepo(full, name)) ? full : text
}

/** Names that contain the text in any case; the whole name is searched, so the organisation takes part. */
const containing = (names: ReadonlyArray<string>, text: string): ReadonlyArray<string> => {
  const wanted = text.toLowerCase()
  return names.filter((name) => name.toLowerCase().includes(wanted))
}

const NOT_FOUND: Resolution = { _tag: "NotFound" }

interface Pair {
  readonly name: string
  readonly snapshot: string
}

/** The pairs a predicate keeps; all of them when it keeps none. */
const preferring = (pairs: ReadonlyArray<Pair>, isBetter: (pair: Pair) => boolean): ReadonlyArray<Pair> => {
  const better = pairs.filter(isBetter)
  return better.length > 0 ? better : pairs
}

/** `name@hash`: an exact name wins, then a snapshot of exactly that name; what is left must be one (spec 01 §3.3). */
const byRevision = (pattern: string, revision: string, { names, snapshotsOf }: Candidates): Resolution => {
  const exact = expanded(pattern, names)
  const known = names.some((name) => isRepo(exact, name)) ? [exact] : []
  const others = containing(names, pattern).filter((name) => !isRepo(exact, name))
  const pairs = [...known, ...others].flatMap((name) =>
    snapshotsOf(name)
      .filter((snapshot) => snapshot.startsWith(revision))
      .map((snapshot) => ({ name, snapshot }))
  )
  const [first, ...more] = preferring(
    preferring(pairs, ({ name }) => name === exact),
    ({ snapshot }) => snapshot === revision
  )
  if (first === undefined) return NOT_FOUND
  if (more.length === 0) return { _tag: "Found", ...first }
  const matches = [first, ...more].map(({ name, snapshot }) => `${name}@${snapshot.slice(0, SHORT_HASH)}`)
  return { _tag: "Ambiguous", matches: matches.sort(byCodePoint) }
}

/**
 * Exact names win over fuzzy ones. A blank name matches nothing, unless a hash comes with it, which is then looked for in all
 * models (spec 01 §3.1, QUIRK-13).
 */
export const resolve = (ref: ModelRef, candidates: Candidates): Resolution => {
  const { pattern } = ref
  if (ref.revision !== null) return byRevision(pattern, ref.revision, candidates)
  const { names } = candidates
  const exact = expanded(ref.name, names)
  if (exact.trim() !== "" && names.some((name) => isRepo(exact, name)))
    return { _tag: "Found", name: exact, snapshot: null }
  const [first, ...others] = pattern.trim() === "" ? [] : containing(names, pattern)
  if (first === undefined) return NOT_FOUND
  if (others.length === 0) return { _tag: "Found", name: first, snapshot: null }
  return { _tag: "Ambiguous", matches: [first, ...others].sort(byCodePoint) }
}
