/** The front matter of README.md, as far as detection needs it (spec 01 §7.1.1). Pure. */

/** Hints of a model card; empty when it has no front matter. Texts are as written, without quotes. */
export interface CardHints {
  readonly tags: ReadonlyArray<string>
  readonly library: string | null
}

const FENCE = "---"

/** The line ends of Python, which the original reads cards with. */
const LINE_END = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/

/** Without surrounding blanks and quotes. A loop, because `["']+$` takes quadratic time on a hostile card. */
const unquoted = (text: string): string => {
  const trimmed = text.trim()
  const isQuote = (at: number) => trimmed[at] === '"' || trimmed[at] === "'"
  let start = 0
  let end = trimmed.length
  while (start < end && isQuote(start)) start++
  while (end > start && isQuote(end - 1)) end--
  return trimmed.slice(start, end)
}

const inlineList = (text: string): ReadonlyArray<string> => {
  const inner = text.slice(text.indexOf("[") + 1)
  const end = inner.lastIndexOf("]")
  return (end < 0 ? inner : inner.slice(0, end)).split(",").map(unquoted)
}

/**
 * The lines between the fences. A byte-order mark before the first fence is no white space here, though `trim` takes it for
 * some: such a card has no front matter (spec 01 §0.1(11)).
 */
const block = (text: string): ReadonlyArray<string> => {
  const [first = "", ...rest] = text.split(LINE_END)
  if (first.includes("\uFEFF") || first.trim() !== FENCE) return []
  const lines = rest.map((line) => line.trim())
  const end = lines.indexOf(FENCE)
  return end < 0 ? lines : lines.slice(0, end)
}

/** Reads two keys line by line; a YAML parser would refuse the many cards that aren't quite YAML. */
export const cardHints = (text: string): CardHints => {
  const tags: Array<string> = []
  let library: string | null = null
  let inTags = false
  for (const line of block(text)) {
    const key = line.slice(0, line.indexOf(":") + 1).toLowerCase()
    const value = line.slice(key.length).trim()
    if (key === "library_name:") {
      library = unquoted(value)
      inTags = false
    } else if (key === "tags:") {
      inTags = !(value.includes("[") && value.includes("]"))
      if (!inTags) tags.push(...inlineList(value))
    } else if (inTags && line.startsWith("-")) {
      tags.push(unquoted(line.replace(/^-+/, "")))
    } else if (line !== "") {
      inTags = false
    }
  }
  return { tags: tags.filter((tag) => tag !== ""), library }
}

/** True for a card that names MLX as its library or in its tags. */
export const saysMlx = ({ tags, library }: CardHints): boolean =>
  [library ?? "", ...tags].some((hint) => hint.toLowerCase() === "mlx")
