/** Foreign values inside our messages. Pure. */

const MAX_CHARACTERS = 80

/** A string as it is, anything else as JSON, cut to `limit` characters: a model repo decides what stands in its files. */
export const excerpt = (value: unknown, limit = MAX_CHARACTERS): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value))
  return text.length <= limit ? text : `${text.slice(0, limit)}…`
}
