/** `$ref` inside one schema, and what can be told of a schema through its references. Pure. */
import { isObject, type JsonObject } from "../../domain/JsonFile.js"
import { declaredTypes, isOfType, type JsonType, TYPES } from "./Keywords.js"
import { Refusal } from "./Refusal.js"

const unescaped = (part: string): string => {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")
  } catch {
    return part
  }
}

const isInside = (reference: unknown): reference is string =>
  typeof reference === "string" && /^#(?:$|\/)/.test(reference)

/** What a JSON pointer points to; undefined for nothing. */
const pointed = (root: unknown, pointer: string): unknown => {
  let found: unknown = root
  for (const part of pointer.split("/").slice(1).map(unescaped)) {
    const next: unknown = Array.isArray(found) ? found[Number(part)] : undefined
    found = isObject(found) && Object.hasOwn(found, part) ? found[part] : next
  }
  return found
}

/** What a reference points to. */
export const resolve = (root: unknown, reference: unknown, path: string): unknown => {
  const refuse = (problem: string) => new Refusal("$ref", path, problem)
  if (!isInside(reference)) {
    throw refuse("only references inside of the schema are supported, such as '#/$defs/name'")
  }
  const found = pointed(root, reference)
  if (found === undefined) throw refuse(`nothing is at '${reference.slice(0, 80)}'`)
  return found
}

const MAX_STEPS = 64

/** The schema behind references and lists of one; an empty one where there is none. */
export const behind = (root: unknown, schema: unknown): JsonObject => {
  let at = schema
  for (let step = 0; step < MAX_STEPS && isObject(at); step++) {
    const only: unknown = Array.isArray(at["allOf"]) && at["allOf"].length === 1 ? at["allOf"][0] : undefined
    if (at["$ref"] !== undefined) at = isInside(at["$ref"]) ? pointed(root, at["$ref"]) : undefined
    else if (only !== undefined) at = only
    else return at
  }
  return {}
}

const literalsOf = (schema: JsonObject): ReadonlyArray<unknown> | null => {
  if (Object.hasOwn(schema, "const")) return [schema["const"]]
  return Array.isArray(schema["enum"]) ? schema["enum"] : null
}

const valueTypes = (schema: JsonObject, path: string): ReadonlyArray<JsonType> => {
  const literals = literalsOf(schema)
  if (literals !== null) return TYPES.filter((type) => literals.some((value) => isOfType(value, type)))
  // Values of other types than those spoken of are allowed too.
  const types = declaredTypes(schema, path) ?? TYPES
  return types.includes("number") ? [...types, "integer"] : types
}

/** Of so many required properties one tells two schemas apart. */
const MAX_TELLING = 16

const required = (schema: JsonObject): ReadonlyArray<unknown> =>
  Array.isArray(schema["required"]) ? schema["required"].slice(0, MAX_TELLING) : []

const MAX_DISJOINT_DEPTH = 4

/** Whether no value is both; false where that can't be told. */
export const areDisjoint = (root: unknown, a: unknown, b: unknown, path: string, depth = 0): boolean => {
  const [left, right] = [behind(root, a), behind(root, b)]
  const [leftTypes, rightTypes] = [valueTypes(left, path), valueTypes(right, path)]
  const common = leftTypes.filter((type) => rightTypes.includes(type))
  if (common.length === 0) return true
  const [leftValues, rightValues] = [literalsOf(left), literalsOf(right)]
  if (leftValues !== null && rightValues !== null) {
    const texts = new Set(leftValues.map((value) => JSON.stringify(value)))
    return rightValues.every((value) => !texts.has(JSON.stringify(value)))
  }
  const [leftOnes, rightOnes] = [left["properties"], right["properties"]]
  if (common.some((type) => type !== "object") || depth >= MAX_DISJOINT_DEPTH) return false
  return (
    isObject(leftOnes) &&
    isObject(rightOnes) &&
    required(left).some(
      (name) =>
        typeof name === "string" &&
        required(right).includes(name) &&
        Object.hasOwn(leftOnes, name) &&
        Object.hasOwn(rightOnes, name) &&
        areDisjoint(root, leftOnes[name], rightOnes[name], path, depth + 1)
    )
  )
}
