/**
 * JSON Schema as a grammar whose texts are all valid. Not all valid texts are among them: properties come in the order of the
 * schema, and white space is bounded. What can't be kept is refused (docs/constrained-output.md). Pure.
 */
import { isObject, type JsonObject } from "../../domain/JsonFile.js"
import { arrayGrammar } from "./ArrayGrammar.js"
import { choice, type Expression, literal, type Rules } from "./Grammar.js"
import { type JsonText, makeJsonText } from "./JsonText.js"
import { checkKeywords, declaredTypes, isOfType, type JsonType, TYPES, typesOf } from "./Keywords.js"
import { objectGrammar } from "./ObjectGrammar.js"
import { numberRange } from "./Ranges.js"
import { areDisjoint, resolve } from "./References.js"
import { Refusal } from "./Refusal.js"
import { beside, LIMITS, type Place, type SchemaContext } from "./SchemaContext.js"
import { stringGrammar } from "./StringGrammar.js"

const boundsOf = (schema: JsonObject, path: string) => {
  const bound = (inclusive: string, exclusive: string, sign: 1 | -1) => {
    const given = [inclusive, exclusive].flatMap((keyword) => {
      const value = schema[keyword]
      if (value === undefined) return []
      if (typeof value === "number" && Number.isFinite(value)) return [{ value, exclusive: keyword === exclusive }]
      throw new Refusal(keyword, path, "it must be a number")
    })
    const [first = null, second = null] = given
    // The tighter one; of two equal ones the exclusive, which comes second.
    return second !== null && first !== null && sign * (second.value - first.value) < 0 ? first : (second ?? first)
  }
  return {
    from: bound("minimum", "exclusiveMinimum", 1),
    to: bound("maximum", "exclusiveMaximum", -1)
  }
}

const numberGrammar = (
  schema: JsonObject,
  place: Place,
  integer: boolean,
  { json, rules }: SchemaContext
): Expression => {
  const bounds = boundsOf(schema, place.path)
  if (bounds.from === null && bounds.to === null) return integer ? json.integer() : json.number()
  const keyword = Object.keys(schema).find((name) => /^(?:exclusiveM|m)(?:in|ax)imum$/.test(name)) ?? null
  return rules.slot(numberRange(bounds, { integer, refuse: (problem) => new Refusal(keyword, place.path, problem) }))
}

/** Counts what the whole schema has, against its limits. */
const makeCounter = () => {
  const counts = { schemas: 0, enumValues: 0 }
  return (what: keyof typeof counts, n: number, keyword: string | null, path: string): void => {
    counts[what] += n
    if (counts[what] > LIMITS[what])
      throw new Refusal(keyword, path, `the schema has more than ${LIMITS[what]} of them`)
  }
}

interface Reading {
  readonly rules: Rules
  readonly json: JsonText
  readonly strict: boolean
  readonly name: string
}

