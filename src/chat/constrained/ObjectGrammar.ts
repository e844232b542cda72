/** `type: object` with its properties, in the order of the schema, and those beyond them. Pure. */
import { isObject, type JsonObject } from "../../domain/JsonFile.js"
import { charactersOf, difference, intersection } from "./CodePoints.js"
import { choice, EMPTY, type Expression, literal, oneOf, optional, type Rules, sequence } from "./Grammar.js"
import { Refusal } from "./Refusal.js"
import { countOf, inside, type Place, type SchemaContext } from "./SchemaContext.js"

export interface Property {
  /** Its name and value. */
  readonly pair: Expression
  readonly required: boolean
}

interface Shape {
  readonly properties: ReadonlyArray<Property>
  /** A property of any other name; null where there is none. */
  readonly other: Expression | null
}

export const objectOf = (schema: JsonObject, keyword: string, path: string): JsonObject => {
  const value = schema[keyword] ?? {}
  if (isObject(value)) return value
  throw new Refusal(keyword, path, "it must be an object")
}

export const namesOf = (schema: JsonObject, path: string): ReadonlyArray<string> => {
  const value = schema["required"] ?? []
  const names = Array.isArray(value) ? value.filter((name) => typeof name === "string") : []
  if (Array.isArray(value) && names.length === value.length) return names
  throw new Refusal("required", path, "it must list names")
}

/** Schemas of properties that aren't listed. Where others are and nothing is said, there are none: the answer is still valid. */
const otherSchema = (schema: JsonObject, place: Place, strict: boolean): unknown => {
  const { additionalProperties: given } = schema
  if (strict && given !== undefined && given !== false) {
    throw new Refusal("additionalProperties", place.path, "it must be false in strict mode")
  }
  return given ?? (strict ? false : schema["properties"] === undefined)
}

/** A quoted name that is none of these. It has no escapes, with which one of them could be written too. */
const otherName = (names: ReadonlyArray<string>, { json, rules }: SchemaContext): Expression => {
  const rest = json.nameEnding
  const after = (endings: ReadonlyArray<string>): Expression => {
    const open = endings.filter((ending) => ending !== "")
    const firsts = [...new Set(open.map((ending) => String.fromCodePoint(ending.codePointAt(0) ?? 0)))]
    const others = sequence(oneOf(difference(json.bare, charactersOf(firsts.join("")))), rest)
    const same = firsts
      // Another, such as half a character, is never bare.
      .filter((first) => intersection(charactersOf(first), json.bare).length > 0)
      .map((first) =>
        sequence(
          literal(first),
          after(open.filter((ending) => ending.startsWith(first)).map((ending) => ending.slice(first.length)))
        )
      )
    const end = endings.includes("") ? [] : [literal('"')]
    return rules.rule(choice([...end, others, ...same]))
  }
  return sequence(literal('"'), names.length === 0 ? rest : after(names))
}

const shapeOf = (schema: JsonObject, place: Place, context: SchemaContext): Shape | null => {
  const { json, rules, strict, value } = context
  const { path } = place
  const listed = objectOf(schema, "properties", path)
  const required = new Set(namesOf(schema, path))
  const others = otherSchema(schema, place, strict)
  const unlisted = [...required].filter((name) => !Object.hasOwn(listed, name))
  const names = [...Object.keys(listed), ...unlisted]
  const schemas = names.map((name) =>
    Object.hasOwn(listed, name)
      ? value(listed[name], inside(place, "properties", name))
      : value(schema["additionalProperties"] ?? !strict, inside(place, "additionalProperties"))
  )
  const isRequired = (name: string) => strict || required.has(name)
  if (names.some((name, index) => isRequired(name) && schemas[index] === null)) return null
  const properties = names.flatMap((name, index): ReadonlyArray<Property> => {
    const expression = schemas[index] ?? null
    if (expression === null) return []
    const pair = sequence(json.name(name), json.space, expression)
    return [{ pair: rules.rule(pair), required: isRequired(name) }]
  })
  const other = value(others, inside(place, "additionalProperties"))
  return {
    properties,
    other: other === null ? null : rules.rule(sequence(otherName(names, context), literal(":"), json.space, other))
  }
}

/** Null where no object fits. */
export const objectGrammar = (schema: JsonObject, place: Place, context: SchemaContext): Expression | null => {
  const { json, rules } = context
  const shape = shapeOf(schema, place, context)
  const [min, max] = [
    countOf(schema, "minProperties", place.path, 0),
    countOf(schema, "maxProperties", place.path, null)
  ]
  if (shape === null || (max !== null && max < min)) return null
  const { other, properties } = shape
  checkCounts(min, max, shape, place)
  const comma = sequence(literal(","), json.space)

  const extras = (left: number | null) => (other === null ? EMPTY : rules.repeat(sequence(comma, other), 0, left))
  const some = other === null || max === 0 ? EMPTY : sequence(other, extras(max === null ? null : max - 1))
  const beginning = other !== null && min === 0 && max !== 0 ? optional(some) : some
  const all = inOrder(properties, comma, rules, { beginning, following: extras(null) })
  return sequence(literal("{"), json.space, all, json.space, literal("}"))
}

const NOTHING = { beginning: EMPTY, following: EMPTY }

/** Properties in their order, and what comes behind them: `beginning` where none of them is written, else `following`. */
export const inOrder = (
  properties: ReadonlyArray<Property>,
  separator: Expression,
  rules: Rules,
  behind = NOTHING
): Expression => {
  let { beginning, following } = behind
  for (const { pair, required } of [...properties].reverse()) {
    const first = sequence(pair, following)
    beginning = rules.rule(required ? first : choice([first, beginning]))
    const next = sequence(separator, pair)
    following = rules.rule(sequence(required ? next : optional(next), following))
  }
  return beginning
}

/** A name that is written twice counts once, so only what holds in any case is promised. */
const checkCounts = (min: number, max: number | null, { other, properties }: Shape, { path }: Place): void => {
  const sure = properties.filter(({ required }) => required).length
  const most = other === null ? properties.length : Number.POSITIVE_INFINITY
  if (min > sure && !(min === 1 && properties.length === 0 && other !== null)) {
    throw new Refusal("minProperties", path, "it isn't supported beyond the required properties")
  }
  if (max !== null && max < most && properties.length > 0) {
    throw new Refusal("maxProperties", path, "it isn't supported beside 'properties'")
  }
}
