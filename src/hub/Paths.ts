/** Which file names of a repo may be laid down on a disk. They come from whoever made the repo. Pure. */

/** Longest name of a directory entry on the common file systems. */
const MAX_NAME_BYTES = 255
const MAX_PATH_BYTES = 1024

/** Control characters, halves of characters, and what is a separator, a drive or a stream on some system. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\\:]/u

const nameProblem = (name: string): string | null => {
  if (name === "") return "has an empty part"
  if (name === "." || name === "..") return "leaves its directory"
  return Buffer.byteLength(name) > MAX_NAME_BYTES ? "has a part that is too long" : null
}

/** Why a path can't be trusted, one clause; null when it is relative, with `/`, and stays inside its directory on every system. */
export const pathProblem = (path: string): string | null => {
  if (path.startsWith("/")) return "is absolute"
  if (FORBIDDEN.test(path)) return "has a character that no file name should have"
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return "is too long"
  return path.split("/").reduce<string | null>((problem, name) => problem ?? nameProblem(name), null)
}

/** The directories above a path: `a/b/c` -> `a`, `a/b`. */
const parents = (path: string): ReadonlyArray<string> =>
  [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index))

/** The first pair of paths that can't both exist: twice the same, or a file where another needs a directory. */
export const pathConflict = (paths: ReadonlyArray<string>): string | null => {
  const files = new Set(paths)
  if (files.size < paths.length) return "a file name occurs twice"
  const blocked = paths.find((path) => parents(path).some((parent) => files.has(parent)))
  return blocked === undefined ? null : `${JSON.stringify(blocked)} lies below a file`
}
