/** Shell patterns for file paths, as Python's `fnmatch` reads them: `*` and `?` cross directories, `[a-z]` and `[!a-z]`. Pure. */

const special = /[.+^${}()|\\/]/

const classOf = (inner: string): string => {
  const negated = inner.startsWith("!")
  const members = (negated ? inner.slice(1) : inner).replace(/[\\^\]]/g, String.raw`\$&`)
  return negated ? `[^${members}]` : `[${members}]`
}

/** The class that begins at `[`, and where it ends; null when it isn't closed: then the bracket stands for itself. */
const bracketAt = (pattern: string, start: number): { readonly source: string; readonly end: number } | null => {
  const first = pattern[start + 1] === "!" ? start + 2 : start + 1
  const end = pattern.indexOf("]", first + 1)
  return end < 0 ? null : { source: classOf(pattern.slice(start + 1, end)), end }
}

const sourceOf = (pattern: string): string => {
  const parts: Array<string> = []
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? ""
    const bracket = character === "[" ? bracketAt(pattern, at) : null
    if (bracket !== null) {
      parts.push(bracket.source)
      at = bracket.end
    } else if (character === "*") {
      // Stars in a row are one; otherwise a hostile pattern takes exponential time.
      if (pattern[at - 1] !== "*") parts.push(".*")
    } else if (character === "?") parts.push(".")
    else parts.push(special.test(character) || character === "[" ? `\\${character}` : character)
  }
  return parts.join("")
}

/** Which paths a list of patterns lets through. A pattern that ends with `/` means everything below. */
const matcher = (patterns: ReadonlyArray<string>): ((path: string) => boolean) => {
  const expressions = patterns.map(
    (pattern) => new RegExp(`^${sourceOf(pattern.endsWith("/") ? `${pattern}*` : pattern)}$`, "su")
  )
  return (path) => expressions.some((expression) => expression.test(path))
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
