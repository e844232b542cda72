/** Patterns for file paths as Python's `fnmatch` reads them: `*` and `?` cross directories. Pure. */
import { glob } from "./Glob.js"

const FNMATCH = { negations: "!", escapes: false, unclosed: "\\[" }

/** Which paths a list of patterns lets through. A pattern that ends with `/` means everything below. */
const matcher = (patterns: ReadonlyArray<string>): ((path: string) => boolean) => {
  const globs = patterns.map((pattern) => glob(pattern.endsWith("/") ? `${pattern}*` : pattern, FNMATCH))
  return (path) => globs.some((matches) => matches(path))
}

/** The paths that an include list (empty: all) lets through and an exclude list doesn't take away. */
export const selected = <A extends { readonly path: string }>(
  files: ReadonlyArray<A>,
  { exclude, include }: { readonly include: ReadonlyArray<string>; readonly exclude: ReadonlyArray<string> }
): ReadonlyArray<A> => {
  const wanted = include.length === 0 ? () => true : matcher(include)
  const unwanted = matcher(exclude)
  return files.filter(({ path }) => wanted(path) && !unwanted(path))
}
