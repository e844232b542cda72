/** Which files a push leaves out (spec 01 §10.2): gitignore's meaning, without negation. Pure. */
import ignore from "ignore"

/** Always first. The last two are this program's own records of a workspace. */
const DEFAULT_PATTERNS: ReadonlyArray<string> = [
  "**/.git/**",
  "**/.DS_Store",
  "**/.hfignore",
  "**/.gitignore",
  "**/__pycache__/**",
  "**/.venv/**",
  "**/venv/**",
  "**/*.pyc",
  "**/.hf_cache/**",
  ".mlxk_workspace.json"
]

/** The patterns of a `.hfignore`: one a line, trimmed; blank lines and comments say nothing. */
const patternsOf = (text: string): ReadonlyArray<string> =>
  text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))

/** There is no negation: a `!` is a character of the name. */
const literalBang = (pattern: string): string => (pattern.startsWith("!") ? `\\${pattern}` : pattern)

/** True for the relative paths, with `/`, that are left out. `hfignore` is the text of that file, null without one. */
export const ignored = (hfignore: string | null): ((path: string) => boolean) => {
  const patterns = [...new Set([...DEFAULT_PATTERNS, ...patternsOf(hfignore ?? "")])]
  const rules = ignore({ ignorecase: false }).add(patterns.map(literalBang))
  return (path) => rules.ignores(path)
}