const reader = (root: unknown, { json, name, rules, strict }: Reading) => {
  const count = makeCounter()

  const literals = (schema: JsonObject, place: Place): Expression | null => {
    const keyword = Object.hasOwn(schema, "const") ? "const" : "enum"
    const listed: unknown = keyword === "const" ? [schema["const"]] : schema["enum"]
    if (!Array.isArray(listed) || listed.length === 0) throw new Refusal(keyword, place.path, "it must list values")
    count("enumValues", listed.length, keyword, place.path)
    const types = declaredTypes(schema, place.path)
    const values: ReadonlyArray<unknown> = listed
    const fitting = values.filter((value) => types === null || types.some((type) => isOfType(value, type)))
    const strings = fitting.filter((value) => typeof value === "string")
    const numbers = fitting.filter((value) => typeof value === "number")
    const others = fitting.filter((value) => typeof value !== "string" && typeof value !== "number")
    const all = [
      ...(strings.length === 0 ? [] : [json.strings(strings)]),
      ...(numbers.length === 0 ? [] : [json.numbers(numbers)]),
      ...new Set(others.map((value) => json.value(value)))
    ]
    return all.length === 0 ? null : choice(all)
  }

  const ofType = (schema: JsonObject, type: JsonType, place: Place): Expression | null => {
    switch (type) {
      case "object":
        return objectGrammar(schema, place, context)
      case "array":
        return arrayGrammar(schema, place, context)
      case "string":
        return stringGrammar(schema, place, context)
      case "number":
      case "integer":
        return numberGrammar(schema, place, type === "integer", context)
      case "boolean":
        return choice([literal("true"), literal("false")])
      case "null":
        return literal("null")
    }
  }

  const reference = (schema: JsonObject, place: Place): Expression => {
    const target = resolve(root, schema["$ref"], place.path)
    const key = String(schema["$ref"])
    if (place.references.includes(key)) throw new Refusal("$ref", place.path, `'${key}' refers to nothing but itself`)
    return rules.recursive(`${name}${key}`, () => {
      const found = value(target, { ...place, path: key, references: [...place.references, key] })
      if (found === null) throw new Refusal("$ref", place.path, `no value fits '${key}'`)
      return found
    })
  }

  const alternatives = (schema: JsonObject, keyword: string, place: Place): Expression | null => {
    const listed = schema[keyword]
    if (!Array.isArray(listed) || listed.length === 0) throw new Refusal(keyword, place.path, "it must list schemas")
    const schemas: ReadonlyArray<unknown> = listed
    if (keyword === "allOf" && schemas.length > 1) {
      throw new Refusal(keyword, place.path, "more than one schema in it isn't supported; write one schema")
    }
    if (keyword === "oneOf") checkDisjoint(schemas, place)
    const some = schemas.flatMap((one, index) => value(one, beside(place, keyword, index)) ?? [])
    return some.length === 0 ? null : choice(some)
  }

  const checkDisjoint = (schemas: ReadonlyArray<unknown>, { path }: Place): void => {
    if (schemas.length > LIMITS.oneOf) throw new Refusal("oneOf", path, `it has more than ${LIMITS.oneOf} schemas`)
    schemas.forEach((a, index) => {
      if (schemas.slice(index + 1).every((b) => areDisjoint(root, a, b, path))) return
      throw new Refusal("oneOf", path, "a value may fit two of its schemas; use 'anyOf'")
    })
  }

  const value = (schema: unknown, place: Place): Expression | null => {
    count("schemas", 1, null, place.path)
    if (place.depth > LIMITS.depth) throw new Refusal(null, place.path, `it is deeper than ${LIMITS.depth} schemas`)
    if (schema === true) return json.any()
    if (schema === false) return null
    if (!isObject(schema)) throw new Refusal(null, place.path, "a schema is an object, true or false")
    checkKeywords(schema, place.path)
    if (schema["$ref"] !== undefined) return reference(schema, place)
    const combined = ["allOf", "anyOf", "oneOf"].find((keyword) => Object.hasOwn(schema, keyword))
    if (combined !== undefined) return alternatives(schema, combined, place)
    if (Object.hasOwn(schema, "const") || Object.hasOwn(schema, "enum")) return literals(schema, place)
    const types = typesOf(schema, place.path)
    if (types === null) return json.any()
    // Whole numbers are numbers.
    const distinct = TYPES.filter((type) => types.includes(type) && !(type === "integer" && types.includes("number")))
    const some = distinct.flatMap((type) => ofType(schema, type, place) ?? [])
    return some.length === 0 ? null : choice(some)
  }

  const context: SchemaContext = { rules, json, strict, value }
  return value
}

export interface SchemaOptions {
  readonly strict: boolean
  /** Characters that strings mustn't have as they are. */
  readonly avoid: string
  /** Of this schema among those of one grammar. */
  readonly name: string
}

/** Throws a Refusal for a schema that can't be kept. */
export const schemaGrammar = (schema: unknown, rules: Rules, { avoid, name, strict }: SchemaOptions): Expression => {
  const size = JSON.stringify(schema)?.length ?? 0
  if (size > LIMITS.chars) throw new Refusal(null, "#", `it is longer than ${LIMITS.chars} characters`)
  const json = makeJsonText(rules, avoid)
  const root = reader(schema, { rules, json, strict, name })(schema, { path: "#", depth: 0, references: ["#"] })
  if (root === null) throw new Refusal(null, "#", "no value fits it")
  return root
}
