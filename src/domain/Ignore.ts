/** Which files a push leaves out (spec 01 §10.2): gitignore's meaning, without negation. Pure. */
import { glob, NOTHING } from "./Glob.js"

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

const GITIGNORE = { negations: "!^", escapes: true, unclosed: NOTHING }

/** One part of a pattern: `**` stands for any number of directories. */
type Part = "**" | ((name: string) => boolean)

interface Rule {
  readonly parts: ReadonlyArray<Part>
  /** Ends with `/`: means directories, and so everything below them. */
  readonly below: boolean
}

/** `/` alone and a pattern that ends in the middle of an escape mean nothing. */
const isRule = (pattern: string): boolean => pattern !== "/" && !/(^|[^\\])(\\\\)*\\$/.test(pattern)

/** A pattern without a `/` before its end means a name at any depth. There is no negation: a `!` is a character of the name. */
const ruleOf = (pattern: string): Rule => {
  const below = pattern.endsWith("/")
  const bare = below ? pattern.slice(0, -1) : pattern
  const names = bare.split("/")
  const anywhere = names.length === 1 ? ["**"] : []
  const rooted = names[0] === "" ? names.slice(1) : names
  const parts = [...anywhere, ...rooted].filter((name, index, all) => name !== "**" || all[index - 1] !== "**")
  return { parts: parts.map((name) => (name === "**" ? "**" : glob(name, GITIGNORE))), below }
}

/** Where a rule may go on after the parts before `index`: a `**` may stand for nothing, except at the end. */
const standing = ({ parts }: Rule, index: number): ReadonlyArray<number> =>
  parts[index] === "**" && index < parts.length - 1 ? [index, index + 1] : [index]

/** Whether the path, or a directory above it, is meant: one step per name, over all places where the rule may be. */
const means = (rule: Rule, names: ReadonlyArray<string>): boolean => {
  let places = new Set(standing(rule, 0))
  return names.some((name, depth) => {
    const next = [...places].flatMap((place) => {
      const part = rule.parts[place]
      if (part === "**") return [...standing(rule, place), ...(place === rule.parts.length - 1 ? [place + 1] : [])]
      return part?.(name) === true ? standing(rule, place + 1) : []
    })
    places = new Set(next)
    return places.has(rule.parts.length) && (depth < names.length - 1 || !rule.below)
  })
}

/** True for the relative paths, with `/`, that are left out. `hfignore` is the text of that file, null without one. */
export const ignored = (hfignore: string | null): ((path: string) => boolean) => {
  const rules = [...new Set([...DEFAULT_PATTERNS, ...patternsOf(hfignore ?? "")])].filter(isRule).map(ruleOf)
  return (path) => {
    const names = path.split("/")
    return rules.some((rule) => means(rule, names))
  }
}
