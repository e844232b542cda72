/** Foreign values inside our messages. Pure. */

const MAX_CHARACTERS = 80

/** A string as it is, anything else as JSON, cut to `limit` characters: a model repo decides what stands in its files. */
export const excerpt = (value: unknown, limit = MAX_CHARACTERS): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value))
  return text.length <= limit ? text : `${text.slice(0, limit)}…`
}

/** Enough to see what is wrong; an index may name a hundred thousand files. */
const MAX_NAMES = 20
/** The longest name of a file. */
const MAX_NAME_CHARACTERS = 255

/** The first names of a list, and how many more there are. */
export const firstNames = (names: ReadonlyArray<string>, separator = ", "): string => {
  const shown = names.slice(0, MAX_NAMES).map((name) => excerpt(name, MAX_NAME_CHARACTERS))
  const more = names.length - shown.length
  return shown.join(separator) + (more > 0 ? ` and ${more} more` : "")
}
