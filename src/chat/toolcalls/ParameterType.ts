/** What a schema tells of the type of a parameter whose value is written as a text. Pure. */
import { isObject } from "../../domain/JsonFile.js"
import { behind } from "../constrained/References.js"

export interface ParameterType {
  /** The one type that the schema names, in lower case; null where it names none or several. */
  readonly named: string | null
  /** The types that values may have, by the schema's alternatives and listed values too; empty where it doesn't tell. */
  readonly types: ReadonlySet<string>
}

const MAX_DEPTH = 16
const COMBINED = ["anyOf", "oneOf", "allOf"]

const typeOfValue = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value

/** Of a schema inside of `root`. */
const typesOf = (root: unknown, written: unknown, depth: number): ReadonlySet<string> => {
  const schema = behind(root, written)
  const { const: value, enum: values, type } = schema
  const named = [type].flat().filter((one) => typeof one === "string")
  const listed = (Array.isArray(values) ? values : value === undefined ? [] : [value]).map(typeOfValue)
  const nested = COMBINED.flatMap((key) => {
    const choices = depth < MAX_DEPTH ? schema[key] : undefined
    return Array.isArray(choices) ? choices.flatMap((choice: unknown) => nestedTypes(root, choice, depth)) : []
  })
  const types = [...named, ...listed, ...nested].map((one) => one.toLowerCase())
  if (types.length > 0) return new Set(types)
  return new Set([...("properties" in schema ? ["object"] : []), ...("items" in schema ? ["array"] : [])])
}

/** An alternative that tells nothing allows texts. */
const nestedTypes = (root: unknown, schema: unknown, depth: number): ReadonlyArray<string> => {
  const types = typesOf(root, schema, depth + 1)
  return types.size === 0 ? ["string"] : [...types]
}

/** Null for a schema that says nothing. `root`: the one that references are looked up in. */
export const typeOf = (root: unknown, written: unknown): ParameterType | null => {
  if (!isObject(written) || Object.keys(written).length === 0) return null
  const { type } = behind(root, written)
  return { named: typeof type === "string" ? type.trim().toLowerCase() : null, types: typesOf(root, written, 0) }
}
