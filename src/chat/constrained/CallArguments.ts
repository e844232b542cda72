/** The arguments of a call in formats that write each by itself, not as one JSON object. Pure. */
import { isObject, type JsonObject } from "../../domain/JsonFile.js"
import { type Parameters, type ValueStyle, valueWriter } from "./CallValues.js"
import { choice, EMPTY, type Expression, literal, optional, type Rules, sequence } from "./Grammar.js"
import { checkKeywords, WHOLE } from "./Keywords.js"
import { behind } from "./References.js"
import { Refusal } from "./Refusal.js"
import { inside, type Place } from "./SchemaContext.js"

export interface ArgumentStyle extends ValueStyle {
  /** Names of parameters that can be read back. */
  readonly names: RegExp
  /** Before a value, and behind it. */
  readonly before: (name: string) => Expression
  readonly after: Expression
  readonly separator: string
}

const ROOT: Place = { path: "#", depth: 0, references: [] }

const namesIn = (schema: JsonObject, keyword: string): ReadonlyArray<string> => {
  const value = schema[keyword] ?? []
  const names = Array.isArray(value) ? value.filter((name) => typeof name === "string") : []
  if (Array.isArray(value) && names.length === value.length) return names
  throw new Refusal(keyword, "#", "it must list names")
}

const propertiesOf = (schema: JsonObject): JsonObject => {
  const { properties = {} } = schema
  if (isObject(properties)) return properties
  throw new Refusal("properties", "#", "it must be an object")
}

const refuse = (keyword: string, problem: string) => new Refusal(keyword, "#", problem)

/** Only what is sure to hold for the parameters that are written. */
const check = (schema: JsonObject, required: ReadonlyArray<string>, strict: boolean): void => {
  checkKeywords(schema, "#")
  const { additionalProperties, maxProperties, minProperties } = schema
  const names = Object.keys(propertiesOf(schema))
  const other = [...WHOLE, "const", "enum"].find((keyword) => keyword in schema)
  if (other !== undefined) throw refuse(other, "it isn't supported for the parameters of this model's calls")
  if (required.some((name) => !names.includes(name))) {
    throw refuse("required", "it names a parameter that isn't in 'properties'")
  }
  if (strict && additionalProperties !== undefined && additionalProperties !== false) {
    throw refuse("additionalProperties", "it must be false in strict mode")
  }
  if (minProperties !== undefined && !(typeof minProperties === "number" && minProperties <= required.length)) {
    throw refuse("minProperties", "it isn't supported beyond the required properties")
  }
  if (maxProperties !== undefined && !(typeof maxProperties === "number" && maxProperties >= names.length)) {
    throw refuse("maxProperties", "it isn't supported beside 'properties'")
  }
}

interface Pair {
  readonly text: Expression
  readonly required: boolean
}

/** Pairs in their order, the optional ones or not. */
const inOrder = (pairs: ReadonlyArray<Pair>, separator: Expression, rules: Rules): Expression => {
  let following: Expression = EMPTY
  let beginning: Expression = EMPTY
  for (const { required, text } of [...pairs].reverse()) {
    const first = sequence(text, following)
    beginning = rules.rule(required ? first : choice([first, beginning]))
    const next = sequence(separator, text)
    following = rules.rule(sequence(required ? next : optional(next), following))
  }
  return beginning
}

/** The parameters that the schema lists, in its order; throws a Refusal where that can't be kept. */
export const argumentsGrammar = (parameters: Parameters, style: ArgumentStyle): Expression => {
  const { root, rules, strict } = parameters
  const schema = behind(root, root)
  const required = strict ? Object.keys(propertiesOf(schema)) : namesIn(schema, "required")
  check(schema, required, strict)
  const write = valueWriter(parameters, style)
  const pairs = Object.entries(propertiesOf(schema)).flatMap(([name, property]): ReadonlyArray<Pair> => {
    const place = inside(ROOT, "properties", name)
    if (!style.names.test(name))
      throw new Refusal("properties", place.path, "the model can't write this name in a call")
    const value = write(property, place)
    if (value === null && required.includes(name)) throw new Refusal("properties", place.path, "no value fits it")
    if (value === null) return []
    const text = rules.rule(sequence(style.before(name), value, style.after))
    return [{ text, required: required.includes(name) }]
  })
  return inOrder(pairs, literal(style.separator), rules)
}
