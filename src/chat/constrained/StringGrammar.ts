/** `type: string` with its lengths, pattern and format. Pure. */
import type { JsonObject } from "../../domain/JsonFile.js"
import { FORMATS } from "./Formats.js"
import type { Expression } from "./Grammar.js"
import { Refusal } from "./Refusal.js"
import { parseRegex } from "./Regex.js"
import { countOf, type Place, type SchemaContext } from "./SchemaContext.js"
import { writtenRegex } from "./WrittenRegex.js"

export const stringGrammar = (schema: JsonObject, { path }: Place, { json }: SchemaContext): Expression | null => {
  const shaping = ["pattern", "format", "minLength", "maxLength"].filter((keyword) => schema[keyword] !== undefined)
  const [shape, other] = shaping
  const refuse = (keyword: string) => (problem: string) => new Refusal(keyword, path, problem)
  if (shape === "pattern" || shape === "format") {
    if (other !== undefined) throw refuse(other)(`it isn't supported beside '${shape}'`)
    const content = writtenRegex(parseRegex(patternOf(schema, shape, refuse(shape)), refuse(shape)), {
      write: json.write,
      whole: shape === "format",
      refuse: refuse(shape)
    })
    return content === null ? null : json.quoted(content)
  }
  const min = countOf(schema, "minLength", path, 0)
  const max = countOf(schema, "maxLength", path, null)
  return max !== null && max < min ? null : json.counted(min, max)
}

const patternOf = (schema: JsonObject, keyword: "pattern" | "format", refuse: (problem: string) => Refusal): string => {
  const value = schema[keyword]
  if (typeof value !== "string") throw refuse("it must be a text")
  if (keyword === "pattern") return value
  const pattern = Object.hasOwn(FORMATS, value) ? FORMATS[value] : undefined
  if (pattern === undefined)
    throw refuse(`'${value.slice(0, 40)}' isn't supported; one of ${Object.keys(FORMATS).join(", ")}`)
  return pattern
}
