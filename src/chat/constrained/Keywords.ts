/** The keywords of JSON Schema that are understood, and which kind of value each speaks of. Pure. */
import type { JsonObject } from "../../domain/JsonFile.js"
import { Refusal } from "./Refusal.js"

export type JsonType = "array" | "boolean" | "integer" | "null" | "number" | "object" | "string"

export const TYPES: ReadonlyArray<JsonType> = ["object", "array", "string", "number", "integer", "boolean", "null"]

/** Keywords that say nothing about a value. */
const ANNOTATIONS = new Set([
  "$comment",
  "$defs",
  "$schema",
  "default",
  "definitions",
  "deprecated",
  "description",
  "discriminator",
  "example",
  "examples",
  "readOnly",
  "title",
  "writeOnly"
])

/** Keywords that speak of values of one type only. */
export const OF_TYPE: Readonly<Record<string, JsonType>> = {
  additionalProperties: "object",
  exclusiveMaximum: "number",
  exclusiveMinimum: "number",
  format: "string",
  items: "array",
  maximum: "number",
  maxItems: "array",
  maxLength: "string",
  maxProperties: "object",
  minimum: "number",
  minItems: "array",
  minLength: "string",
  minProperties: "object",
  pattern: "string",
  prefixItems: "array",
  properties: "object",
  required: "object",
  uniqueItems: "array"
}

/** Keywords that are a schema's whole meaning: beside one of them stand annotations only. */
export const WHOLE: ReadonlyArray<string> = ["$ref", "allOf", "anyOf", "oneOf"]
const LITERALS: ReadonlyArray<string> = ["const", "enum"]

const KNOWN = new Set([...ANNOTATIONS, ...Object.keys(OF_TYPE), ...WHOLE, ...LITERALS, "type"])

/** Keywords of the schema that aren't annotations. */
const assertions = (schema: JsonObject): ReadonlyArray<string> =>
  Object.keys(schema).filter((keyword) => !ANNOTATIONS.has(keyword) && !keyword.startsWith("x-"))

/** Throws for a keyword that isn't understood, or not beside the others. */
export const checkKeywords = (schema: JsonObject, path: string): void => {
  const keywords = assertions(schema)
  const refuse = (keyword: string, problem: string) => new Refusal(keyword, path, problem)
  for (const keyword of keywords) {
    // The root may have a name: nothing is looked up by it.
    if (keyword === "$id" && path === "#") continue
    if (!KNOWN.has(keyword)) throw refuse(keyword, "the keyword isn't supported")
  }
  const whole = keywords.find((keyword) => WHOLE.includes(keyword))
  const beside = keywords.find((keyword) => keyword !== whole && keyword !== "$id")
  if (whole !== undefined && beside !== undefined) throw refuse(beside, `it isn't supported beside '${whole}'`)
  const literal = keywords.find((keyword) => LITERALS.includes(keyword))
  const other = keywords.find((keyword) => keyword !== literal && keyword !== "type" && keyword !== "$id")
  if (literal !== undefined && other !== undefined) throw refuse(other, `it isn't supported beside '${literal}'`)
}

const isType = (value: unknown): value is JsonType => TYPES.some((type) => type === value)

/** The types that `type` names; null without the keyword. */
export const declaredTypes = (schema: JsonObject, path: string): ReadonlyArray<JsonType> | null => {
  const { type } = schema
  if (type === undefined) return null
  const types: ReadonlyArray<unknown> = Array.isArray(type) ? type : [type]
  const known = types.filter(isType)
  if (types.length === 0 || known.length < types.length) throw new Refusal("type", path, "it names no type")
  return known
}

/** The types of the values that are made: those declared, else those that the other keywords speak of. Null for any. */
export const typesOf = (schema: JsonObject, path: string): ReadonlyArray<JsonType> | null => {
  const declared = declaredTypes(schema, path)
  if (declared !== null) return declared
  const spoken = TYPES.filter((type) => Object.keys(schema).some((keyword) => ofType(keyword) === type))
  return spoken.length === 0 ? null : spoken
}

const ofType = (keyword: string): JsonType | undefined =>
  Object.hasOwn(OF_TYPE, keyword) ? OF_TYPE[keyword] : undefined

/** Whether a value is of a type; whole numbers are of both kinds. */
export const isOfType = (value: unknown, type: JsonType): boolean => {
  switch (type) {
    case "array":
      return Array.isArray(value)
    case "integer":
      return Number.isInteger(value)
    case "null":
      return value === null
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value)
    default:
      return typeof value === type
  }
}
